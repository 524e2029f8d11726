// The archives of the local exchange as the program sees them, and their rows read as plainly as can be: what
// the tests of the source share.
import { tmpdir } from 'node:os'
import { archiveSource } from '../../src/binance/archive-source.ts'
import type { ArchiveFile, ArchiveSource } from '../../src/core/archive.ts'
import type { Value } from '../../src/core/dataset.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Series } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { datasetNamed } from '../../src/datasets/all.ts'
import { openTemporaryIn } from '../../src/world.ts'
import type { ArchiveReader } from './archive-reader.ts'
import { formOf, plainRow, rowsOf } from './csv-reading.ts'
import type { SymbolSpec } from './market.ts'
import { klineSeries } from './pages.ts'
import { hastyWait, testWorld } from './world.ts'

/** The exchange's clock. */
export const NOW_MS = Date.parse('2025-02-10T12:00Z')

export const btc: SymbolSpec = {
  market: 'spot',
  symbol: 'BTCUSDT',
  base: 'BTC',
  quote: 'USDT',
  listedAtMs: Date.parse('2022-02-20T10:30Z'),
}
export const symbols: readonly SymbolSpec[] = [
  btc,
  { ...btc, symbol: '币安人生USDT', base: '币安人生', listedAtMs: Date.parse('2025-02-03T10:30Z') },
  { ...btc, symbol: 'ICPUSDTSETTLED', onlyInArchives: true, endsAtMs: Date.parse('2022-05-03T08:00Z') },
  { ...btc, market: 'um', listedAtMs: Date.parse('2024-11-15T00:00Z') },
]

export const spanOf = (start: string, end: string): Span => ({
  startMs: Date.parse(start),
  endMs: Date.parse(end),
})

/** The series and the month that most cases are about. */
export const hours = klineSeries('BTCUSDT', { period: '1h' })
export const january = spanOf('2025-01-01', '2025-02-01')
export const KEY = 'data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01.zip'

/** The archives at an address. */
export function sourceOf(url: string, tell: (event: PetrosaEvent) => void = () => undefined): ArchiveSource {
  const world = testWorld({
    fetch: (address, init) => fetch(address, init),
    wait: hastyWait,
    monotonicMs: () => performance.now(),
    openTemporary: () => openTemporaryIn(tmpdir()),
  })
  const urls = { files: `${url}/archive`, listing: `${url}/listing` }
  return archiveSource(world, { urls, tell, dataset: known })
}

function known(name: Series['dataset']): NonNullable<ReturnType<typeof datasetNamed>> {
  const dataset = datasetNamed(name)
  if (!dataset) throw new Error(`no dataset ${name}`)
  return dataset
}

/** The first month of a series that is published in a span. */
export async function monthOf(source: ArchiveSource, series = hours, within = january): Promise<ArchiveFile> {
  const file = (await source.list(series, within)).find(({ unit }) => unit === 'month')
  if (!file) throw new Error('no file')
  return file
}

/** All rows of a file, as the source reads them. */
export async function readRows(source: ArchiveSource, series: Series, file: ArchiveFile): Promise<Value[][]> {
  const open = await source.open(series, file)
  try {
    return rowsOf(await Array.fromAsync(open.pieces()))
  } finally {
    await open.close()
  }
}

/** The rows of the sound file, read as plainly as can be. */
export async function soundRows(read: ArchiveReader, key = KEY, series = hours): Promise<Value[][]> {
  const lines = (await read.csv(key)).trim().split('\n')
  const form = formOf(known(series.dataset), series)
  return lines.filter((line) => /^\d/.test(line)).map((line) => plainRow(form, line))
}

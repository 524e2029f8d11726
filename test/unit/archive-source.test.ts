// The archives as a source, against the local exchange: what is published is listed at the price of the pages
// that it needs, sound files give the rows of the market, and each damage ends in the right words.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { archiveSource } from '../../src/binance/archive-source.ts'
import type { ArchiveFile, ArchiveSource } from '../../src/core/archive.ts'
import { DAY_MS } from '../../src/core/calendar.ts'
import type { Value } from '../../src/core/dataset.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Series } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { datasetNamed } from '../../src/datasets/all.ts'
import { MalformedError, RefusedError, UnavailableError } from '../../src/errors.ts'
import { realWait } from '../../src/world.ts'
import { type ArchiveReader, archiveReader } from '../rig/archive-reader.ts'
import type { ArchiveFaultKind, ArchiveRule } from '../rig/archive-rules.ts'
import { formOf, plainRow, rowsOf } from '../rig/csv-reading.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import type { SymbolSpec } from '../rig/market.ts'
import { klineSeries } from '../rig/pages.ts'
import { testWorld } from '../rig/world.ts'

const nowMs = Date.parse('2025-02-10T12:00Z')
const btc: SymbolSpec = {
  market: 'spot',
  symbol: 'BTCUSDT',
  base: 'BTC',
  quote: 'USDT',
  listedAtMs: Date.parse('2022-02-20T10:30Z'),
}
const symbols: SymbolSpec[] = [
  btc,
  { ...btc, symbol: '币安人生USDT', base: '币安人生', listedAtMs: Date.parse('2025-02-03T10:30Z') },
  { ...btc, symbol: 'ICPUSDTSETTLED', onlyInArchives: true, endsAtMs: Date.parse('2022-05-03T08:00Z') },
  { ...btc, market: 'um', listedAtMs: Date.parse('2024-11-15T00:00Z') },
]
const hours = klineSeries('BTCUSDT', { period: '1h' })
const span = (start: string, end: string): Span => ({ startMs: Date.parse(start), endMs: Date.parse(end) })
const january = span('2025-01-01', '2025-02-01')
const KEY = 'data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01.zip'

let exchange: LocalExchange
let read: ArchiveReader
let events: PetrosaEvent[]
let source: ArchiveSource
beforeAll(async () => {
  exchange = await startExchange({ symbols, clock: { manualMs: nowMs }, graceMs: 0 })
  read = archiveReader(exchange.url)
})
afterAll(() => exchange.stop())
beforeEach(() => {
  exchange.setFaults({})
  exchange.resetCounts()
  events = []
  source = sourceOf(exchange.url)
})

/** The archives at an address; pauses between tries take no time. */
function sourceOf(url: string): ArchiveSource {
  const world = testWorld({
    fetch: (address, init) => fetch(address, init),
    wait: (ms, signal) => (ms > 10_000 ? realWait(ms, signal) : realWait(0, signal)),
    monotonicMs: () => performance.now(),
  })
  return archiveSource(world, {
    urls: { files: `${url}/archive`, listing: `${url}/listing` },
    tell: (event) => void events.push(event),
    dataset: (name) => {
      const dataset = datasetNamed(name)
      if (!dataset) throw new Error(`no dataset ${name}`)
      return dataset
    },
  })
}

const fileOf = async (series = hours, within = january): Promise<ArchiveFile> => {
  const file = (await source.list(series, within)).find(({ unit }) => unit === 'month')
  if (!file) throw new Error('no file')
  return file
}

async function rowsOfFile(series: Series, file: ArchiveFile): Promise<Value[][]> {
  const open = await source.open(series, file)
  const pieces = await Array.fromAsync(open.pieces())
  await open.close()
  return rowsOf(pieces)
}

/** The rows of the sound file, read as plainly as can be. */
async function soundRows(key = KEY, series = hours): Promise<Value[][]> {
  const dataset = datasetNamed(series.dataset)
  if (!dataset) throw new Error('no dataset')
  const lines = (await read.csv(key)).trim().split('\n')
  return lines.filter((line) => /^\d/.test(line)).map((line) => plainRow(formOf(dataset, series), line))
}

describe('the listing', () => {
  test('has the days and months that overlap a span, and no others', async () => {
    const files = await source.list(hours, span('2024-12-30T05:00Z', '2025-01-02T00:00:00.001Z'))
    const dates = ['2024-12-30', '2024-12-31', '2025-01-01', '2025-01-02']
    expect(files.map(({ key, unit }) => [unit, key.replace(/^.*-1h-|\.zip$/g, '')])).toEqual([
      ...dates.map((date) => ['day', date]),
      ['month', '2024-12'],
      ['month', '2025-01'],
    ])
    expect(files[0]).toMatchObject({
      key: 'data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12-30.zip',
      span: { startMs: Date.parse('2024-12-30'), endMs: Date.parse('2024-12-31') },
      bytes: (await read.bytes('data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12-30.zip')).length,
    })
    expect(files[5]?.span).toEqual(january)
    expect(await source.list(hours, span('2025-01-05', '2025-01-05'))).toEqual([])
    expect(await source.list(klineSeries('NOUSDT'), january)).toEqual([])
  })

  test('costs a page for the last days, and for years as many as they have', async () => {
    await source.list(hours, { startMs: nowMs - 3 * DAY_MS, endMs: nowMs })
    expect(exchange.counts().archives.listings).toBe(2)
    exchange.resetCounts()
    await source.list(hours, span('2022-03-01', '2022-03-04'))
    expect(exchange.counts().archives.listings).toBe(2)
    exchange.resetCounts()
    const files = await source.list(hours, { startMs: 0, endMs: nowMs })
    const days = files.filter(({ unit }) => unit === 'day')
    expect(days).toHaveLength(Math.floor(nowMs / DAY_MS) - Math.floor(btc.listedAtMs / DAY_MS))
    // Two keys a file, a thousand keys a page, and the months.
    expect(exchange.counts().archives.listings).toBe(Math.ceil(days.length / 500) + 1)
    expect(source.spent().requests).toBe(2 + 2 + Math.ceil(days.length / 500) + 1)
  })

  test('has no days of long periods, and calls a month 1mo', async () => {
    const files = await source.list(klineSeries('BTCUSDT', { period: '1M' }), january)
    expect(files.map(({ key }) => key)).toEqual([
      'data/spot/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2025-01.zip',
    ])
    expect(exchange.counts().archives.listings).toBe(1)
  })

  test('leaves out what has no CHECKSUM yet', async () => {
    exchange.setFaults({ archives: { rules: [{ kind: 'hidden', key: `${KEY}.CHECKSUM` }] } })
    expect((await source.list(hours, january)).filter(({ unit }) => unit === 'month')).toEqual([])
  })

  test('knows every symbol, delisted ones, new ones, in any script', async () => {
    expect(await source.symbols('spot', 'klines')).toEqual(['BTCUSDT', 'ICPUSDTSETTLED', '币安人生USDT'])
    expect(await source.symbols('um', 'klines')).toEqual(['BTCUSDT'])
    expect(exchange.counts().archives.listings).toBe(4)
  })
})

describe('sound files', () => {
  test('give the rows of the market, at one request each beside the CHECKSUM', async () => {
    const file = await fileOf()
    exchange.resetCounts()
    expect(await rowsOfFile(hours, file)).toEqual(await soundRows())
    const key = 'data/spot/daily/klines/币安人生USDT/1m/币安人生USDT-1m-2025-02-04.zip'
    const series = klineSeries('币安人生USDT')
    const [day] = await source.list(series, span('2025-02-04', '2025-02-05'))
    expect(day?.key).toBe(key)
    if (day) expect(await rowsOfFile(series, day)).toEqual(await soundRows(key, series))
    const um: Series = { ...hours, market: 'um' }
    expect(await rowsOfFile(um, await fileOf(um))).toEqual(
      await soundRows(KEY.replace('spot', 'futures/um'), um),
    )
    const { archives, bytes } = source.spent()
    expect(archives).toBe(3)
    expect(bytes).toBe(exchange.counts().archives.zipBytes - (await sizes(key)))
  })

  /** Bytes of the zips that the test itself has read. */
  const sizes = async (key: string): Promise<number> => {
    const keys = [KEY, key, KEY.replace('spot', 'futures/um')]
    return (await Promise.all(keys.map(async (one) => (await read.bytes(one)).length))).reduce(
      (a, b) => a + b,
    )
  }

  test('say their sha256, which the CHECKSUM says too', async () => {
    const file = await fileOf()
    const open = await source.open(hours, file)
    expect([open.sha256, await source.checksum(file)]).toEqual(Array(2).fill(await read.checksum(KEY)))
    expect(() => {
      open.pieces()
      open.pieces()
    }).toThrow('read twice')
    await open.close()
    await open.close()
  })

  test('that are put down in the middle give back what they hold', async () => {
    const series = klineSeries('BTCUSDT')
    const open = await source.open(series, await fileOf(series))
    for await (const { rows } of open.pieces()) {
      expect(rows.count).toBeGreaterThan(0)
      break
    }
    await open.close()
  })
})

describe('damage', () => {
  const rule = (kind: ArchiveFaultKind, more: Partial<ArchiveRule> = {}): void =>
    exchange.setFaults({ archives: { rules: [{ kind, key: KEY, ...more }] } })
  const requests = (): number[] => {
    const { byKey } = exchange.counts().archives
    return [byKey[KEY] ?? 0, byKey[`${KEY}.CHECKSUM`] ?? 0]
  }
  const errorOfFile = async (): Promise<unknown> => {
    const file = await fileOf()
    exchange.resetCounts()
    return rowsOfFile(hours, file).catch((error: unknown) => error)
  }

  const harmless: readonly ArchiveFaultKind[] = ['unsorted-rows', 'doubled-rows', 'stored-member']
  for (const kind of harmless) {
    test(`${kind} are put right`, async () => {
      const due = await soundRows()
      rule(kind)
      expect(await rowsOfFile(hours, await fileOf())).toEqual(due)
    })
  }

  const passing: readonly (readonly [ArchiveFaultKind, Partial<ArchiveRule>])[] = [
    ['error-500', { times: 2 }],
    ['error-503', { times: 1 }],
    ['cut', { times: 2 }],
    ['reset', { times: 2 }],
    ['slow', { times: 1 }],
    ['error-500', { times: 2, of: 'checksum' }],
    ['html', { times: 1, of: 'checksum' }],
    ['cut', { times: 1, of: 'checksum' }],
    ['cut', { times: 1, of: 'listing', key: '*' }],
    ['html', { times: 1, of: 'listing', key: '**' }],
  ]
  for (const [kind, more] of passing) {
    test(`${kind} of the ${more.of ?? 'zip'} passes`, async () => {
      const due = await soundRows()
      rule(kind, more)
      expect(await rowsOfFile(hours, await fileOf())).toEqual(due)
    })
  }

  const once: readonly (readonly [ArchiveFaultKind, Partial<ArchiveRule>])[] = [
    ['wrong-checksum', {}],
    ['flipped-byte', {}],
    ['short-zip', {}],
    ['html', {}],
  ]
  for (const [kind, more] of once) {
    test(`${kind} once: the file and its CHECKSUM are asked for once more, and it is told`, async () => {
      const due = await soundRows()
      rule(kind, { times: 1, ...more })
      const file = await fileOf()
      exchange.resetCounts()
      expect(await rowsOfFile(hours, file)).toEqual(due)
      expect(requests()).toEqual([2, 2])
      const told = events.flatMap((event) => (event.type === 'page-retried' ? [event.reason] : []))
      expect(told).toEqual([expect.stringContaining(`the sha256 of ${KEY} is `)])
    })
  }

  test('wrong checksums twice: refused, and not asked for again', async () => {
    rule('wrong-checksum')
    const error = await errorOfFile()
    expect(error).toBeInstanceOf(RefusedError)
    expect(String(error)).toMatch(/its \.CHECKSUM says [0-9a-f]{64}, 2 times/)
    expect(requests()).toEqual([2, 2])
  })

  const bad: readonly (readonly [ArchiveFaultKind, RegExp])[] = [
    ['wrong-crc', /the CRC of what the zip inflates to is wrong/],
    ['wrong-size', /inflates from \d+ to \d+ bytes/],
    ['bomb', /inflates from \d+ to \d+ bytes/],
    ['other-member', /its member is ".*", not BTCUSDT-1h-2025-01\.csv/],
    ['two-members', /it has 2 members in place of one/],
    ['short-zip', /it is cut, or no zip at all/],
    ['flipped-byte', /(does not inflate|inflates to|CRC|line \d+)/],
    ['contradictory-rows', /lines \d+ and \d+ have the same key and contradict each other/],
    ['torn-row', /line 1/],
  ]
  for (const [kind, says] of bad) {
    test(`${kind} under a right checksum is refused by name, without a second request`, async () => {
      rule(kind)
      const error = await errorOfFile()
      expect(error).toBeInstanceOf(MalformedError)
      expect(String(error)).toContain(`${KEY}: `)
      expect(String(error)).toMatch(says)
      expect(requests()).toEqual([1, 1])
    })
  }

  test('rows of another month are refused', async () => {
    const file = await fileOf()
    const shifted = { ...file, span: span('2024-12-01', '2025-01-01') }
    expect(String(await rowsOfFile(hours, shifted).catch((error: unknown) => error))).toContain(
      'lies outside of',
    )
  })

  test('a file that is gone, or that the host never gives: refused; a host that is down: unavailable', async () => {
    rule('gone')
    expect(await errorOfFile()).toBeInstanceOf(RefusedError)
    rule('error-500')
    expect(await errorOfFile()).toBeInstanceOf(RefusedError)
    rule('blocked-403')
    expect(await errorOfFile()).toBeInstanceOf(UnavailableError)
    const down = await startExchange({ symbols, clock: { manualMs: nowMs } })
    const file = await fileOf()
    source = sourceOf(down.url)
    await down.stop()
    expect(await rowsOfFile(hours, file).catch((error: unknown) => error)).toBeInstanceOf(UnavailableError)
    const listing = source.list(hours, january)
    expect(await listing.catch((error: unknown) => error)).toBeInstanceOf(UnavailableError)
  })

  test('a bomb is left at once, with memory bounded', async () => {
    rule('bomb', { filling: 'rows' })
    const file = await fileOf()
    const before = process.memoryUsage().rss
    expect(await rowsOfFile(hours, file).catch((error: unknown) => error)).toBeInstanceOf(MalformedError)
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 ** 2)
  })
})

// --refresh: which archives are taken in again, what of them, and what is said of those that cannot be
// compared.
import { describe, expect, test } from 'bun:test'
import { refreshTasks } from '../../src/cli/refresh.ts'
import type { ArchiveFile, ArchiveRecord, ArchiveSource } from '../../src/core/archive.ts'
import { DAY_MS } from '../../src/core/calendar.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import type { Span } from '../../src/core/span.ts'
import { RefusedError, UnavailableError } from '../../src/errors.ts'
import { klineSeries } from '../rig/pages.ts'

const series = klineSeries('AUSDT')
const START_MS = Date.UTC(2024, 0, 1)
const day = (from: number, count = 1): Span => ({
  startMs: START_MS + from * DAY_MS,
  endMs: START_MS + (from + count) * DAY_MS,
})
const dates = ['2024-01-01', '2024-01-02', '2024-01-03', '2024-01-04']
const records: readonly ArchiveRecord[] = dates.map((date) => ({
  series: 'spot/klines/AUSDT/1m',
  name: `AUSDT-1m-${date}.zip`,
  sha256: 'old',
  bytes: 1_000,
  takenAtMs: START_MS,
}))

type Given = {
  /** What today's checksum is by day of January, 'old' where it is not given; null: there is none. */
  readonly today?: Readonly<Record<number, string | null>>
  readonly ledger?: readonly LedgerRow[]
  readonly missing?: readonly Span[]
  readonly range?: { readonly startMs: number | null; readonly endMs: number | null }
}

async function tasksOf(given: Given) {
  const listed: Span[] = []
  const warnings: string[] = []
  const compared: string[] = []
  const archives: Partial<ArchiveSource> = {
    async checksum({ key }: ArchiveFile) {
      compared.push(key.slice(9, 19))
      const { [Number(key.slice(17, 19))]: sha256 = 'old' } = given.today ?? {}
      if (sha256 === null) throw new RefusedError(`${key}: not published`)
      if (sha256 === 'away') throw new UnavailableError('the archives are not available', '')
      return sha256
    },
    async list(_series, span) {
      listed.push(span)
      return [{ key: records[1]?.name ?? '', unit: 'day', span: day(1), bytes: 9_999_999 }]
    },
  }
  const tasks = await refreshTasks({
    series,
    archives: archives as ArchiveSource,
    records,
    ledger: given.ledger ?? [ledgerRow(day(0, 4), 'rows')],
    missing: given.missing ?? [],
    range: given.range ?? { startMs: null, endMs: null },
    signal: new AbortController().signal,
    tell: (event) => void (event.type === 'warning' && warnings.push(event.message)),
  })
  const short = tasks.map(({ file, spans, again }) => ({ key: file.key.slice(9, 19), spans, again }))
  return { tasks, short, listed, warnings, compared: compared.sort() }
}

describe('what is taken in again', () => {
  test('is nothing where no checksum is another one, and then nothing is listed', async () => {
    const { tasks, listed, compared } = await tasksOf({})
    expect([tasks, listed]).toEqual([[], []])
    expect(compared).toEqual(dates)
  })

  test('are the settled rows of what was published anew, by the sizes that the listing has now', async () => {
    const { tasks, short, listed } = await tasksOf({ today: { 4: 'new', 2: 'new' } })
    expect(short).toEqual([
      { key: '2024-01-02', spans: [], again: [day(1)] },
      { key: '2024-01-04', spans: [], again: [day(3)] },
    ])
    expect(tasks.map(({ file }) => file.bytes)).toEqual([9_999_999, 1_000])
    expect(listed).toEqual([day(1, 3)])
  })

  test('comes with what is missing of the file, and not without anything that is settled', async () => {
    const noonMs = START_MS + 1.5 * DAY_MS
    const [morning, evening] = [
      { startMs: day(1).startMs, endMs: noonMs },
      { startMs: noonMs, endMs: day(1).endMs },
    ]
    const ledger = [ledgerRow({ startMs: START_MS, endMs: noonMs }, 'rows'), ledgerRow(day(3), 'wanted')]
    const missing = [{ startMs: noonMs, endMs: day(3).endMs }]
    const { short } = await tasksOf({ today: { 2: 'new', 3: 'new', 4: 'new' }, ledger, missing })
    expect(short).toEqual([{ key: '2024-01-02', spans: [evening], again: [morning] }])
  })

  test('lies between --start and --end, which nothing outside is even compared for', async () => {
    const today = { 1: 'new', 2: 'new', 3: 'new', 4: 'new' }
    const range = { startMs: START_MS + 1.5 * DAY_MS, endMs: START_MS + 3 * DAY_MS }
    const { short, compared } = await tasksOf({ today, range })
    expect(short.map(({ key }) => key)).toEqual(['2024-01-02', '2024-01-03'])
    expect(compared).toEqual(['2024-01-02', '2024-01-03'])
  })
})

describe('what cannot be compared', () => {
  test('is told, stays, and keeps nobody else from it', async () => {
    const { short, warnings } = await tasksOf({ today: { 1: null, 2: 'new' } })
    expect(short.map(({ key }) => key)).toEqual(['2024-01-02'])
    expect(warnings).toEqual([
      'the archive AUSDT-1m-2024-01-01.zip cannot be compared, what is stored of it stays: ' +
        'AUSDT-1m-2024-01-01.zip: not published',
    ])
  })

  test('because the archives are out of reach ends it', async () => {
    expect(tasksOf({ today: { 3: 'away' } })).rejects.toThrow('the archives are not available')
  })
})

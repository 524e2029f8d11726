// The plan of series with archives: what the files around a span say of what nobody has.
import { describe, expect, test } from 'bun:test'
import { type PlanOptions, planJobs } from '../../src/cli/plan-jobs.ts'
import type { ArchiveFile, ArchiveSource } from '../../src/core/archive.ts'
import { advance, DAY_MS } from '../../src/core/calendar.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import type { Listing, Source } from '../../src/core/source.ts'
import type { Span } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import type { Task } from '../../src/core/tasks.ts'
import { klines } from '../../src/datasets/klines.ts'
import { UserError } from '../../src/errors.ts'

const nowMs = Date.UTC(2025, 5, 1)
const months = (from: number, count: number): Span => ({
  startMs: Date.UTC(2024, from, 1),
  endMs: Date.UTC(2024, from + count, 1),
})

/** An archive source that has these months, and the spans that it was asked to list. */
function archivesOf(all: readonly Span[]): { source: ArchiveSource; asked: Span[] } {
  const asked: Span[] = []
  const files = all.flatMap(({ startMs, endMs }) => {
    const out: ArchiveFile[] = []
    for (let at = startMs; at < endMs; at = advance('1M', at, 1)) {
      const span = { startMs: at, endMs: advance('1M', at, 1) }
      out.push({ key: new Date(at).toISOString().slice(0, 7), unit: 'month', span, bytes: 1 })
    }
    return out
  })
  const no = (): never => {
    throw new Error('nobody should ask for this')
  }
  const source: ArchiveSource = {
    name: 'archive',
    list: async (_series, span) => {
      asked.push(span)
      return files.filter((file) => file.span.endMs > span.startMs && file.span.startMs < span.endMs)
    },
    checksum: no,
    open: no,
    symbols: no,
    spent: () => ({ requests: 0, archives: 0, bytes: 0 }),
  }
  return { source, asked }
}

const unknown = { base: '', quote: '', listedAtMs: null, endsAtMs: null }
const listing = (trading: boolean): Listing => ({ symbol: 'A', trading, status: '', ...unknown })

type Facts = Partial<Pick<PlanOptions, 'nowMs' | 'rest'>> & { readonly ledger?: readonly LedgerRow[] }

async function planned(
  files: readonly Span[],
  span: Span,
  trading = true,
  range: { readonly startMs: number; readonly endMs: number | null } = span,
  { ledger = [], ...facts }: Facts = {},
): Promise<{ tasks: readonly Task[]; asked: readonly Span[] }> {
  const { source, asked } = archivesOf(files)
  const store = { ledger: async () => [ledger] } as Partial<Store> as Store
  const series = { market: 'spot', dataset: 'klines', symbol: 'A', period: '1d' } as const
  const options: PlanOptions = {
    wanted: [{ series, period: '1d', listing: listing(trading) }],
    dataset: klines,
    store,
    rest: null,
    archives: source,
    archivesOnly: true,
    range: { ...range, lookbackMs: 0 },
    nowMs,
    ...facts,
  }
  const [job] = await planJobs(options)
  return { tasks: job?.plan.tasks ?? [], asked }
}

/** An API that reaches back to a month of 2024. */
const restFrom = (month: number): Source => ({
  name: 'rest',
  page: () => ({ rows: 1_000, weight: 2 }),
  nowMs: () => nowMs,
  fetch: () => Promise.reject(new Error('nobody should ask for this')),
  reachMs: nowMs - Date.UTC(2024, month, 1),
})

/** Each task in words: where it begins, and who brings it or what it is. */
const words = (tasks: readonly Task[]): string[] =>
  tasks.map((task) => {
    if (task.kind === 'archive') return `${task.file.key} archive`
    const start = new Date(task.span.startMs).toISOString().slice(0, 7)
    return `${start} ${task.kind === 'none' ? (task.verdict ?? 'open') : 'rest'}`
  })

describe('what no archive has', () => {
  test('at the edge of what is asked, with files beyond it, is open', async () => {
    const files = [months(0, 1), months(2, 2), months(5, 1)]
    const { tasks, asked } = await planned(files, months(1, 4), false)
    expect(words(tasks)).toEqual(['2024-02 open', '2024-03 archive', '2024-04 archive', '2024-05 open'])
    expect(asked).toHaveLength(1)
  })

  test('with files beyond it that are far away, is open too', async () => {
    const { tasks } = await planned([months(0, 1), months(5, 1), months(11, 1)], months(4, 3), false)
    expect(words(tasks)).toEqual(['2024-05 open', '2024-06 archive', '2024-07 open'])
  })

  test('before the first file of all the symbol was not listed', async () => {
    const { tasks } = await planned([months(2, 4)], months(1, 2))
    expect(words(tasks)).toEqual(['2024-02 unlisted', '2024-03 archive'])
  })

  test('before the first file of all, after time that was settled as such, it still was not', async () => {
    const ledger = [ledgerRow(months(0, 1), 'unlisted', { source: 'archive', asked: 0 })]
    const { tasks } = await planned([months(2, 4)], months(1, 2), true, months(1, 2), { ledger })
    expect(words(tasks)).toEqual(['2024-02 unlisted', '2024-03 archive'])
  })

  test('after the last file of all a symbol is delisted where it does not trade, else open', async () => {
    const files = [months(0, 4)]
    expect(words((await planned(files, months(3, 2), false)).tasks)).toEqual([
      '2024-04 archive',
      '2024-05 delisted',
    ])
    expect(words((await planned(files, months(3, 2), true)).tasks)).toEqual([
      '2024-04 archive',
      '2024-05 open',
    ])
  })

  test('long after the last file of all a symbol that does not trade is delisted', async () => {
    const files = [months(0, 2)]
    expect(words((await planned(files, months(10, 1), false)).tasks)).toEqual(['2024-11 delisted'])
    const trading = await planned(files, months(10, 1), true)
    expect(words(trading.tasks)).toEqual(['2024-11 open'])
    // Around it and all of them, each once.
    expect(trading.asked).toHaveLength(2)
  })

  test('long before the first file of all the symbol was not listed', async () => {
    expect(words((await planned([months(8, 2)], months(0, 1))).tasks)).toEqual(['2024-01 unlisted'])
  })

  test('without an end is not owed where files end before it, and is open where there is none', async () => {
    const since = { startMs: months(10, 1).startMs, endMs: null }
    expect(words((await planned([months(0, 2)], months(10, 1), true, since)).tasks)).toEqual([])
    expect(words((await planned([], months(10, 1), true, since)).tasks)).toEqual(['2024-11 open'])
  })
})

describe('with the API out of reach, a symbol whose archives ended long before those of others', () => {
  const since = { startMs: Date.UTC(2024, 3, 1), endMs: null }
  /** Only files of months: what comes after the last one may lack its file for a month and two weeks. */
  const untilMs = Date.UTC(2025, 4, 1) - 45 * DAY_MS
  const active = { startMs: Date.UTC(2024, 0, 1), endMs: Date.UTC(2025, 4, 1) }

  /** The tasks of A with these files, in a pass with B, which has the files of `others`. */
  async function tasksOf(
    own: readonly Span[],
    others: readonly Span[],
    range: Span | { readonly startMs: number; readonly endMs: null } = since,
    ledger: readonly LedgerRow[] = [],
  ): Promise<readonly Task[]> {
    const [a, b] = [archivesOf(own).source, archivesOf(others).source]
    const list: ArchiveSource['list'] = (series, span) => (series.symbol === 'A' ? a : b).list(series, span)
    const wanted = ['A', 'B'].map((symbol) => {
      const series = { market: 'spot', dataset: 'klines', symbol, period: '1d' } as const
      return { series, period: '1d', listing: { ...listing(true), symbol } } as const
    })
    const store = { ledger: async () => [ledger, []] } as Partial<Store> as Store
    const [job] = await planJobs({
      wanted,
      dataset: klines,
      store,
      rest: null,
      archives: { ...a, list },
      archivesOnly: false,
      range: { ...range, lookbackMs: 0 },
      nowMs,
    })
    return job?.plan.tasks ?? []
  }

  test('is delisted up to where a new file might not be there yet, and open after that', async () => {
    const asked = { startMs: since.startMs, endMs: active.endMs }
    const tasks = await tasksOf([months(0, 4)], [active], asked)
    expect(words(tasks)).toEqual(['2024-04 archive', '2024-05 delisted', '2025-03 open'])
    expect(tasks.at(-1)).toMatchObject({ span: { startMs: untilMs, endMs: active.endMs } })
  })

  test('is late, as far as anybody can tell, while those of others end soon after', async () => {
    for (const others of [[], [months(0, 4)], [months(0, 5)]])
      expect(words(await tasksOf([months(0, 4)], others))).toEqual(['2024-04 archive', '2024-05 open'])
  })

  test('owes nothing more without an end, and goes on when it is listed again', async () => {
    expect(words(await tasksOf([months(0, 4)], [active]))).toEqual(['2024-04 archive', '2024-05 delisted'])
    const again = { ...since, startMs: Date.UTC(2024, 4, 1) }
    const ledger = [
      ledgerRow({ startMs: since.startMs, endMs: again.startMs }, 'rows', { source: 'archive' }),
      ledgerRow({ startMs: again.startMs, endMs: untilMs }, 'delisted', { source: 'archive', asked: 0 }),
    ]
    expect(words(await tasksOf([months(0, 4)], [active], again, ledger))).toEqual([])
    const listed = [months(0, 4), { startMs: Date.UTC(2025, 3, 1), endMs: active.endMs }]
    expect(words(await tasksOf(listed, [active], again, ledger))).toEqual([
      '2025-03 open',
      '2025-04 archive',
      '2025-05 open',
    ])
  })
})

describe('what archives alone call empty', () => {
  const whole = months(0, 6)
  const hole = { startMs: Date.UTC(2024, 1, 3), endMs: Date.UTC(2024, 1, 6) }
  const ledgerWith = (facts: Partial<LedgerRow>): LedgerRow[] => [
    ledgerRow({ ...whole, endMs: hole.startMs }, 'rows', { source: 'archive' }),
    ledgerRow(hole, 'outage', { source: 'archive', asked: 0, ...facts }),
    ledgerRow({ ...whole, startMs: hole.endMs }, 'rows', { source: 'archive' }),
  ]
  const tasksOf = async (
    facts: Partial<LedgerRow>,
    rest: Source | null,
    range = whole,
  ): Promise<readonly Task[]> =>
    (await planned([whole], whole, true, range, { rest, ledger: ledgerWith(facts) })).tasks

  test('is asked of the API by the first pass that reaches it, whatever is asked for', async () => {
    const asked = [{ kind: 'rest', span: hole }] as const
    expect(await tasksOf({}, restFrom(0))).toEqual(asked)
    expect(await tasksOf({ asked: 1, verdict: 'unlisted' }, restFrom(0))).toEqual(asked)
    expect(await tasksOf({}, restFrom(0), months(2, 2))).toEqual(asked)
  })

  test('stays settled where nobody reaches it, and once the API was asked', async () => {
    expect(await tasksOf({}, null)).toEqual([])
    expect(await tasksOf({}, restFrom(2))).toEqual([])
    expect(await tasksOf({}, { ...restFrom(0), lacksKey: new UserError('a key is needed') })).toEqual([])
    expect(await tasksOf({ source: 'rest', asked: 1 }, restFrom(0))).toEqual([])
    expect(await tasksOf({ verdict: 'no-trades', asked: 2 }, restFrom(0))).toEqual([])
  })
})

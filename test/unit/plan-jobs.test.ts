// The plan of series with archives: what the files around a span say of what nobody has.
import { describe, expect, test } from 'bun:test'
import { type PlanOptions, planJobs } from '../../src/cli/plan-jobs.ts'
import type { ArchiveFile, ArchiveSource } from '../../src/core/archive.ts'
import { advance } from '../../src/core/calendar.ts'
import type { Listing } from '../../src/core/source.ts'
import type { Span } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import type { Task } from '../../src/core/tasks.ts'
import { klines } from '../../src/datasets/klines.ts'

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

async function planned(
  files: readonly Span[],
  span: Span,
  trading = true,
  range: { readonly startMs: number; readonly endMs: number | null } = span,
): Promise<{ tasks: readonly Task[]; asked: readonly Span[] }> {
  const { source, asked } = archivesOf(files)
  const store = { ledger: async () => [[]] } as Partial<Store> as Store
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
  }
  const [job] = await planJobs(options)
  return { tasks: job?.plan.tasks ?? [], asked }
}

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

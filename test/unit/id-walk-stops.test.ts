// A span of trades walked page by page, stopped after any page and taken up again from what the ledger says:
// every trade is brought, and every id that is missing is named or counted, once.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { idsOf } from '../../src/core/dataset.ts'
import { fetchById } from '../../src/core/id-walk.ts'
import { type LedgerRow, settledSpans, withNews } from '../../src/core/ledger.ts'
import { minus, type Span } from '../../src/core/span.ts'
import { aggTrades } from '../../src/datasets/trades.ts'
import { listing } from '../rig/memory-source.ts'
import { runsFor } from '../rig/seed.ts'
import { type Tick, tickSource } from '../rig/tick-source.ts'

const runs = runsFor('test/unit/id-walk-stops.test.ts')
const LATER_MS = Date.UTC(2040, 0, 1)
const series = { market: 'um', dataset: 'agg-trades', symbol: 'AUSDT', period: null } as const

type Walked = { readonly ids: readonly string[]; readonly ledger: readonly LedgerRow[] }

/** Walks a span; `stopAfter` pages it stops, as a process does that is killed. */
async function walk(
  ticks: readonly Tick[],
  span: Span,
  pageRows: number,
  before: readonly LedgerRow[],
  stopAfter = Number.POSITIVE_INFINITY,
): Promise<Walked> {
  const { source } = tickSource({
    dataset: aggTrades,
    ticks,
    pageRows,
    name: 'rest',
    nowMs: () => LATER_MS,
    before: async () => {},
  })
  const table = aggTrades.table(series)
  const ids: string[] = []
  let ledger = before
  let steps = 0
  const facts = { series, dataset: aggTrades, table, source, listing: listing('AUSDT') }
  for await (const step of fetchById({ ...facts, before, span, hurried: false })) {
    ids.push(...idsOf(step.rows))
    ledger = withNews(ledger, step.ledger)
    steps += 1
    if (steps >= stopAfter) break
  }
  return { ids, ledger }
}

const tick = fc.record({
  step: fc.constantFrom(1, 1, 1, 1, 2, 5),
  pauseMs: fc.constantFrom(0, 0, 1, 2, 30),
  invalid: fc.constantFrom(false, false, false, false, true),
})
const story = fc.record({
  ticks: fc.array(tick, { minLength: 1, maxLength: 40 }),
  pageRows: fc.integer({ min: 2, max: 12 }),
  stops: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 }),
  cut: fc.nat({ max: 200 }),
})

function ticksOf(given: readonly { step: number; pauseMs: number; invalid: boolean }[]): Tick[] {
  let [id, timeMs] = [100n, 0]
  return given.map(({ step, pauseMs, invalid }, i) => {
    id += BigInt(i === 0 ? 0 : step)
    timeMs += pauseMs
    // A market does not begin or end with a record that is no trade.
    const isEdge = i === 0 || i === given.length - 1
    return { id, timeMs, ...(invalid && !isEdge ? { invalid: true } : {}) }
  })
}

describe('trades by id', () => {
  test('stopped anywhere and taken up again, none is lost, every missing id is accounted for', async () => {
    const property = fc.asyncProperty(story, async ({ ticks: given, pageRows, stops, cut }) => {
      const ticks = ticksOf(given)
      const endMs = (ticks.at(-1)?.timeMs ?? 0) + 10
      let ledger: readonly LedgerRow[] = []
      const brought = new Set<string>()
      for (const whole of [
        { startMs: 0, endMs: Math.min(cut, endMs) },
        { startMs: 0, endMs },
      ]) {
        for (const stopAfter of [...stops, Number.POSITIVE_INFINITY]) {
          const [next] = minus([whole], settledSpans(ledger))
          if (!next) break
          const walked = await walk(ticks, next, pageRows, ledger, stopAfter)
          for (const id of walked.ids) brought.add(id)
          ledger = walked.ledger
        }
      }
      const valid = ticks.filter(({ invalid }) => !invalid).map(({ id }) => `${id}`)
      expect([...brought].sort((a, b) => Number(a) - Number(b))).toEqual(valid)
      const [first, last] = [ticks[0]?.id ?? 0n, ticks.at(-1)?.id ?? 0n]
      const missing = Number(last - first) + 1 - valid.length
      // Where a jump lies beside a record that was left out, at a border of two walks, the counts of the two
      // may overlap or leave one out: no trade is lost by it, and `gaps` asks once more.
      if (ticks.some(({ invalid }) => invalid)) return
      const accounted = ledger.reduce((sum, row) => {
        const named =
          row.verdict === 'no-trades' && row.firstId && row.lastId
            ? Number(BigInt(row.lastId) - BigInt(row.firstId)) + 1
            : 0
        return sum + row.skipped + named
      }, 0)
      expect(accounted).toBe(missing)
    })
    await fc.assert(property, runs)
  })

  test('two runs of ids with an invalid record between them are one: they share their time', async () => {
    const at = (id: number, timeMs: number, invalid = false): Tick => ({
      id: BigInt(id),
      timeMs,
      ...(invalid ? { invalid: true } : {}),
    })
    const ticks = [at(1, 0), at(2, 5), at(5, 9, true), at(8, 20), at(9, 30)]
    const { ledger } = await walk(ticks, { startMs: 0, endMs: 40 }, 50, [])
    expect(
      ledger.map(({ verdict, firstId, lastId, skipped }) => [verdict, firstId, lastId, skipped]),
    ).toEqual([
      ['rows', '1', '2', 0],
      ['no-trades', '3', '7', 0],
      ['rows', '8', '9', 0],
    ])
  })
})

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

/** Every row of the ledger names exactly the ids that it counts, and no two name the same. */
function expectExact(ledger: readonly LedgerRow[], ticks: readonly Tick[]): void {
  let endId = -1n
  for (const { firstId, lastId, rows, skipped, verdict } of ledger) {
    if (lastId === null) expect([firstId, rows, skipped]).toEqual([null, 0, 0])
    if (firstId === null || lastId === null) continue
    const [first, last] = [BigInt(firstId), BigInt(lastId)]
    expect(first > endId).toBe(true)
    endId = last
    const valid = ticks.filter(({ id, invalid }) => !invalid && id >= first && id <= last).length
    const nobody = Number(last - first) + 1 - valid
    expect([verdict, rows, skipped]).toEqual([verdict, valid, verdict === 'rows' ? nobody : 0])
  }
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
      const accounted = ledger.reduce((sum, row) => {
        const named =
          row.verdict === 'no-trades' && row.firstId && row.lastId
            ? Number(BigInt(row.lastId) - BigInt(row.firstId)) + 1
            : 0
        return sum + row.skipped + named
      }, 0)
      expect(accounted).toBe(missing)
      expectExact(ledger, ticks)
    })
    await fc.assert(property, runs)
  })

  test('an invalid record between two runs of ids is counted where it lies', async () => {
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
      ['no-trades', '3', '4', 0],
      ['rows', '5', '5', 1],
      ['no-trades', '6', '7', 0],
      ['rows', '8', '9', 0],
    ])
  })
})

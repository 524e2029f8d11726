// Pages that the exchange refuses for good, few or very many of them: they alone stay open, at the cost of a
// few requests, and all that lies around them is brought.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { advance } from '../../src/core/calendar.ts'
import { type Span, union } from '../../src/core/span.ts'
import { MalformedError, RefusedError } from '../../src/errors.ts'
import { runsFor } from '../rig/seed.ts'
import { candlesOf, WALK_START_MS as START_MS, spanOf, walk } from '../rig/span-walk.ts'

const runs = runsFor('test/unit/pager-refusals.test.ts')
const HOUR_MS = 3_600_000
const hole = (from: number, to: number): Span => ({
  startMs: advance('1h', START_MS, from),
  endMs: advance('1h', START_MS, to),
})

test('after ten refusals in a row their end is looked for by halving, in a hurry', async () => {
  const span = spanOf(100)
  const refuse = async (): Promise<void> => {
    throw new RefusedError('not today')
  }
  const { requests, steps } = await walk({ span, candles: [], pageRows: 2, meanwhile: refuse })
  // Eleven pages of fifty, then the middle of what is left: of 39, 19, 9, 4 and 1 pages.
  expect(requests).toHaveLength(16)
  expect(requests.map(({ hurried }) => hurried)).toEqual([false, ...Array.from({ length: 15 }, () => true)])
  const refused = steps.flatMap((step) => (step.refused ? [step.refused] : []))
  expect(union(refused.map((one) => one.span))).toEqual([span])
  expect(refused.every(({ reason }) => reason === 'not today')).toBe(true)
  const again = await walk({ span, candles: [], pageRows: 2, meanwhile: refuse, hurried: true })
  expect(again.requests.every(({ hurried }) => hurried)).toBe(true)
})

const refusing =
  (...bad: readonly Span[]) =>
  async ({ window }: { window: { span: Span } }): Promise<void> => {
    // As the exchange does: what a request wants is what comes first after its start.
    if (bad.some(({ startMs, endMs }) => window.span.startMs >= startMs && window.span.startMs < endMs))
      throw new RefusedError('not today')
  }

test('however long a stretch is refused, all that follows it is brought', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 0, max: 40 }),
    fc.integer({ min: 0, max: 150 }),
    fc.integer({ min: 1, max: 40 }),
    fc.constantFrom(1, 2, 3, 7),
    fc.boolean(),
    async (before, bad, after, pageRows, hurried) => {
      const span = spanOf(before + bad + after)
      const stretch = hole(before, before + bad)
      const candles = candlesOf('1h', span)
      const { opensMs, steps, requests } = await walk({
        ...{ span, candles, pageRows, hurried, meanwhile: refusing(stretch) },
      })
      const refused = union(steps.flatMap((step) => (step.refused ? [step.refused.span] : [])))
      // A page that begins in it is refused as a whole.
      const worstMs = stretch.endMs + (pageRows - 1) * HOUR_MS
      for (const { startMs, endMs } of refused) {
        expect(startMs).toBeGreaterThanOrEqual(stretch.startMs)
        expect(endMs).toBeLessThanOrEqual(worstMs)
      }
      const brought = candles.filter(({ openMs }) => !refused.some((one) => isIn(one, openMs)))
      expect(opensMs.toSorted((a, b) => a - b)).toEqual(brought.map(({ openMs }) => openMs))
      const pages = Math.ceil((before + after) / pageRows)
      expect(requests.length).toBeLessThanOrEqual(pages + 11 + 2 * Math.ceil(Math.log2(bad + after + 2)))
    },
  )
  await fc.assert(property, runs)
})

const isIn = ({ startMs, endMs }: Span, timeMs: number): boolean => timeMs >= startMs && timeMs < endMs

test('the first rows after a long hole are refused: those after them are brought all the same', async () => {
  const span = spanOf(600)
  const candles = candlesOf('1h', span, [hole(0, 400)])
  for (const order of [{}, { newestFirst: { longestWindowMs: 200 * 24 * HOUR_MS } }]) {
    const { opensMs, steps, requests } = await walk({
      ...{ span, candles, pageRows: 5, ...order },
      // Whatever begins before them is answered with them, where it asks for more than that there are none.
      meanwhile: async ({ window }) => {
        if (window.span.startMs < hole(400, 430).endMs && window.span.endMs > hole(400, 430).startMs)
          throw new RefusedError('not today')
      },
    })
    const refused = union(steps.flatMap((step) => (step.refused ? [step.refused.span] : [])))
    const brought = candles.filter(({ openMs }) => openMs >= hole(435, 436).startMs)
    expect(opensMs.toSorted((a, b) => a - b)).toEqual(
      expect.arrayContaining(brought.map((one) => one.openMs)),
    )
    expect(refused.at(-1)?.endMs).toBeLessThanOrEqual(hole(435, 436).startMs)
    expect(requests.length).toBeLessThan(150)
  }
})

test('an answer in between forgives the refusals before it', async () => {
  const span = spanOf(60)
  let asked = 0
  const meanwhile = async (): Promise<void> => {
    asked += 1
    if (asked % 10 !== 0) throw new MalformedError('garbled')
  }
  const { steps, requests } = await walk({ span, candles: candlesOf('1h', span), pageRows: 2, meanwhile })
  expect(steps.filter(({ refused }) => refused === null)).toHaveLength(3)
  expect(requests).toHaveLength(30)
})

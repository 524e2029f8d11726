// A span against an exchange in memory that holds any mixture of outages, listing dates, ends, odd opens and
// early closes: every candle once and in order, a verdict for every place, and no request too many.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { advance, countPlaces, floorToPeriod, openTimes } from '../../src/core/calendar.ts'
import { sliceRows } from '../../src/core/dataset.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import type { Period } from '../../src/core/series.ts'
import { minus, type Span, union } from '../../src/core/span.ts'
import { RefusedError, StoppedError } from '../../src/errors.ts'
import { fromList, type ListedCandle } from '../rig/memory-source.ts'
import { runsFor, seededRandom } from '../rig/seed.ts'
import { candlesOf, WALK_START_MS as START_MS, spanOf, walk } from '../rig/span-walk.ts'

const runs = runsFor('test/unit/pager.test.ts')
const HOUR_MS = 3_600_000

test('without holes: exactly a request a page, whatever the page size', async () => {
  for (const [places, pageRows] of [
    [1, 1_000],
    [999, 1_000],
    [1_000, 1_000],
    [1_001, 1_000],
    [2_000, 1_000],
    [2_001, 499],
    [9, 2],
    [3, 1],
  ] as const) {
    const span = spanOf(places)
    const { requests, opensMs, ledger } = await walk({
      span,
      candles: candlesOf('1h', spanOf(3_000)),
      pageRows,
    })
    expect([places, pageRows, requests.length]).toEqual([places, pageRows, Math.ceil(places / pageRows)])
    expect(opensMs).toHaveLength(places)
    expect(union(ledger)).toEqual([span])
  }
})

test('no window asks for more rows than it has places, nor for more than a page', async () => {
  const { requests } = await walk({
    span: spanOf(1_100),
    candles: candlesOf('1h', spanOf(1_100)),
    pageRows: 499,
  })
  expect(requests.map(({ limit }) => limit)).toEqual([499, 499, 102])
})

/**
 * A market of up to 60 places with holes, odd opens and early closes, and a span and a page size to walk it.
 */
const anyMarket = fc
  .record({
    period: fc.constantFrom<Period>('1m', '1h', '1d', '3d', '1w', '1M'),
    filled: fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
    runs: fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 40 })), { maxLength: 3 }),
    oddEvery: fc.integer({ min: 2, max: 9 }),
    from: fc.integer({ min: -5, max: 60 }),
    length: fc.integer({ min: 1, max: 60 }),
    pageRows: fc.constantFrom(1_000, 499, 2, 1, 3, 7),
    trading: fc.boolean(),
    mostlyFull: fc.boolean(),
  })
  .map((given) => {
    const baseMs = floorToPeriod(given.period, START_MS)
    const candles = given.filled.flatMap((filled, place): ListedCandle[] => {
      const inRun = given.runs.some(([first, count]) => place >= first && place < first + count)
      if (inRun || !(filled || given.mostlyFull)) return []
      const placeMs = advance(given.period, baseMs, place)
      const endMs = advance(given.period, placeMs, 1)
      if (place % given.oddEvery !== 1) return [{ openMs: placeMs }]
      return [{ openMs: placeMs + Math.floor((endMs - placeMs) / 3), closeMs: endMs - 7 }]
    })
    const startMs = advance(given.period, baseMs, given.from)
    const span = { startMs, endMs: advance(given.period, startMs, given.length) }
    return { ...given, candles, span }
  })

test('any market: every candle once, in order; every place settled with the right verdict', async () => {
  const property = fc.asyncProperty(anyMarket, async (market) => {
    const { period, candles, span, pageRows, trading } = market
    const { steps, opensMs, ledger, requests } = await walk(market)
    const inSpan = candles.map(({ openMs }) => openMs).filter((ms) => ms >= span.startMs && ms < span.endMs)
    expect(opensMs).toEqual(inSpan)

    // The ledger covers the span exactly once, in order, and so do the steps.
    expect(union(ledger)).toEqual([span])
    expect(ledger.reduce((sum, row) => sum + row.endMs - row.startMs, 0)).toBe(span.endMs - span.startMs)
    expect(ledger.map(({ startMs }) => startMs)).toEqual(
      ledger.map((row) => row.startMs).sort((a, b) => a - b),
    )
    expect(ledger.reduce((sum, row) => sum + row.rows, 0)).toBe(inSpan.length)
    expect(steps.flatMap(({ open }) => open)).toEqual([])

    const places = new Set(candles.map(({ openMs }) => floorToPeriod(period, openMs)))
    const firstMs = candles[0]?.openMs ?? Number.POSITIVE_INFINITY
    const lastMs = candles.at(-1)?.openMs ?? Number.NEGATIVE_INFINITY
    for (const placeMs of openTimes(period, span)) {
      const row = ledger.find(({ startMs, endMs }) => startMs <= placeMs && placeMs < endMs)
      const due = places.has(placeMs)
        ? 'rows'
        : placeMs < firstMs
          ? 'unlisted'
          : placeMs > lastMs && !trading
            ? 'delisted'
            : 'outage'
      expect(`${placeMs} ${row?.verdict}`).toBe(`${placeMs} ${due}`)
    }
    const holes = ledger.filter(({ verdict }) => verdict !== 'rows').length
    const allowed = Math.ceil(countPlaces(period, span) / pageRows) + 4 * holes
    expect(requests.length).toBeLessThanOrEqual(allowed)
    expect(requests.every(({ limit }) => limit <= pageRows)).toBe(true)
  })
  await fc.assert(property, runs)
})

const hole = (from: number, to: number): Span => ({
  startMs: START_MS + from * HOUR_MS,
  endMs: START_MS + to * HOUR_MS,
})
const emptyOf = (ledger: readonly LedgerRow[]): (Span & { verdict: string; asked: number })[] =>
  ledger
    .filter(({ verdict }) => verdict !== 'rows')
    .map(({ startMs, endMs, verdict, asked }) => ({ startMs, endMs, verdict, asked }))

test('a hole inside a page costs no request; over the border of pages, one', async () => {
  const span = spanOf(3_000)
  for (const [from, to, requests, asked] of [
    [100, 200, 3, 1],
    [999, 1_009, 4, 1],
    [1_000, 1_010, 4, 2],
    [900, 1_100, 4, 1],
    [900, 2_950, 3, 1],
  ] as const) {
    const found = await walk({ span, candles: candlesOf('1h', span, [hole(from, to)]) })
    expect([from, to, found.requests.length]).toEqual([from, to, requests])
    expect(emptyOf(found.ledger)).toEqual([{ ...hole(from, to), verdict: 'outage', asked }])
  }
})

test('years before the listing cost two requests more; a span before it is settled too', async () => {
  const life = hole(26_000, 26_500)
  const whole = await walk({ span: spanOf(26_500), candles: candlesOf('1h', life) })
  expect(emptyOf(whole.ledger)).toEqual([{ ...hole(0, 26_000), verdict: 'unlisted', asked: 2 }])
  expect(whole.requests.length).toBeLessThanOrEqual(4)

  const before = await walk({ span: spanOf(10_000), candles: candlesOf('1h', life) })
  expect(emptyOf(before.ledger)).toEqual([{ ...hole(0, 10_000), verdict: 'unlisted', asked: 2 }])
  expect(before.requests.length).toBeLessThanOrEqual(4)
  expect(emptyOf((await walk({ span: spanOf(5), candles: [] })).ledger)).toMatchObject([
    { verdict: 'unlisted' },
  ])
})

test('a ledger with rows before the span spares the question when the symbol was listed', async () => {
  const candles = candlesOf('1h', hole(-50, 100), [hole(0, 10)])
  const rowsBefore = [ledgerRow(hole(-50, 0), 'rows', { rows: 50, source: 'rest' })]
  const known = await walk({ span: spanOf(50), candles, before: rowsBefore })
  expect(emptyOf(known.ledger)).toEqual([{ ...hole(0, 10), verdict: 'outage', asked: 2 }])
  expect(known.requests).toHaveLength(2)
  expect((await walk({ span: spanOf(50), candles })).requests).toHaveLength(3)
})

test('an unfinished candle is no candle, and is not settled as a hole either', async () => {
  const span = spanOf(10)
  const nowMs = span.endMs - HOUR_MS / 2
  const found = await walk({ span, candles: candlesOf('1h', span), nowMs })
  expect(found.opensMs).toHaveLength(9)
  expect(union(found.ledger).at(-1)?.endMs).toBeLessThanOrEqual(hole(9, 10).startMs)
  expect(found.steps.at(-1)?.refused?.reason).toContain('contradicts itself')
})

test('a young hole stays open after one answer, and wanted with the time of it', async () => {
  const span = spanOf(10)
  const candles = candlesOf('1h', spanOf(20), [hole(2, 3), hole(9, 10)])
  const { steps, ledger } = await walk({ span, candles, nowMs: span.endMs + 60_000 })
  expect(emptyOf(ledger)).toEqual([
    { ...hole(2, 3), verdict: 'outage', asked: 1 },
    { ...hole(9, 10), verdict: 'wanted', asked: 2 },
  ])
  expect(ledger.at(-1)?.checkedAtMs).toBe(span.endMs + 60_000)
  expect(steps.flatMap(({ open }) => open.map((one) => one.span))).toEqual([hole(9, 10)])
})

test('refused windows are stepped over and named, and nothing else is lost', async () => {
  const property = fc.asyncProperty(
    anyMarket,
    fc.nat({ max: 40 }),
    fc.nat({ max: 8 }),
    async (market, at, far) => {
      const startMs = advance(market.period, market.span.startMs, at)
      const bad = { startMs, endMs: advance(market.period, startMs, far) }
      const meanwhile = async ({ window }: { window: { span: Span } }): Promise<void> => {
        if (window.span.startMs < bad.endMs && window.span.endMs > bad.startMs)
          throw new RefusedError('refused')
      }
      const { steps, ledger, opensMs } = await walk({ ...market, meanwhile })
      const refused = steps.flatMap((step) => (step.refused ? [step.refused.span] : []))
      expect(union(ledger, refused)).toEqual([market.span])
      expect(minus(ledger, refused)).toEqual(union(ledger))
      const inLedger = market.candles
        .map(({ openMs }) => openMs)
        .filter((openMs) => ledger.some((row) => row.startMs <= openMs && openMs < row.endMs))
      // What lies before a stretch that is refused may come after what lies behind it.
      expect(opensMs.toSorted((a, b) => a - b)).toEqual(inLedger)
      const empty = ledger.filter(({ verdict }) => verdict !== 'rows')
      for (const { openMs } of market.candles) {
        const placeMs = floorToPeriod(market.period, openMs)
        expect(empty.some((row) => row.startMs <= placeMs && placeMs < row.endMs)).toBe(false)
      }
    },
  )
  await fc.assert(property, runs)
})

test('answers that leave out candles at either end settle none of them as missing', async () => {
  const property = fc.asyncProperty(anyMarket, fc.nat(), async (market, seed) => {
    const random = seededRandom(seed)
    const whole = fromList(market.candles, market.period)
    const { ledger } = await walk({
      ...market,
      answer: (series, window, nowMs) => {
        const rows = whole(series, window, nowMs)
        // The short questions of the proofs are answered in full: two wrong answers that agree cannot be
        // seen.
        if (window.limit === 1 || rows.count === 0) return rows
        const first = random() < 0.2 ? 1 + Math.floor(random() * rows.count) : 0
        const left = random() < 0.2 ? Math.floor(random() * rows.count) : rows.count
        return sliceRows(rows, Math.min(first, left), left)
      },
    })
    const empty = ledger.filter(({ verdict }) => verdict !== 'rows')
    const wrong = market.candles.filter(({ openMs }) => {
      const placeMs = floorToPeriod(market.period, openMs)
      return empty.some((row) => row.startMs <= placeMs && placeMs < row.endMs)
    })
    expect(wrong).toEqual([])
  })
  await fc.assert(property, runs)
})

test('a stop, and whatever else ends a pass, goes through', async () => {
  const stopped = new StoppedError()
  const meanwhile = async (): Promise<void> => {
    throw stopped
  }
  expect(await walk({ span: spanOf(5), candles: [], meanwhile }).catch((error: unknown) => error)).toBe(
    stopped,
  )
})

// missing = wanted − covered. What an earlier pass set out to fetch and did not settle comes first; nothing
// is ever planned past the last period that the exchange's clock says is closed.
import { advance, ceilToPeriod, countPlaces, floorToPeriod, HOUR_MS } from './calendar.ts'
import { type LedgerRow, settledSpans, wantedSpans } from './ledger.ts'
import type { Period, Series } from './series.ts'
import type { Listing, Source } from './source.ts'
import { meet, minus, type Span } from './span.ts'

/** What the user asks for; null where it is left to the program. Epoch ms. */
export type Range = {
  readonly startMs: number | null
  readonly endMs: number | null
  readonly lookbackMs: number
}

/** What is to be fetched of one series, in this order, and what it costs. */
export type SeriesPlan = {
  readonly spans: readonly Span[]
  readonly places: number
  readonly requests: number
  readonly weight: number
}

/**
 * A candle counts as closed this long after its period has ended: the last trades arrive up to two seconds
 * late (reference 9).
 */
export const CLOSE_MARGIN_MS = 2_000

export type PlanInput = {
  readonly series: Series
  readonly period: Period
  readonly range: Range
  readonly ledger: readonly LedgerRow[]
  readonly listing: Listing
  /** The exchange's clock, epoch ms. */
  readonly nowMs: number
}

/**
 * The spans of a series that a pass should fetch: first what is still wanted, then the rest, each in order of
 * time.
 */
export function planSpans(input: PlanInput): Span[] {
  const { period, ledger, nowMs } = input
  const settled = settledSpans(ledger)
  const closedMs =
    period === '1s' ? floorToPeriod(period, nowMs - CLOSE_MARGIN_MS) : floorToPeriod(period, nowMs)
  const endMs = lastEndMs(input, closedMs)
  const startMs = firstStartMs(input, settled, endMs)
  const stillWanted = meet(wantedSpans(ledger), [{ startMs: 0, endMs: tradedUntilMs(input, closedMs) }])
  const asked = startMs < endMs ? minus([{ startMs, endMs }], [...settled, ...stillWanted]) : []
  return [...stillWanted, ...asked].filter((span) => countPlaces(period, span) > 0)
}

/** Where the asked range ends: never past the last closed period, nor past the end of trading. */
function lastEndMs(input: PlanInput, closedMs: number): number {
  const { period, range } = input
  const askedMs = range.endMs === null ? closedMs : Math.min(ceilToPeriod(period, range.endMs), closedMs)
  return Math.min(askedMs, tradedUntilMs(input, closedMs))
}

/**
 * Until when candles of the symbol are to be had. A contract that has ended answers flat candles for ever
 * after (reference 4.2). Of a symbol that does not trade, the last hour is left until it can be settled, and
 * nothing follows what is known to be delisted, unless a pass that was interrupted still wants it.
 */
function tradedUntilMs({ period, listing, ledger, nowMs }: PlanInput, closedMs: number): number {
  const endedMs =
    listing.endsAtMs === null ? closedMs : Math.min(closedMs, ceilToPeriod(period, listing.endsAtMs))
  if (listing.trading) return endedMs
  const last = ledger.at(-1)
  if (last?.verdict === 'delisted') return Math.min(endedMs, last.endMs)
  return Math.min(endedMs, floorToPeriod(period, nowMs - HOUR_MS))
}

function firstStartMs({ period, range }: PlanInput, settled: readonly Span[], endMs: number): number {
  if (range.startMs !== null) return ceilToPeriod(period, range.startMs)
  const last = settled.at(-1)
  if (last) return ceilToPeriod(period, last.endMs)
  // With nothing stored: so long ago, and at least the last closed candle.
  return Math.min(floorToPeriod(period, endMs - range.lookbackMs), advance(period, endMs, -1))
}

/** The spans with what they cost by REST: the fewest requests that can bring so many rows. */
export function costPlan(series: Series, period: Period, spans: readonly Span[], source: Source): SeriesPlan {
  let places = 0
  let requests = 0
  let weight = 0
  for (const span of spans) {
    let left = countPlaces(period, span)
    places += left
    const whole = source.page(series, left)
    if (left > whole.rows) {
      const pages = Math.floor(left / whole.rows)
      requests += pages
      weight += pages * whole.weight
      left -= pages * whole.rows
    }
    if (left > 0) {
      requests += 1
      weight += source.page(series, left).weight
    }
  }
  return { spans, places, requests, weight }
}

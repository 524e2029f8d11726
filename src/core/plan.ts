// missing = wanted − covered. What an earlier pass set out to fetch and did not settle comes first; nothing
// is ever planned past the last period that the exchange's clock says is closed.
import { advance, ceilToPeriod, countPlaces, floorToPeriod, HOUR_MS, MINUTE_MS } from './calendar.ts'
import type { Order } from './dataset.ts'
import { isUnasked, type LedgerRow, settledSpans, wantedSpans } from './ledger.ts'
import type { Period, Series } from './series.ts'
import type { Listing, Source } from './source.ts'
import { meet, minus, type Span, union } from './span.ts'
import { spansOf, type Task } from './tasks.ts'

/** What the user asks for; null where it is left to the program. Epoch ms. */
export type Range = {
  readonly startMs: number | null
  readonly endMs: number | null
  readonly lookbackMs: number
}

/** What is to be fetched of one series, by whom, and what it costs. */
export type SeriesPlan = {
  /** All that is missing: what is still wanted first, then the rest, each in order of time. */
  readonly spans: readonly Span[]
  readonly tasks: readonly Task[]
  /** Rows at most; 0 where nobody knows. */
  readonly places: number
  readonly requests: number
  readonly weight: number
  readonly archives: number
  /**
   * Of the published archives that are not taken: where the first one ends and the last one begins. Null
   * where there is none, or nobody has asked.
   */
  readonly firstArchiveEndMs: number | null
  readonly lastArchiveStartMs: number | null
}

/**
 * A candle counts as closed this long after its period has ended: the last trades arrive up to two seconds
 * late (reference 9).
 */
export const CLOSE_MARGIN_MS = 2_000

/** Funding rates are posted at the full hour, and are there a minute later. */
const RATE_MARGIN_MS = MINUTE_MS

export type PlanInput = {
  readonly series: Series
  /** Null for datasets without a calendar. */
  readonly period: Period | null
  /** How the dataset's rows are ordered; by calendar where it is not given. */
  readonly order?: Order
  readonly range: Range
  readonly ledger: readonly LedgerRow[]
  readonly listing: Listing
  /** The exchange's clock, epoch ms. */
  readonly nowMs: number
  /** Before this time the API does not answer, epoch ms. */
  readonly reachesFromMs?: number
  /** What is settled only as long as the API is not asked, which now it can be: see `unaskedRows`. */
  readonly unasked?: readonly Span[]
}

/** What is so near to the end of a source's reach would be gone when its turn comes. */
const REACH_MARGIN_MS = MINUTE_MS

/** From when on a source may be asked, epoch ms. */
export function reachesFromMs({ reachMs }: Pick<Source, 'reachMs'>, nowMs: number): number {
  return reachMs === undefined ? 0 : nowMs - reachMs + REACH_MARGIN_MS
}

/**
 * What of a ledger was called empty by archives alone and `rest` can be asked for: as a whole, since ids that
 * a row names belong to all of its span.
 */
export function unaskedRows(
  ledger: readonly LedgerRow[],
  rest: Pick<Source, 'lacksKey' | 'reachMs'> | null,
  nowMs: number,
): LedgerRow[] {
  if (!rest || rest.lacksKey) return []
  const fromMs = reachesFromMs(rest, nowMs)
  return ledger.filter((row) => isUnasked(row) && row.startMs >= fromMs)
}

/** A look back that is as long as the reach loses so much of its beginning. */
const REACH_TOLERANCE_MS = 5 * MINUTE_MS

/**
 * The spans of a series that a pass should fetch: first what is still wanted, or was settled without asking
 * the API, then the rest, each in order of time.
 */
export function planSpans(input: PlanInput): Span[] {
  const { period, ledger, unasked = [] } = input
  const settled = settledSpans(ledger)
  const closedMs = closedUntilMs(input.period, input.order ?? 'calendar', input.nowMs)
  const endMs = lastEndMs(input, closedMs)
  const startMs = firstStartMs(input, settled, endMs)
  const taken = union(wantedSpans(ledger), unasked)
  const stillWanted = meet(taken, [{ startMs: 0, endMs: tradedUntilMs(input, closedMs) }])
  const asked = startMs < endMs ? minus([{ startMs, endMs }], [...settled, ...stillWanted]) : []
  return [...stillWanted, ...asked].filter((span) => period === null || countPlaces(period, span) > 0)
}

/** Until when rows of a series are owed: all that has closed, but not past the end of trading. Epoch ms. */
export function owedUntilMs(input: Omit<PlanInput, 'range'>): number {
  return tradedUntilMs(input, closedUntilMs(input.period, input.order ?? 'calendar', input.nowMs))
}

/**
 * Until when rows are final, by the exchange's clock, epoch ms. What has no period ends with a minute, so
 * that a second run has nothing to do.
 */
export function closedUntilMs(period: Period | null, order: Order, nowMs: number): number {
  if (period === '1s') return floorToPeriod(period, nowMs - CLOSE_MARGIN_MS)
  if (period !== null) return floorToPeriod(period, nowMs)
  if (order === 'time') return floorToPeriod('1h', nowMs - RATE_MARGIN_MS) + RATE_MARGIN_MS
  return floorToPeriod('1m', nowMs - CLOSE_MARGIN_MS)
}

const ceilTo = (period: Period | null, timeMs: number): number =>
  period === null ? timeMs : ceilToPeriod(period, timeMs)

/** Where the asked range ends: never past the last closed period, nor past the end of trading. */
function lastEndMs(input: PlanInput, closedMs: number): number {
  const { period, range } = input
  const askedMs = range.endMs === null ? closedMs : Math.min(ceilTo(period, range.endMs), closedMs)
  return Math.min(askedMs, tradedUntilMs(input, closedMs))
}

/**
 * Until when rows of the symbol are to be had. A contract that has ended answers flat candles for ever
 * after (reference 4.2). Of a symbol that does not trade, the last hour is left until it can be settled, and
 * nothing follows what is known to be delisted, unless a pass that was interrupted still wants it.
 */
function tradedUntilMs(
  { period, order = 'calendar', listing, ledger, nowMs }: Omit<PlanInput, 'range'>,
  closedMs: number,
): number {
  const endedMs = contractUntilMs(period, listing, closedMs)
  if (listing.trading) return endedMs
  const last = ledger.at(-1)
  if (last?.verdict === 'delisted') return Math.min(endedMs, last.endMs)
  const hourAgoMs = nowMs - HOUR_MS
  return Math.min(
    endedMs,
    period === null ? closedUntilMs(period, order, hourAgoMs) : floorToPeriod(period, hourAgoMs),
  )
}

/** `closedMs`, or the end of the contract where that is earlier. Epoch ms. */
export function contractUntilMs(period: Period | null, { endsAtMs }: Listing, closedMs: number): number {
  return endsAtMs === null ? closedMs : Math.min(closedMs, ceilTo(period, endsAtMs))
}

/**
 * What is asked for of candles after the end of a contract that is over, and is not settled yet: nobody has
 * any there, and the exchange's own word says so. Nothing follows what is known to be delisted.
 */
export function afterContract(input: PlanInput): Span[] {
  const { period, listing, ledger, range, nowMs } = input
  if (period === null || listing.trading || listing.endsAtMs === null) return []
  if (ledger.at(-1)?.verdict === 'delisted') return []
  const closedMs = floorToPeriod(period, nowMs - HOUR_MS)
  const endMs = range.endMs === null ? closedMs : Math.min(ceilToPeriod(period, range.endMs), closedMs)
  const startMs = Math.max(
    ceilToPeriod(period, listing.endsAtMs),
    range.startMs === null ? 0 : ceilToPeriod(period, range.startMs),
  )
  return startMs < endMs ? minus([{ startMs, endMs }], settledSpans(ledger)) : []
}

function firstStartMs(input: PlanInput, settled: readonly Span[], endMs: number): number {
  const { period, range, reachesFromMs: fromMs = 0 } = input
  if (range.startMs !== null) return ceilTo(period, range.startMs)
  const last = settled.at(-1)
  if (last) return ceilTo(period, last.endMs)
  // With nothing stored: so long ago, and at least the last closed candle.
  if (period === null) {
    const backMs = endMs - range.lookbackMs
    return fromMs > backMs && fromMs - backMs <= REACH_TOLERANCE_MS ? fromMs : backMs
  }
  return Math.min(floorToPeriod(period, endMs - range.lookbackMs), advance(period, endMs, -1))
}

/** The plan of spans that all come from REST. */
export function costPlan(
  series: Series,
  period: Period | null,
  spans: readonly Span[],
  source: Source,
): SeriesPlan {
  return costTasks(
    series,
    period,
    spans,
    spans.map((span) => ({ kind: 'rest', span })),
    source,
  )
}

/** The plan of `spans` by `tasks`, with what they cost: the fewest requests that can bring so many rows. */
export function costTasks(
  series: Series,
  period: Period | null,
  spans: readonly Span[],
  tasks: readonly Task[],
  source: Source | null,
): SeriesPlan {
  const again = tasks.flatMap((task) => (task.kind === 'archive' ? (task.again ?? []) : []))
  const brought = [...spans, ...again]
  const places = period === null ? 0 : brought.reduce((sum, span) => sum + countPlaces(period, span), 0)
  const costs = tasks.map((task) => taskCost(series, period, task, source))
  const sum = (of: 'requests' | 'weight' | 'archives'): number =>
    costs.reduce((total, cost) => total + cost[of], 0)
  const facts = { requests: sum('requests'), weight: sum('weight'), archives: sum('archives') }
  return { spans, tasks, places, ...facts, firstArchiveEndMs: null, lastArchiveStartMs: null }
}

export type TaskCost = {
  readonly requests: number
  readonly weight: number
  readonly archives: number
  readonly rows: number
}

/** Rows of a year of rates, about: three a day. */
const RATE_INTERVAL_MS = 8 * HOUR_MS

/** What one task costs. Requests are those to the API: archives cost none of it. */
export function taskCost(series: Series, period: Period | null, task: Task, source: Source | null): TaskCost {
  const none = { requests: 0, weight: 0, archives: 0, rows: 0 }
  if (task.kind === 'none') return none
  if (task.kind === 'archive') {
    const rows = period === null ? 0 : spansOf(task).reduce((sum, span) => sum + countPlaces(period, span), 0)
    return { requests: 0, weight: 0, archives: 1, rows }
  }
  if (!source) return none
  const { span } = task
  const isRates = series.dataset === 'funding'
  const estimate = isRates ? Math.ceil((span.endMs - span.startMs) / RATE_INTERVAL_MS) : 1
  const rows = period === null ? 0 : countPlaces(period, span)
  let left = period === null ? estimate : rows
  let [requests, weight] = [0, 0]
  const whole = source.page(series, left)
  if (left > whole.rows) {
    requests = Math.floor(left / whole.rows)
    weight = requests * whole.weight
    left -= requests * whole.rows
  }
  if (left > 0) {
    requests += 1
    weight += source.page(series, left).weight
  }
  return { requests, weight, archives: 0, rows }
}

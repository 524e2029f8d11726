// The trades of a symbol, computed from its spec and their index alone: the same over REST and in archives,
// whenever they are asked for. Time runs only while the symbol trades, in cycles of sixteen aggregates that
// take equally long, so that the way between index and time is short in either direction.
import { minus, type Span } from '../../src/core/span.ts'
import { mix } from './amounts.ts'
import { type Digits, feedOf, type SymbolSpec, spanAfter } from './symbol-spec.ts'
import { CYCLE, CYCLE_RAW, countBelow, rawBefore, validOf } from './trade-groups.ts'
import { exactId, type IdSpace, idOffset, idSpace, idText } from './trade-ids.ts'
import type { TradeId } from './trade-spec.ts'

/** A spec's trades with what is derived from it once. Indexes count from 0 and run on across outages. */
export type TradeFeed = {
  readonly spec: SymbolSpec
  readonly seed: number
  readonly digits: Digits
  /** How long a cycle takes; need not be a whole number. Milliseconds. */
  readonly cycleMs: number
  readonly live: readonly Span[]
  /** Live milliseconds before each span of `live`. */
  readonly liveBefore: readonly number[]
  /** All aggregates that there will ever be; Infinity while trading goes on. */
  readonly total: number
  readonly aggIds: IdSpace
  readonly rawIds: IdSpace
  /** Indexes of the aggregates that are marked as invalid, ascending. */
  readonly markers: readonly number[]
  /** For each marker, how many valid aggregates come before it. */
  readonly validBefore: readonly number[]
  /** From raw index `from` on, ids are `shift` further than without jumps. */
  readonly jumps: readonly { readonly from: number; readonly shift: number }[]
  /** Quantities of raw trades run from 1 unit to twice this. */
  readonly meanQuantity: number
}

const MINUTE_MS = 60_000
const MOST_PER_MINUTE = CYCLE * MINUTE_MS
const DRIFT = 0x5bd1e995
/** When the aggregates of a cycle trade, in 256ths of it: some of them in the same millisecond. */
const moments = [0, 0, 9, 9, 9, 40, 41, 70, 70, 111, 130, 131, 180, 180, 220, 250] as const
const MOMENTS = 256
/** The moments of each cycle are moved by less than this. */
const MOST_MOVED = 6

const feeds = new WeakMap<SymbolSpec, TradeFeed | null>()

/** The trades of a symbol, or null when its spec has none. Throws when it says what cannot be. */
export function tradeFeedOf(spec: SymbolSpec): TradeFeed | null {
  const known = feeds.get(spec)
  if (known !== undefined) return known
  const made = spec.trades ? makeFeed(spec, spec.trades) : null
  feeds.set(spec, made)
  return made
}

function makeFeed(spec: SymbolSpec, trades: NonNullable<SymbolSpec['trades']>): TradeFeed {
  const { perMinute, firstId = 0, firstAggId = 0 } = trades
  if (!(perMinute > 0 && perMinute <= MOST_PER_MINUTE)) throw new Error(`${perMinute} trades a minute`)
  if (trades.markers && spec.market !== 'spot') throw new Error('only spot has markers of invalid aggregates')
  const { seed, digits } = feedOf(spec)
  const live = minus([{ startMs: spec.listedAtMs, endMs: spec.endsAtMs ?? Infinity }], spec.outages ?? [])
  const liveBefore: number[] = []
  let liveMs = 0
  for (const span of live) {
    liveBefore.push(liveMs)
    liveMs += span.endMs - span.startMs
  }
  const aggIds = idSpace(firstAggId)
  const rawIds = idSpace(firstId)
  const markers = (trades.markers ?? []).map((id) => exactOffset(aggIds, id)).sort((a, b) => a - b)
  const feed: TradeFeed = {
    spec,
    seed,
    digits,
    cycleMs: MOST_PER_MINUTE / perMinute,
    live,
    liveBefore,
    total: Infinity,
    aggIds,
    rawIds,
    markers,
    validBefore: markers.map((index, i) => index - i),
    jumps: jumpsOf(rawIds, trades.jumps ?? []),
    meanQuantity: Math.max(1, Math.floor((digits.volume * CYCLE) / CYCLE_RAW / perMinute)),
  }
  return liveMs === Infinity ? feed : { ...feed, total: indexAtLive(feed, liveMs) }
}

function jumpsOf(
  ids: IdSpace,
  jumps: NonNullable<NonNullable<SymbolSpec['trades']>['jumps']>,
): TradeFeed['jumps'] {
  const sorted = jumps
    .map(({ after, size }) => ({ gap: exactOffset(ids, after) + 1, size }))
    .sort((a, b) => a.gap - b.gap)
  let shift = 0
  let gapEnd = 0
  return sorted.map(({ gap, size }) => {
    if (gap < gapEnd) throw new Error('jumps of ids overlap')
    gapEnd = gap + size
    const from = gap - shift
    shift += size
    return { from, shift }
  })
}

/** How far an id is from the first one. Throws when it comes before. */
function exactOffset(ids: IdSpace, id: TradeId): number {
  const offset = idOffset(ids, exactId(id))
  if (idText(ids, offset) !== String(id)) throw new Error(`the id ${id} comes before the first one`)
  return offset
}

const cycleStart = (feed: TradeFeed, cycle: number): number => Math.floor(cycle * feed.cycleMs)

/** The live milliseconds before the aggregate `index`. */
function liveAtIndex(feed: TradeFeed, index: number): number {
  const cycle = Math.floor(index / CYCLE)
  const start = cycleStart(feed, cycle)
  const moment = (moments[index - cycle * CYCLE] ?? 0) + (mix(feed.seed, cycle, DRIFT) % MOST_MOVED)
  return start + Math.floor((moment * (cycleStart(feed, cycle + 1) - start)) / MOMENTS)
}

/** The first aggregate with at least so many live milliseconds before it. */
function indexAtLive(feed: TradeFeed, liveMs: number): number {
  let cycle = Math.floor((liveMs + 1) / feed.cycleMs)
  while (cycleStart(feed, cycle) > liveMs) cycle -= 1
  let index = cycle * CYCLE
  while (liveAtIndex(feed, index) < liveMs) index += 1
  return index
}

/** When the aggregate `index` traded, epoch ms. */
export function aggregateTime(feed: TradeFeed, index: number): number {
  const liveMs = liveAtIndex(feed, index)
  const { live, liveBefore } = feed
  const at = live.length === 1 ? 0 : countBelow(liveBefore, liveMs + 1) - 1
  return (live[at]?.startMs ?? Number.NaN) + liveMs - (liveBefore[at] ?? 0)
}

/** The first aggregate that traded at `timeMs` or later. */
export function aggregateFrom(feed: TradeFeed, timeMs: number): number {
  const at = spanAfter(feed.live, timeMs)
  const span = feed.live[at]
  if (!span) return feed.total
  const liveMs = (feed.liveBefore[at] ?? 0) + Math.max(0, timeMs - span.startMs)
  return Math.min(feed.total, liveMs === Infinity ? Infinity : indexAtLive(feed, liveMs))
}

/** Whether the aggregate `index` is marked as invalid. */
export const isMarker = (feed: TradeFeed, index: number): boolean =>
  feed.markers.length > 0 && feed.markers[countBelow(feed.markers, index)] === index

/** How many valid aggregates come before the aggregate `index`. */
export const validCount = (feed: TradeFeed, index: number): number =>
  feed.markers.length === 0 ? index : index - countBelow(feed.markers, index)

/** The first raw trade of the aggregate `index`; for a marker, of the valid one behind it. */
export function firstRawOf(feed: TradeFeed, index: number): number {
  return index === Infinity ? Infinity : rawBefore(feed.seed, validCount(feed, index))
}

/** The aggregate that raw trade `raw` belongs to. */
export function aggregateOf(feed: TradeFeed, raw: number): number {
  const valid = validOf(feed.seed, raw)
  return valid + countBelow(feed.validBefore, valid + 1)
}

/** The first raw trade that was made at `timeMs` or later. */
export const rawFrom = (feed: TradeFeed, timeMs: number): number =>
  firstRawOf(feed, aggregateFrom(feed, timeMs))

/** How far the id of raw trade `raw` is from the first raw id. */
export function rawIdOffset(feed: TradeFeed, raw: number): number {
  const { jumps } = feed
  for (let i = jumps.length - 1; i >= 0; i -= 1) {
    const jump = jumps[i]
    if (jump && raw >= jump.from) return raw + jump.shift
  }
  return raw
}

/** The first aggregate whose id is `id` or higher. */
export const aggregateFromId = (feed: TradeFeed, id: bigint): number => idOffset(feed.aggIds, id)

/** The first raw trade whose id is `id` or higher. */
export function rawFromId(feed: TradeFeed, id: bigint): number {
  const offset = idOffset(feed.rawIds, id)
  let shift = 0
  for (const jump of feed.jumps) {
    if (offset < jump.from + shift) break
    // Inside the jump, the trade behind it is the first with a higher id.
    if (offset < jump.from + jump.shift) return jump.from
    shift = jump.shift
  }
  return offset - shift
}

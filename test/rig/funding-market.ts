// The funding rates of a perpetual contract (reference 10), computed from its spec and the hour alone: every
// 8 hours or as its intervals say, a few milliseconds late, with rates of eight decimals of either sign.
import { HOUR_MS } from '../../src/core/calendar.ts'
import type { Span } from '../../src/core/span.ts'
import { mix } from './amounts.ts'
import { isDelivery } from './contracts.ts'
import { feedOf, type SymbolSpec } from './symbol-spec.ts'

export type FundingRate = {
  readonly symbol: string
  /** The funding time as it is sent, epoch ms. */
  readonly timeMs: number
  /** The interval in force, in hours. */
  readonly hours: number
  readonly rate: string
  /** Empty where the exchange sends none: always on COIN-M, and on USD-M before MARK_PRICES_FROM_MS. */
  readonly markPrice: string
  readonly rateType: 'Regular' | 'Special'
}

export const DEFAULT_HOURS = 8
/** All rates of USD-M from this time on have a mark price, none before. */
export const MARK_PRICES_FROM_MS = Date.UTC(2023, 9, 31, 8)
/** The longest that a rate is late. */
export const MOST_LATE_MS = 47
const ON_TIME_PERCENT = 42
const DECIMALS = 8
const LATE = 0x4cf5ad43
const RATE = 0x2745937f
const MARK = 0x38b34ae5
/** Rates beyond the usual one lie within this many units on either side of zero. */
const WIDEST_RATE = 75_000
const USUAL_RATE = 10_000

/** Whether a symbol has funding rates at all: delivery contracts and spot have none. */
export function hasFunding(spec: SymbolSpec): boolean {
  const perpetual = (spec.contractType ?? 'PERPETUAL').includes('PERPETUAL')
  return spec.market !== 'spot' && perpetual && !isDelivery(spec)
}

type Segment = Span & { readonly hours: number }

/** The time that a symbol trades, cut where its interval changes. */
function segments(spec: SymbolSpec): Segment[] {
  const changes = [{ fromMs: -Infinity, hours: DEFAULT_HOURS }, ...(spec.funding?.intervals ?? [])]
  const sorted = changes.toSorted((a, b) => a.fromMs - b.fromMs)
  return sorted
    .map(({ fromMs, hours }, i) => ({
      startMs: Math.max(spec.listedAtMs, fromMs),
      endMs: Math.min(spec.endsAtMs ?? Infinity, sorted[i + 1]?.fromMs ?? Infinity),
      hours,
    }))
    .filter((segment) => segment.startMs < segment.endMs)
}

/** The interval of a symbol at `timeMs`, in hours. */
export function hoursAt(spec: SymbolSpec, timeMs: number): number {
  return segments(spec).findLast((segment) => segment.startMs <= timeMs)?.hours ?? DEFAULT_HOURS
}

/**
 * The rates of a symbol whose time lies in `span`, in order of time, Regular before Special; at most `limit`,
 * the oldest ones or the newest.
 */
export function fundingRates(
  spec: SymbolSpec,
  span: Span,
  limit = Infinity,
  newest = false,
): readonly FundingRate[] {
  if (!hasFunding(spec)) return []
  const inside = (rate: FundingRate): boolean => rate.timeMs >= span.startMs && rate.timeMs < span.endMs
  const found: FundingRate[] = []
  for (const [hourMs, hours] of settlements(spec, span, newest)) {
    const rate = regular(spec, hourMs, hours)
    if (inside(rate)) found.push(rate)
    if (found.length >= limit) break
  }
  found.push(...specials(spec).filter(inside))
  const sorted = found.sort((a, b) => a.timeMs - b.timeMs || (a.rateType < b.rateType ? -1 : 1))
  return newest ? sorted.slice(Math.max(0, sorted.length - limit)) : sorted.slice(0, limit)
}

/** The hours at which rates of `span` are settled, with the interval in force; backwards where asked. */
function* settlements(spec: SymbolSpec, span: Span, backwards: boolean): Generator<[number, number]> {
  const parts = segments(spec)
  for (const { startMs, endMs, hours } of backwards ? parts.reverse() : parts) {
    const stepMs = hours * HOUR_MS
    const from = Math.ceil(Math.max(startMs, span.startMs - MOST_LATE_MS) / stepMs)
    const to = Math.ceil(Math.min(endMs, span.endMs) / stepMs)
    for (let i = from; i < to; i += 1) yield [(backwards ? to - 1 - (i - from) : i) * stepMs, hours]
  }
}

function regular(spec: SymbolSpec, hourMs: number, hours: number): FundingRate {
  return rateAt(spec, hourMs, hourMs + lateMs(spec, hourMs), hours, 'Regular')
}

/** How late the rate of an hour is: not at all in 42 of 100 cases. */
function lateMs(spec: SymbolSpec, hourMs: number): number {
  const chance = mix(feedOf(spec).seed, hourMs / HOUR_MS, LATE)
  return chance % 100 < ON_TIME_PERCENT ? 0 : 1 + ((chance >>> 8) % MOST_LATE_MS)
}

function specials(spec: SymbolSpec): FundingRate[] {
  const list = spec.funding?.specials ?? []
  if (list.length > 0 && spec.market !== 'um') throw new Error('only USD-M has special funding rates')
  return list.map(({ atMs, offsetMs }) =>
    rateAt(spec, atMs, atMs + lateMs(spec, atMs) + offsetMs, hoursAt(spec, atMs), 'Special'),
  )
}

function rateAt(
  spec: SymbolSpec,
  hourMs: number,
  timeMs: number,
  hours: number,
  rateType: FundingRate['rateType'],
): FundingRate {
  const { seed } = feedOf(spec)
  const chance = mix(seed ^ (rateType === 'Special' ? RATE : 0), hourMs / HOUR_MS, RATE)
  const wide = (chance >>> 2) % (2 * WIDEST_RATE + 1)
  const units = (chance & 3) === 0 ? USUAL_RATE : wide - WIDEST_RATE
  const hasMark = spec.market === 'um' && timeMs >= MARK_PRICES_FROM_MS
  return {
    symbol: spec.symbol,
    timeMs,
    hours,
    rate: fixed(BigInt(units), DECIMALS),
    markPrice: hasMark ? markPrice(spec, hourMs) : '',
    rateType,
  }
}

/** A price near that of the trades, with eight decimals. */
function markPrice(spec: SymbolSpec, hourMs: number): string {
  const { seed, digits } = feedOf(spec)
  const decimals = Math.max(DECIMALS, digits.priceDecimals)
  const price = BigInt(digits.price) * 10n ** BigInt(decimals - digits.priceDecimals)
  const more = (price * BigInt(mix(seed, hourMs / HOUR_MS, MARK))) / 2n ** 37n
  return fixed(price + more, decimals)
}

/** Units of the last decimal as text with all decimals. */
function fixed(units: bigint, decimals: number): string {
  const digits = String(units < 0n ? -units : units).padStart(decimals + 1, '0')
  const whole = digits.length - decimals
  return `${units < 0n ? '-' : ''}${digits.slice(0, whole)}.${digits.slice(whole)}`
}

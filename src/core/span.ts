// Half-open spans of time, [startMs, endMs) in UTC epoch milliseconds, and the algebra of sets of them.
// A set is an array of spans in any order; what comes out is always normal: sorted, disjoint, never touching.

export type Span = { readonly startMs: number; readonly endMs: number }

/** The spans of `spans` as one normal set: empty ones dropped, overlapping and touching ones united. */
export function union(...sets: readonly (readonly Span[])[]): Span[] {
  const sorted = sets
    .flat()
    .filter((span) => span.startMs < span.endMs)
    .sort((a, b) => a.startMs - b.startMs)
  const out: Span[] = []
  for (const span of sorted) {
    const last = out.at(-1)
    if (last && span.startMs <= last.endMs) {
      if (span.endMs > last.endMs) out[out.length - 1] = { startMs: last.startMs, endMs: span.endMs }
    } else {
      out.push({ startMs: span.startMs, endMs: span.endMs })
    }
  }
  return out
}

/** What of `from` is in no span of `taken`, as a normal set. */
export function minus(from: readonly Span[], taken: readonly Span[]): Span[] {
  const holes = union(taken)
  const out: Span[] = []
  let first = 0
  for (const span of union(from)) {
    let cursorMs = span.startMs
    while (first < holes.length && (holes[first]?.endMs ?? 0) <= cursorMs) first += 1
    for (let i = first; i < holes.length; i += 1) {
      const hole = holes[i]
      if (!hole || hole.startMs >= span.endMs) break
      if (hole.startMs > cursorMs) out.push({ startMs: cursorMs, endMs: hole.startMs })
      cursorMs = Math.max(cursorMs, hole.endMs)
    }
    if (cursorMs < span.endMs) out.push({ startMs: cursorMs, endMs: span.endMs })
  }
  return out
}

/** What is both in `a` and in `b`, as a normal set. */
export function meet(a: readonly Span[], b: readonly Span[]): Span[] {
  return minus(a, minus(a, b))
}

/** `span` cut at every time of `cutsMs` that lies strictly inside it, in order. */
export function split(span: Span, cutsMs: readonly number[]): Span[] {
  const inside = cutsMs.filter((cutMs) => cutMs > span.startMs && cutMs < span.endMs)
  const bounds = [span.startMs, ...[...new Set(inside)].sort((a, b) => a - b), span.endMs]
  return bounds.slice(1).map((endMs, i) => ({ startMs: bounds[i] ?? endMs, endMs }))
}

/** Whether spans are in order and none overlaps another; they may touch. */
export function areInOrder(spans: readonly Span[]): boolean {
  return spans.every(
    (span, i) => span.endMs >= span.startMs && (spans[i + 1]?.startMs ?? Infinity) >= span.endMs,
  )
}

/** Where those of `spans` that overlap `span` begin and end among them; `spans` are in order (areInOrder). */
export function placesAround(spans: readonly Span[], span: Span): { from: number; to: number } {
  const from = firstWhere(spans, ({ endMs }) => endMs > span.startMs)
  return {
    from,
    to: Math.max(
      from,
      firstWhere(spans, ({ startMs }) => startMs >= span.endMs),
    ),
  }
}

/** Finds those of `spans` that overlap a span, without a look at each where they are in order. */
export function finderAround<T extends Span>(spans: readonly T[]): (span: Span) => readonly T[] {
  if (!areInOrder(spans)) return (span) => spans.filter((one) => overlaps(one, span))
  return (span) => {
    const { from, to } = placesAround(spans, span)
    return spans.slice(from, to)
  }
}

const overlaps = (a: Span, b: Span): boolean => a.startMs < b.endMs && a.endMs > b.startMs

/** The first place from which on all of `spans` are as `is` says; their number where none is. */
function firstWhere(spans: readonly Span[], is: (span: Span) => boolean): number {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const span = spans[middle]
    if (span && !is(span)) low = middle + 1
    else high = middle
  }
  return low
}

/** The sum of the lengths of a normal set, in milliseconds. */
export function lengthMs(spans: readonly Span[]): number {
  return spans.reduce((sum, span) => sum + (span.endMs - span.startMs), 0)
}

/** `2024-01-01T00:00:00.000Z … 2024-01-02T00:00:00.000Z`, for messages. */
export function spanText(span: Span): string {
  return `${isoTime(span.startMs)} … ${isoTime(span.endMs)}`
}

/** The latest time that a date can name, epoch ms. */
export const LATEST_MS = 8.64e15

/**
 * ISO 8601 with milliseconds and Z, as every result and log line writes times. What no date can name, which
 * only somebody's hand writes into a store, is the number that it is.
 */
export function isoTime(timeMs: number): string {
  return Math.abs(timeMs) <= LATEST_MS ? new Date(timeMs).toISOString() : String(timeMs)
}

const isoPattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/** An ISO 8601 date or time as epoch ms, UTC where it names no zone; null for what is none. */
export function readIsoTime(text: string): number | null {
  const parts = isoPattern.exec(text)
  if (!parts) return null
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = parts
  const plain = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0')}`
  const utcMs = Date.parse(`${plain}Z`)
  // A date that the calendar does not have (2024-02-30) is not moved to the next month in silence.
  if (!Number.isFinite(utcMs) || isoTime(utcMs) !== `${plain}Z`) return null
  const offset = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone)
  const sign = offset?.[1] === '-' ? -1 : 1
  return utcMs - (offset ? sign * (Number(offset[2]) * 60 + Number(offset[3] ?? 0)) * 60_000 : 0)
}

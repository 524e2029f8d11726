// A series as a line of cells, from its first row to the end of what was looked at: how full each part is, so
// that one look tells where something is missing.
import { type Gap, isOpen } from '../core/gap.ts'
import type { Span } from '../core/span.ts'

/** From nearly empty to nearly full; whatever is missing of a cell, it is not drawn as full. */
const LEVELS = ['▁', '▂', '▃', '▄', '▅', '▆'] as const
const FULL = '▇'
/** Mostly without rows, and that is explained. */
const EXPLAINED = '·'

/** The timeline of a span in so many cells: `▇▇▁▇`. */
export function timeline(span: Span, gaps: readonly Gap[], cells: number): string {
  const lengthMs = (span.endMs - span.startMs) / cells
  const empty = (open: boolean): number[] => {
    const shares = Array.from({ length: cells }, () => 0)
    for (const gap of gaps.filter((one) => isOpen(one) === open)) addShares(shares, span, lengthMs, gap.span)
    return shares
  }
  const [open, explained] = [empty(true), empty(false)]
  return open
    .map((share, i) => {
      if (share > 0) return LEVELS[Math.min(LEVELS.length - 1, Math.floor((1 - share) * LEVELS.length))]
      return (explained[i] ?? 0) > 0.5 ? EXPLAINED : FULL
    })
    .join('')
}

/** Adds to each cell the part of it that lies in `gap`. */
function addShares(shares: number[], span: Span, lengthMs: number, gap: Span): void {
  const first = Math.max(0, Math.floor((gap.startMs - span.startMs) / lengthMs))
  for (let i = first; i < shares.length; i += 1) {
    const startMs = span.startMs + i * lengthMs
    const part = Math.min(gap.endMs, startMs + lengthMs) - Math.max(gap.startMs, startMs)
    if (startMs >= gap.endMs) return
    // By a rounded quotient the first cell may be the one before.
    if (part <= 0) continue
    shares[i] = Math.min(1, (shares[i] ?? 0) + part / lengthMs)
  }
}

// Counts a day against the calendar: a day that is short of rows is an error, unless the ledger says why. A
// hole that runs on over midnight is one finding, however many days it takes.
import { advance, countPlaces, DAY_MS, emptyPlaces, fixedGrid, floorToPeriod } from '../calendar.ts'
import type { LedgerRow } from '../ledger.ts'
import type { Period } from '../series.ts'
import { isoTime, meet, minus, type Span } from '../span.ts'
import type { Found } from './findings.ts'

/** Places without rows, one after another on the calendar, and the verdict that explains them, or null. */
type Hole = { readonly span: Span; readonly verdict: string | null }

/** The short part of one or more days that follow each other. */
type Shortage = {
  readonly span: Span
  readonly verdict: string | null
  readonly days: Span
  readonly missing: number
}

/** Counts the rows of a series with a calendar, whose places lie in `range`. */
export class DayCounts {
  readonly #period: Period
  readonly #range: Span
  readonly #explained: readonly LedgerRow[]
  /** The first explaining row that may still matter. */
  #next = 0
  #cursorMs: number
  /** Shortages that may still grow, by their verdict. */
  readonly #open = new Map<string | null, Shortage>()
  #closed: Shortage[] = []

  constructor(period: Period, range: Span, ledger: readonly LedgerRow[]) {
    this.#period = period
    this.#range = range
    this.#explained = ledger.filter(({ verdict }) => verdict !== 'rows' && verdict !== 'wanted')
    this.#cursorMs = range.startMs
  }

  /** Takes the open times of the next page, ascending. */
  page(opensMs: readonly number[]): void {
    const lastMs = opensMs.at(-1)
    if (lastMs === undefined) return
    const endMs = Math.min(this.#range.endMs, advance(this.#period, lastMs, 1))
    this.#holes({ startMs: this.#cursorMs, endMs }, opensMs)
    this.#cursorMs = Math.max(this.#cursorMs, endMs)
  }

  /** What is short in the days that are over; with `all`, up to the end of the range. */
  take(all = false): Found[] {
    if (all) {
      this.#holes({ startMs: this.#cursorMs, endMs: this.#range.endMs }, [])
      this.#cursorMs = this.#range.endMs
      this.#closed.push(...this.#open.values())
      this.#open.clear()
    }
    const closed = this.#closed.sort((a, b) => a.span.startMs - b.span.startMs)
    this.#closed = []
    return closed.map((one) => this.#found(one))
  }

  #holes(region: Span, opensMs: readonly number[]): void {
    if (region.startMs >= region.endMs) return
    for (const hole of emptyPlaces(this.#period, region, opensMs)) {
      for (const part of this.#judged(hole)) this.#add(part)
    }
  }

  /** A hole in parts by what explains them. */
  #judged(hole: Span): Hole[] {
    const explained = this.#explained
    while (this.#next < explained.length && (explained[this.#next]?.endMs ?? 0) <= hole.startMs)
      this.#next += 1
    const reasons: LedgerRow[] = []
    for (let i = this.#next; i < explained.length; i += 1) {
      const row = explained[i]
      if (!row || row.startMs >= hole.endMs) break
      reasons.push(row)
    }
    const open = minus([hole], reasons).map((span) => ({ span, verdict: null }))
    const known = reasons.flatMap(({ verdict, startMs, endMs }) =>
      meet([hole], [{ startMs, endMs }]).map((span) => ({ span, verdict })),
    )
    return [...open, ...known]
      .filter(({ span }) => countPlaces(this.#period, span) > 0)
      .sort((a, b) => a.span.startMs - b.span.startMs)
  }

  /** The UTC day of a time; the place itself where that is longer than a day. */
  #dayOf(timeMs: number): Span {
    const period =
      (fixedGrid(this.#period)?.lengthMs ?? Number.POSITIVE_INFINITY) > DAY_MS ? this.#period : '1d'
    const startMs = floorToPeriod(period, timeMs)
    return { startMs, endMs: advance(period, startMs, 1) }
  }

  #add({ span, verdict }: Hole): void {
    const firstDay = this.#dayOf(span.startMs)
    const days = { startMs: firstDay.startMs, endMs: this.#dayOf(span.endMs - 1).endMs }
    const missing = countPlaces(this.#period, span)
    const open = this.#open.get(verdict)
    if (open && (open.span.endMs === span.startMs || firstDay.startMs < open.days.endMs)) {
      this.#open.set(verdict, {
        verdict,
        span: { startMs: open.span.startMs, endMs: span.endMs },
        days: { startMs: open.days.startMs, endMs: days.endMs },
        missing: open.missing + missing,
      })
      return
    }
    if (open) this.#closed.push(open)
    this.#open.set(verdict, { span, verdict, days, missing })
  }

  #found({ span, verdict, days, missing }: Shortage): Found {
    const owed = countPlaces(this.#period, meet([days], [this.#range])[0] ?? days)
    const [from, to] = [dateText(days.startMs), dateText(days.endMs - 1)]
    const when = from === to ? from : `${from} to ${to}`
    const stored = `${missing} of ${owed} rows missing, ${when}`
    return verdict === null
      ? { check: 'day', severity: 'error', span, stored, expected: 'a row at every place, or a reason' }
      : { check: 'day', severity: 'note', span, stored, expected: `none: the ledger says ${verdict}` }
  }
}

const dateText = (timeMs: number): string => isoTime(timeMs).replace(/T.*/, '')

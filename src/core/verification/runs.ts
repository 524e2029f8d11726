// Notes that go on from row to row, as one finding each: a quiet night of a small symbol is one line, not
// four hundred.
import type { Span } from '../span.ts'
import type { CheckName, Found } from './findings.ts'

type OpenRun = {
  readonly span: Span
  /** The number of the last row, and how many rows there are. */
  readonly lastRow: number
  readonly count: number
  readonly stored: string
  readonly expected: string | null
}

/** Gathers notes of a series, check by check. */
export class NoteRuns {
  readonly #open = new Map<CheckName, OpenRun>()
  #closed: Found[] = []

  /** Row number `row` of the series has this note; rows come in order. */
  note(check: CheckName, row: number, span: Span, stored: string, expected: string | null): void {
    const open = this.#open.get(check)
    if (open && open.lastRow === row - 1) {
      const longer = { startMs: open.span.startMs, endMs: Math.max(open.span.endMs, span.endMs) }
      this.#open.set(check, { ...open, span: longer, lastRow: row, count: open.count + 1 })
      return
    }
    if (open) this.#close(check, open)
    this.#open.set(check, { span, lastRow: row, count: 1, stored, expected })
  }

  /** The runs that are over, each handed out once; with `all`, those too that may go on. */
  take(all = false): Found[] {
    if (all) {
      for (const [check, open] of this.#open) this.#close(check, open)
      this.#open.clear()
    }
    const closed = this.#closed
    this.#closed = []
    return closed
  }

  #close(check: CheckName, { span, count, stored, expected }: OpenRun): void {
    const words = count === 1 ? stored : `${count} in a row, the first: ${stored}`
    this.#closed.push({ check, severity: 'note', span, stored: words, expected })
  }
}

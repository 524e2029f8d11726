// Trades by their ids: they run on, so a jump that the ledger does not explain is an error. Trades are read
// by time; where a trade of a lower id comes later, it fills a jump that was no gap, and that is a note.
import { idsOf, type Rows, timesOf } from '../dataset.ts'
import { compareIds, countIds, nextId, previousId } from '../id.ts'
import type { LedgerRow } from '../ledger.ts'
import { isoTime, type Span } from '../span.ts'
import type { CheckContext, RowCheck } from './check-context.ts'
import type { Found } from './findings.ts'
import { NoteRuns } from './runs.ts'

/** Ids that no trade so far has, between two that are there. */
type Jump = { readonly first: string; readonly last: string; readonly span: Span }

/** Jumps that may still be filled by a trade of a later time; an older one counts. */
const MOST_WAITING = 1_000

/** The checks of the ids of a series of trades. */
export function tradeIds(context: CheckContext): RowCheck {
  const check = new TradeIds(context)
  return { page: (rows) => check.page(rows), end: () => check.end() }
}

class TradeIds {
  readonly #context: CheckContext
  readonly #runs = new NoteRuns()
  readonly #firstColumn: number
  readonly #lastColumn: number
  /** What the ledger counts as left out, less the jumps that this explains, by row of the ledger. */
  readonly #skipped = new Map<LedgerRow, number>()
  #number = 0
  #waiting: Jump[] = []
  /** The largest id so far, its time, and the last trade in it where it is an aggregate. */
  #before: { readonly id: string; readonly timeMs: number; readonly lastTrade: string | null } | null = null

  constructor(context: CheckContext) {
    this.#context = context
    const indexOf = (name: string): number =>
      context.table.columns.findIndex((column) => column.name === name)
    this.#firstColumn = indexOf('first_trade_id')
    this.#lastColumn = indexOf('last_trade_id')
  }

  page(rows: Rows): Found[] {
    const ids = idsOf(rows)
    const timesMs = timesOf(this.#context.table, rows)
    for (const [row, id] of ids.entries()) {
      this.#row(rows, row, id, timesMs[row] ?? 0)
      this.#number += 1
    }
    const over = this.#waiting.splice(0, Math.max(0, this.#waiting.length - MOST_WAITING))
    return [...over.map((jump) => this.#judged(jump)), ...this.#runs.take()]
  }

  end(): Found[] {
    const jumps = this.#waiting.map((jump) => this.#judged(jump))
    this.#waiting = []
    return [...jumps, ...this.#runs.take(true)]
  }

  #row(rows: Rows, row: number, id: string, timeMs: number): void {
    const before = this.#before
    const span = { startMs: timeMs, endMs: timeMs + 1 }
    if (before && compareIds(id, before.id) <= 0) {
      if (id !== before.id) {
        const stored = `id ${id} at ${isoTime(timeMs)}, after id ${before.id}`
        this.#runs.note('times', this.#number, span, stored, 'times that ascend with the ids')
        this.#fill(id)
      }
      return
    }
    const follows = before !== null && nextId(before.id) === id
    if (before && !follows) {
      const gap = { startMs: before.timeMs, endMs: timeMs + 1 }
      this.#waiting.push({ first: nextId(before.id), last: previousId(id), span: gap })
    }
    const firstTrade = this.#cell(rows, row, this.#firstColumn)
    if (follows && before.lastTrade !== null && firstTrade !== null) {
      const next = nextId(before.lastTrade)
      if (next !== firstTrade)
        this.#runs.note(
          'trade-ids',
          this.#number,
          span,
          `first_trade_id ${firstTrade}`,
          `first_trade_id ${next}`,
        )
    }
    this.#before = { id, timeMs, lastTrade: this.#cell(rows, row, this.#lastColumn) }
  }

  #cell(rows: Rows, row: number, column: number): string | null {
    return column < 0 ? null : String(rows.columns[column]?.[row])
  }

  /** A trade that comes late takes its id out of the jump that it lies in. */
  #fill(id: string): void {
    this.#waiting = this.#waiting.flatMap((jump) => {
      if (compareIds(id, jump.first) < 0 || compareIds(id, jump.last) > 0) return [jump]
      const parts: Jump[] = []
      if (id !== jump.first) parts.push({ ...jump, last: previousId(id) })
      if (id !== jump.last) parts.push({ ...jump, first: nextId(id) })
      return parts
    })
  }

  #judged({ first, last, span }: Jump): Found {
    const count = countIds(first, last)
    const name = first === last ? `id ${first}` : `ids ${first} to ${last}`
    const reason = this.#reasonFor(span, count)
    const stored = `no trade with ${name}`
    return reason === null
      ? { check: 'ids', severity: 'error', span, stored, expected: 'ids that run on, or a reason' }
      : { check: 'ids', severity: 'note', span, stored, expected: `none: ${reason}` }
  }

  /** Why the ledger knows of no trade there; null where it does not. */
  #reasonFor(span: Span, count: number): string | null {
    const around = this.#context.ledger.filter(
      (row) => row.verdict !== 'wanted' && row.startMs < span.endMs && row.endMs > span.startMs,
    )
    const empty = around.find((row) => row.verdict !== 'rows')
    if (empty) return `the ledger says ${empty.verdict}`
    for (const row of around) {
      const left = this.#skipped.get(row) ?? row.skipped
      if (left < count) continue
      this.#skipped.set(row, left - count)
      return 'the ledger counts them as left out'
    }
    return null
  }
}

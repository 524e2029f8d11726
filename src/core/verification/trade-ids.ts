// Trades by their ids: they run on, so a jump that the ledger does not explain is an error. That their times
// ascend too, and that the trades of an aggregate follow those of the one before, is usual and no more.
import { idsOf, type Rows, timesOf } from '../dataset.ts'
import { countIds, nextId, previousId } from '../id.ts'
import type { LedgerRow } from '../ledger.ts'
import { isoTime, type Span } from '../span.ts'
import type { CheckContext, RowCheck } from './check-context.ts'
import type { Found } from './findings.ts'
import { NoteRuns } from './runs.ts'

/** The checks of the ids of a series of trades. */
export function tradeIds(context: CheckContext): RowCheck {
  const check = new TradeIds(context)
  return { page: (rows) => check.page(rows), end: () => check.end() }
}

/** The trade before. */
type Before = {
  readonly id: string
  readonly timeMs: number
  /** The last trade in it, where it is an aggregate. */
  readonly lastTrade: string | null
}

class TradeIds {
  readonly #context: CheckContext
  readonly #runs = new NoteRuns()
  readonly #firstColumn: number
  readonly #lastColumn: number
  /** What the ledger counts as left out, less the jumps that this explains, by row of the ledger. */
  readonly #skipped = new Map<LedgerRow, number>()
  #number = 0
  #before: Before | null = null

  constructor(context: CheckContext) {
    this.#context = context
    const indexOf = (name: string): number =>
      context.table.columns.findIndex((column) => column.name === name)
    this.#firstColumn = indexOf('first_trade_id')
    this.#lastColumn = indexOf('last_trade_id')
  }

  page(rows: Rows): Found[] {
    const jumps: Found[] = []
    const timesMs = timesOf(this.#context.table, rows)
    for (const [row, id] of idsOf(rows).entries()) {
      const timeMs = timesMs[row] ?? 0
      if (this.#before) {
        const jump = this.#follow(this.#before, rows, row, id, timeMs)
        if (jump) jumps.push(jump)
      }
      this.#before = { id, timeMs, lastTrade: this.#cell(rows, row, this.#lastColumn) }
      this.#number += 1
    }
    return [...jumps, ...this.#runs.take()]
  }

  end(): Found[] {
    return this.#runs.take(true)
  }

  /** Holds a trade to the one before; gives back the jump between them. */
  #follow(before: Before, rows: Rows, row: number, id: string, timeMs: number): Found | null {
    const span = { startMs: timeMs, endMs: timeMs + 1 }
    if (timeMs < before.timeMs) {
      const stored = `id ${id} at ${isoTime(timeMs)}, after ${isoTime(before.timeMs)}`
      this.#runs.note('times', this.#number, span, stored, 'times that ascend with the ids')
    }
    const next = nextId(before.id)
    if (id === before.id) return null
    if (next !== id) return this.#jump(before, id, timeMs)
    const firstTrade = this.#cell(rows, row, this.#firstColumn)
    if (before.lastTrade === null || firstTrade === null) return null
    const expected = nextId(before.lastTrade)
    if (firstTrade !== expected) {
      const words = [`first_trade_id ${firstTrade}`, `first_trade_id ${expected}`] as const
      this.#runs.note('trade-ids', this.#number, span, ...words)
    }
    return null
  }

  #cell(rows: Rows, row: number, column: number): string | null {
    return column < 0 ? null : String(rows.columns[column]?.[row])
  }

  #jump(before: Before, id: string, timeMs: number): Found {
    const [first, last] = [nextId(before.id), previousId(id)]
    const span = { startMs: Math.min(before.timeMs, timeMs), endMs: Math.max(before.timeMs, timeMs) + 1 }
    const reason = this.#reasonFor(span, countIds(first, last))
    const stored = `no trade with ${first === last ? `id ${first}` : `ids ${first} to ${last}`}`
    const ids = { firstId: before.id, lastId: id }
    return reason === null
      ? { check: 'ids', severity: 'error', span, ids, stored, expected: 'ids that run on, or a reason' }
      : { check: 'ids', severity: 'note', span, ids, stored, expected: `none: ${reason}` }
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

// Takes in the trades of one archive. Real files are not always in order: two halves of a month come
// interleaved (reference 8.7). So where ids jump nothing is settled around the jump until the file has ended;
// what later rows do not fill is asked for by REST where that reaches, and settled when neither has it.
import { archiveStep } from './archive-walk.ts'
import {
  emptyRows,
  idAt,
  idsOf,
  joinRows,
  pickRows,
  type Rows,
  sliceRows,
  type Table,
  timesOf,
} from './dataset.ts'
import { compareIds, countIds, nextId, outermost, previousId } from './id.ts'
import { type Jump, jumpsOf, type Placed } from './id-settle.ts'
import { type LedgerRow, ledgerRow } from './ledger.ts'
import { fillJump, joinParts, NOTHING, type Part, type PendingJump, pendingJump } from './pending-jump.ts'
import { minus, type Span } from './span.ts'
import type { Step } from './step.ts'

/** The trades of one missing span of a file. */
export class ArchiveIdSpan {
  readonly #table: Table
  readonly #span: Span
  #cursorMs: number
  /** The last row or record so far; until there is one, the end of the time before the span. */
  #lastId: string | null
  #lastMs: number
  readonly #following: string | null
  #carried: Rows | null = null
  /** Records that were left out and are not counted yet, in order. */
  readonly #skipped: Placed[] = []
  readonly #jumps: PendingJump[] = []
  /** Up to here jumps keep time from being settled. */
  #waitsToMs = Number.NEGATIVE_INFINITY

  /** `around`: the ids before and after the span, where they are known. */
  constructor(table: Table, span: Span, around: { lastId: string | null; nextId: string | null }) {
    this.#table = table
    this.#span = span
    this.#cursorMs = span.startMs
    this.#lastId = around.lastId
    this.#lastMs = span.startMs - 1
    this.#following = around.nextId
  }

  get jumps(): readonly PendingJump[] {
    return this.#jumps
  }

  /** Takes rows of the span and records that were left out, each in order of id; answers what they settle. */
  take(rows: Rows, records: readonly Placed[], nowMs: number): Step[] {
    const last = this.#lastId
    const from = last === null ? 0 : firstAfter(rows, last)
    const later = sliceRows(rows, 0, from)
    const isLate = ({ id }: Placed): boolean => last !== null && compareIds(id, last) <= 0
    for (const { id } of records.filter(isLate)) fillJump(this.#jumps, id, 'skipped')
    const steps = later.count > 0 ? this.#fill(later, nowMs) : []
    const forward = sliceRows(rows, from, rows.count)
    const skipped = records.filter((record) => !isLate(record))
    if (forward.count === 0 && skipped.length === 0) return steps
    return [...steps, ...this.#forward(forward, skipped, nowMs)]
  }

  /** Rows and records that go on from the last one. */
  #forward(rows: Rows, records: readonly Placed[], nowMs: number): Step[] {
    const [firstId, lastId] = [idAt(rows, 0), idAt(rows, rows.count - 1)]
    const timesMs = timesOf(this.#table, rows)
    const skipped = betweenRows(rows, timesMs, records, this.#lastMs)
    let expected = this.#lastId === null ? null : nextId(this.#lastId)
    if (expected === null) {
      // Nobody knows which id comes first: rows before it may still come.
      expected = outermost([firstId, skipped[0]?.id], -1) ?? '0'
      const firstMs = (expected === firstId ? timesMs[0] : skipped[0]?.timeMs) ?? this.#cursorMs
      const unknown = { firstId: '0', lastId: previousId(expected) }
      this.#wait({ ...unknown, afterMs: this.#span.startMs, beforeMs: firstMs }, true)
    }
    // Ids that begin as expected and are as many as lie between them do not jump: no text is made of them.
    const isRun = expected === firstId && lastId !== null && countIds(expected, lastId) === rows.count
    const isPlain = isRun && skipped.length === 0
    const jumps = isPlain ? [] : jumpsOf(this.#table, rows, skipped, expected, this.#lastMs)
    for (const jump of jumps) this.#wait(jump)
    this.#lastId = outermost([lastId, skipped.at(-1)?.id], 1)
    this.#lastMs = (this.#lastId === lastId ? timesMs.at(-1) : skipped.at(-1)?.timeMs) ?? this.#lastMs
    this.#skipped.push(...skipped)
    this.#carried = this.#carried ? joinRows(this.#carried, rows) : rows
    return this.#settle(timesMs.at(-1) ?? this.#cursorMs, nowMs)
  }

  #wait(jump: Jump, unbounded = false): void {
    const one = pendingJump(jump, this.#span, this.#waitsToMs, unbounded)
    this.#waitsToMs = Math.max(this.#waitsToMs, one.span.endMs)
    this.#jumps.push(one)
  }

  /** Rows that come late: they fill jumps; those that fill none, or fill again, were there before. */
  #fill(rows: Rows, nowMs: number): Step[] {
    const kept = [...idsOf(rows).entries()].flatMap(([i, id]) =>
      fillJump(this.#jumps, id, 'rows') ? [i] : [],
    )
    return kept.length === 0 ? [] : [archiveStep(nowMs, this.#span, pickRows(rows, kept), [])]
  }

  /** Hands out the rows before `toMs`, and settles their time but for what waits. */
  #settle(toMs: number, nowMs: number): Step[] {
    const table = this.#table
    const all = this.#carried ?? emptyRows(table)
    const timesMs = timesOf(table, all)
    const isEnd = toMs >= this.#span.endMs
    const cut = isEnd ? -1 : timesMs.findIndex((timeMs) => timeMs >= toMs)
    const rows = cut < 0 ? all : sliceRows(all, 0, cut)
    this.#carried = cut < 0 ? null : sliceRows(all, cut, all.count)
    const region = { startMs: this.#cursorMs, endMs: Math.max(this.#cursorMs, toMs) }
    this.#cursorMs = region.endMs
    const ledger = this.#count(region, rows, nowMs)
    return rows.count === 0 && ledger.length === 0 ? [] : [archiveStep(nowMs, region, rows, ledger)]
  }

  /** Counts what lies in the parts of a region: those that wait keep their share, the others are settled. */
  #count(region: Span, rows: Rows, nowMs: number): LedgerRow[] {
    const timesMs = timesOf(this.#table, rows)
    const waiting = this.#jumps.filter(({ span }) => span.startMs < span.endMs && span.endMs > region.startMs)
    const held = minus(
      [region],
      waiting.map((jump) => jump.span),
    )
    const isEnd = region.endMs >= this.#span.endMs
    let at = 0
    const until = (endMs: number): Part => {
      const from = at
      while (at < rows.count && (timesMs[at] ?? 0) < endMs) at += 1
      const skipped = this.#takeSkipped(isEnd ? endMs : Math.min(endMs, region.endMs))
      const own = at > from ? [idAt(rows, from), idAt(rows, at - 1)] : []
      const ids = [...own, skipped[0]?.id, skipped.at(-1)?.id]
      const [firstId, lastId] = [outermost(ids, -1), outermost(ids, 1)]
      return { rows: at - from, skipped: skipped.length, firstId, lastId }
    }
    const ledger: LedgerRow[] = []
    const parts = [
      ...held.map((span) => ({ span, jump: null })),
      ...waiting.map((jump) => ({ span: jump.span, jump })),
    ].sort((a, b) => a.span.startMs - b.span.startMs)
    for (const [i, { span, jump }] of parts.entries()) {
      const before = jump ? until(Math.min(span.endMs, jump.beforeMs)) : NOTHING
      // What is left at the end, whatever its time, belongs to the last part.
      const part = until(isEnd && i === parts.length - 1 ? Number.POSITIVE_INFINITY : span.endMs)
      if (jump) {
        jump.sides.before = joinParts(jump.sides.before, before)
        jump.sides.after = joinParts(jump.sides.after, part)
        continue
      }
      const lastId = part.lastId ?? (span.endMs === this.#span.endMs ? this.#lastId : null)
      ledger.push(ledgerRow(span, 'rows', { ...part, lastId, source: 'archive', checkedAtMs: nowMs }))
    }
    return ledger
  }

  /** What is settled after the span goes on with the next id, or ids jump there too. */
  #reachFollowing(): void {
    const [lastId, following] = [this.#lastId, this.#following]
    if (lastId === null || following === null || compareIds(nextId(lastId), following) >= 0) return
    const ids = { firstId: nextId(lastId), lastId: previousId(following) }
    this.#wait({ ...ids, afterMs: this.#lastMs, beforeMs: this.#span.endMs })
  }

  /** The skipped records before a time; each is given once. */
  #takeSkipped(endMs: number): Placed[] {
    const later = this.#skipped.findIndex(({ timeMs }) => timeMs >= endMs)
    return this.#skipped.splice(0, later < 0 ? this.#skipped.length : later)
  }

  /** The end of the file: everything but the jumps is settled. */
  end(nowMs: number): Step[] {
    this.#reachFollowing()
    return this.#settle(this.#span.endMs, nowMs)
  }
}

/** Records with their times between those of the trades around them, by their ids; after `sinceMs`. */
function betweenRows(
  rows: Rows,
  timesMs: readonly number[],
  records: readonly Placed[],
  sinceMs: number,
): Placed[] {
  if (records.length === 0) return []
  const ids = idsOf(rows)
  let afterMs = sinceMs
  let at = 0
  return records.map(({ id, timeMs }) => {
    for (let row = ids[at]; row !== undefined && compareIds(row, id) < 0; row = ids[at]) {
      afterMs = timesMs[at] ?? afterMs
      at += 1
    }
    afterMs = Math.max(afterMs, Math.min(timeMs, timesMs[at] ?? Number.POSITIVE_INFINITY))
    return { id, timeMs: afterMs }
  })
}

/** The first row whose id comes after `last`; as many as there are where none does. */
function firstAfter(rows: Rows, last: string): number {
  const first = idAt(rows, 0)
  if (first === null || compareIds(first, last) > 0) return 0
  const found = idsOf(rows).findIndex((id) => compareIds(id, last) > 0)
  return found < 0 ? rows.count : found
}

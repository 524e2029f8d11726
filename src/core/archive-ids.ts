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
import { compareIds, countIds, nextId, previousId } from './id.ts'
import { type Jump, jumpsOf } from './id-settle.ts'
import { type LedgerRow, ledgerRow } from './ledger.ts'
import { fillJump, jumpGroups, type PendingJump, pendingJump } from './pending-jump.ts'
import { minus, type Span } from './span.ts'
import type { Step } from './step.ts'

/** The trades of one missing span of a file. */
export class ArchiveIdSpan {
  readonly #table: Table
  readonly #span: Span
  #cursorMs: number
  #lastId: string | null
  readonly #following: string | null
  #carried: Rows | null = null
  #skipped: string[] = []
  readonly #jumps: PendingJump[] = []
  /** Up to here jumps keep time from being settled. */
  #waitsToMs = Number.NEGATIVE_INFINITY

  /** `around`: the ids before and after the span, where they are known. */
  constructor(table: Table, span: Span, around: { lastId: string | null; nextId: string | null }) {
    this.#table = table
    this.#span = span
    this.#cursorMs = span.startMs
    this.#lastId = around.lastId
    this.#following = around.nextId
  }

  get jumps(): readonly PendingJump[] {
    return this.#jumps
  }

  /** Takes rows of the span, in order of id; what they settle comes with them. */
  take(rows: Rows, skippedIds: readonly string[], nowMs: number): Step[] {
    const last = this.#lastId
    const from = last === null ? 0 : firstAfter(rows, last)
    const later = sliceRows(rows, 0, from)
    const skipped = skippedIds.filter((id) => last === null || compareIds(id, last) > 0)
    const steps = later.count > 0 ? this.#fill(later, nowMs) : []
    const forward = sliceRows(rows, from, rows.count)
    if (forward.count === 0 && skipped.length === 0) return steps
    return [...steps, ...this.#forward(forward, skipped, nowMs)]
  }

  /** Rows that go on from the last one. */
  #forward(rows: Rows, skipped: readonly string[], nowMs: number): Step[] {
    const [firstId, lastId] = [idAt(rows, 0), idAt(rows, rows.count - 1)]
    const timesMs = timesOf(this.#table, rows)
    const firstMs = timesMs[0] ?? this.#cursorMs
    let expected = this.#lastId === null ? null : nextId(this.#lastId)
    if (expected === null) {
      // Nobody knows which id comes first: rows before it may still come.
      expected = extreme(firstId, skipped[0], -1)
      this.#wait(
        { firstId: '0', lastId: previousId(expected), afterMs: this.#span.startMs, beforeMs: firstMs },
        true,
      )
    }
    const placed = skipped.map((id) => ({ id, timeMs: Number.NaN }))
    const sinceMs = this.#carried ? (timesOf(this.#table, this.#carried).at(-1) ?? 0) : this.#cursorMs
    // Ids that begin as expected and are as many as lie between them do not jump: no text is made of them.
    const isRun = expected === firstId && lastId !== null && countIds(expected, lastId) === rows.count
    const jumps = isRun && skipped.length === 0 ? [] : jumpsOf(this.#table, rows, placed, expected, sinceMs)
    for (const jump of jumps) this.#wait(jump)
    this.#lastId = extreme(lastId, skipped.at(-1), 1)
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
    const kept = [...idsOf(rows).entries()].flatMap(([i, id]) => (fillJump(this.#jumps, id) ? [i] : []))
    return kept.length === 0 ? [] : [archiveStep(nowMs, this.#span, pickRows(rows, kept), [])]
  }

  /** Hands out the rows before `toMs`, and settles their time but for what waits. */
  #settle(toMs: number, nowMs: number): Step[] {
    const table = this.#table
    const all = this.#carried
    if (!all) return []
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

  #count(region: Span, rows: Rows, nowMs: number): LedgerRow[] {
    const timesMs = timesOf(this.#table, rows)
    const waiting = this.#jumps.filter(({ span }) => span.startMs < span.endMs && span.endMs > region.startMs)
    const held = minus(
      [region],
      waiting.map((jump) => jump.span),
    )
    const ledger: LedgerRow[] = []
    let at = 0
    const until = (endMs: number): { count: number; firstId: string | null; lastId: string | null } => {
      const from = at
      while (at < rows.count && (timesMs[at] ?? 0) < endMs) at += 1
      return {
        count: at - from,
        firstId: at > from ? idAt(rows, from) : null,
        lastId: at > from ? idAt(rows, at - 1) : null,
      }
    }
    const parts = [
      ...held.map((span) => ({ span, jump: null })),
      ...waiting.map((jump) => ({ span: jump.span, jump })),
    ]
    for (const { span, jump } of parts.sort((a, b) => a.span.startMs - b.span.startMs)) {
      const before = jump ? until(Math.min(span.endMs, jump.beforeMs)) : null
      const { count, firstId, lastId } = until(span.endMs)
      if (jump && before) {
        jump.rows.before += before.count
        jump.rows.after += count
        jump.seen.firstBefore ??= before.firstId
        jump.seen.firstAfter ??= firstId
        const last = lastId ?? before.lastId
        jump.seen.last = last ?? jump.seen.last
        if (last !== null) jump.skipped.push(...this.#takeSkipped(last, false))
        continue
      }
      const isLast = region.endMs >= this.#span.endMs && span === held.at(-1)
      const skipped = this.#takeSkipped(lastId, isLast)
      const ids = {
        firstId: earliest([firstId, skipped[0] ?? null]),
        lastId: latest([lastId, skipped.at(-1) ?? null]),
        skipped: skipped.length,
      }
      ledger.push(ledgerRow(span, 'rows', { rows: count, ...ids, source: 'archive', checkedAtMs: nowMs }))
    }
    return ledger
  }

  /** What is settled after the span goes on with the next id, or ids jump there too. */
  #reachFollowing(): void {
    const [lastId, following] = [this.#lastId, this.#following]
    if (lastId === null || following === null || compareIds(nextId(lastId), following) >= 0) return
    const afterMs = (this.#carried && timesOf(this.#table, this.#carried).at(-1)) ?? this.#cursorMs
    const ids = { firstId: nextId(lastId), lastId: previousId(following) }
    this.#wait({ ...ids, afterMs, beforeMs: this.#span.endMs })
  }

  /** The skipped records before an id, or all of them; each is given once. */
  #takeSkipped(lastId: string | null, all: boolean): string[] {
    const isLater = (id: string): boolean => !all && (lastId === null || compareIds(id, lastId) > 0)
    const own = this.#skipped.filter((id) => !isLater(id))
    this.#skipped = this.#skipped.filter(isLater)
    return own
  }

  /** The end of the file: everything but the jumps is settled. */
  end(nowMs: number): Step[] {
    this.#reachFollowing()
    const steps = this.#settle(this.#span.endMs, nowMs)
    // Not one trade, or none after the last settled time.
    const region = { startMs: this.#cursorMs, endMs: this.#span.endMs }
    this.#cursorMs = Math.max(region.startMs, region.endMs)
    const held = minus(
      [region],
      this.#jumps.map((jump) => jump.span),
    )
    // Records that were left out may be all that there is; where a jump holds all time, they are its own.
    const skipped = this.#takeSkipped(null, true)
    const last = jumpGroups(this.#jumps).at(-1)?.[0]
    if (held.length === 0 && last) last.skipped.push(...skipped)
    const facts = { source: 'archive', lastId: this.#lastId, checkedAtMs: nowMs } as const
    const counts = { firstId: skipped[0] ?? null, skipped: skipped.length }
    const ledger = held.map((span, i) => ledgerRow(span, 'rows', { ...facts, ...(i === 0 ? counts : {}) }))
    return held.length === 0 ? steps : [...steps, archiveStep(nowMs, region, emptyRows(this.#table), ledger)]
  }
}

const earliest = (ids: readonly (string | null)[]): string | null =>
  ids.filter((id) => id !== null).toSorted(compareIds)[0] ?? null
const latest = (ids: readonly (string | null)[]): string | null =>
  ids
    .filter((id) => id !== null)
    .toSorted(compareIds)
    .at(-1) ?? null

/** The larger (sign 1) or smaller (sign -1) of two ids, at least one of which is there. */
function extreme(a: string | null, b: string | undefined, sign: 1 | -1): string {
  if (a === null || b === undefined) return a ?? b ?? '0'
  return compareIds(a, b) * sign > 0 ? a : b
}

/** The first row whose id comes after `last`; as many as there are where none does. */
function firstAfter(rows: Rows, last: string): number {
  const first = idAt(rows, 0)
  if (first === null || compareIds(first, last) > 0) return 0
  const found = idsOf(rows).findIndex((id) => compareIds(id, last) > 0)
  return found < 0 ? rows.count : found
}

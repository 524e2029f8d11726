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
import { minus, type Span } from './span.ts'
import type { Step } from './step.ts'

/** A jump that waits for the end of the file: `span` is what it keeps from being settled. */
export type PendingJump = Jump & {
  readonly span: Span
  /** Whether nobody knows which id its first is: nothing may be missing in it. */
  readonly unbounded: boolean
  /**
   * Rows of the file in that span: before the jump, after it, and those that came later and fill it; and the
   * records that were left out there.
   */
  readonly rows: { before: number; after: number; filling: number; skipped: number }
  firstSeen: string | null
  lastSeen: string | null
  /** Runs of ids that came later. */
  readonly filled: [string, string][]
}

/** Runs of ids that may fill one jump: more, and the file is in no order at all. */
const MOST_FILLS = 10_000

/** The trades of one missing span of a file. */
export class ArchiveIdSpan {
  readonly #table: Table
  readonly #span: Span
  #cursorMs: number
  #lastId: string | null
  #carried: Rows | null = null
  #skipped: string[] = []
  readonly #jumps: PendingJump[] = []

  /** `lastId`: the id before the span, where it is known. */
  constructor(table: Table, span: Span, lastId: string | null) {
    this.#table = table
    this.#span = span
    this.#cursorMs = span.startMs
    this.#lastId = lastId
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
    const startMs = Math.max(this.#span.startMs, Math.min(jump.afterMs, jump.beforeMs))
    const span = { startMs, endMs: Math.min(this.#span.endMs, jump.beforeMs + 1) }
    const rows = { before: 0, after: 0, filling: 0, skipped: 0 }
    this.#jumps.push({ ...jump, span, unbounded, rows, firstSeen: null, lastSeen: null, filled: [] })
  }

  /** Rows that come late: they fill jumps; those that fill none were there before. */
  #fill(rows: Rows, nowMs: number): Step[] {
    const ids = idsOf(rows)
    const kept: number[] = []
    for (const [i, id] of ids.entries()) {
      const jump = this.#jumps.find(
        (one) => compareIds(one.firstId, id) <= 0 && compareIds(id, one.lastId) <= 0,
      )
      // What fills nothing, or fills again, is doubled in the file.
      if (!jump || jump.filled.some((run) => holds(run, id))) continue
      kept.push(i)
      jump.rows.filling += 1
      const run = jump.filled.at(-1)
      if (run && nextId(run[1]) === id) run[1] = id
      else jump.filled.push([id, id])
      if (jump.filled.length > MOST_FILLS) throw new Error('the file is in no order')
    }
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
    const waiting = this.#jumps.filter((jump) => jump.span.endMs > region.startMs)
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
      if (jump) jump.rows.before += until(jump.beforeMs).count
      const { count, firstId, lastId } = until(span.endMs)
      if (jump) {
        jump.rows.after += count
        jump.firstSeen ??= firstId
        jump.lastSeen = lastId ?? jump.lastSeen
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

  /** The skipped records before an id, or all of them; each is given once. */
  #takeSkipped(lastId: string | null, all: boolean): string[] {
    const isLater = (id: string): boolean => !all && (lastId === null || compareIds(id, lastId) > 0)
    const own = this.#skipped.filter((id) => !isLater(id))
    this.#skipped = this.#skipped.filter(isLater)
    return own
  }

  /** The end of the file: everything but the jumps is settled. */
  end(nowMs: number): Step[] {
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
    const last = this.#jumps.at(-1)
    if (held.length === 0 && last) last.rows.skipped += skipped.length
    const facts = { source: 'archive', lastId: this.#lastId, checkedAtMs: nowMs } as const
    const counts = { firstId: skipped[0] ?? null, skipped: skipped.length }
    const ledger = held.map((span, i) => ledgerRow(span, 'rows', { ...facts, ...(i === 0 ? counts : {}) }))
    return held.length === 0 ? steps : [...steps, archiveStep(nowMs, region, emptyRows(this.#table), ledger)]
  }
}

const holds = ([first, last]: readonly [string, string], id: string): boolean =>
  compareIds(first, id) <= 0 && compareIds(id, last) <= 0

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

/** What of a jump's ids no row of the file has, in order. */
export function stillMissing(jump: PendingJump): { firstId: string; lastId: string }[] {
  const runs = [...jump.filled].sort((a, b) => compareIds(a[0], b[0]))
  const out: { firstId: string; lastId: string }[] = []
  let next = jump.firstId
  for (const [first, last] of runs) {
    if (compareIds(first, next) > 0) out.push({ firstId: next, lastId: previousId(first) })
    if (compareIds(last, next) >= 0) next = nextId(last)
  }
  if (compareIds(next, jump.lastId) <= 0) out.push({ firstId: next, lastId: jump.lastId })
  return out
}

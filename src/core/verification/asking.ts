// Asks the exchange for the pages of a series that were chosen, several at once, and says what came of it. A
// page that is refused stays open and is named; a series that is refused again and again is left.
import { ForgottenSymbolError, MalformedError, RefusedError } from '../../errors.ts'
import { DAY_MS, HOUR_MS } from '../calendar.ts'
import { idsOf, type Rows, sliceRows, timesOf } from '../dataset.ts'
import type { Tell, Unsettled } from '../events.ts'
import { countIds, type IdRange } from '../id.ts'
import { isoTime, type Span } from '../span.ts'
import { type AskedSeries, type Compared, compareSpan, compareTrades } from './exchange-check.ts'
import type { VerifyFinding } from './findings.ts'
import { storedPages } from './stored-rows.ts'

/** A part of a series that is fetched again: a page by time, or trades by their ids. */
export type Piece =
  | { readonly kind: 'span'; readonly span: Span }
  | { readonly kind: 'ids'; readonly span: Span; readonly ids: IdRange }

/** Pieces that may be refused one after another before the rest of the series is left. */
const MOST_REFUSALS = 3

/** Pages by which the trades of one piece are fetched, at most. */
const MOST_PAGES = 100

export type Asking = {
  readonly asked: AskedSeries
  /** What of the series is looked at. */
  readonly range: Span
  readonly pageRows: number
  /** Pieces in flight. */
  readonly workers: number
  readonly signal: AbortSignal
  readonly tell: Tell
  readonly add: (finding: VerifyFinding) => void
}

/** What asking came to. */
export type Asked = {
  pages: number
  rows: number
  written: number
  changed: number
  readonly unsettled: Unsettled[]
}

/** Compares every piece. Throws what ends the whole run (UserError, UnavailableError, StoppedError). */
export async function askPieces(asking: Asking, pieces: AsyncIterable<Piece>): Promise<Asked> {
  const total: Asked = { pages: 0, rows: 0, written: 0, changed: 0, unsettled: [] }
  const reach = new Reach(asking.asked)
  const queue = pieces[Symbol.asyncIterator]()
  let refusals = 0
  let isLeft = false
  let isForgotten = false
  const work = async (): Promise<void> => {
    for (let next = await queue.next(); !next.done; next = await queue.next()) {
      asking.signal.throwIfAborted()
      const piece = next.value
      if (!reach.has(piece.span)) continue
      if (isForgotten) return
      if (refusals >= MOST_REFUSALS) {
        const left = { startMs: piece.span.startMs, endMs: asking.range.endMs }
        if (!isLeft) open(asking, total, left, 'not asked any more: too much was refused')
        isLeft = true
        return
      }
      try {
        const done = await comparePiece(asking, piece)
        refusals = 0
        for (const one of done) takeIn(asking, total, one)
      } catch (error) {
        if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
        if (error instanceof ForgottenSymbolError) {
          if (!isForgotten) asking.add(forgotten(asking, error.message))
          isForgotten = true
          return
        }
        refusals += 1
        open(asking, total, piece.span, error.message)
      }
    }
  }
  await Promise.all(Array.from({ length: asking.workers }, () => work()))
  const beyond = reach.finding()
  if (beyond) asking.add(beyond)
  return total
}

async function comparePiece({ asked, pageRows }: Asking, piece: Piece): Promise<Compared[]> {
  if (piece.kind === 'span') return compareSpan(asked, piece.span, pageRows)
  const limit = Math.min(pageRows, countIds(piece.ids.firstId, piece.ids.lastId))
  return compareTrades(asked, piece.ids, piece.span, limit, MOST_PAGES)
}

function takeIn({ add, asked, tell }: Asking, total: Asked, one: Compared): void {
  total.pages += 1
  total.rows += one.rows
  total.written += one.written
  total.changed += one.changed
  for (const finding of one.findings) add({ ...finding, series: asked.series })
  tell({ type: 'rows-checked', series: asked.series, rows: one.rows })
}

function open({ asked, tell }: Asking, total: Asked, span: Span, reason: string): void {
  const unsettled = { series: asked.series, span, reason }
  total.unsettled.push(unsettled)
  tell({ type: 'span-unsettled', unsettled })
}

/** Nobody can compare a symbol that the exchange has forgotten, and that is no fault of what is stored. */
function forgotten({ asked, range }: Asking, said: string): VerifyFinding {
  return {
    series: asked.series,
    span: range,
    check: 'exchange',
    severity: 'note',
    stored: 'not compared',
    expected: `the exchange knows the symbol no more: ${said}`,
    repaired: false,
  }
}

/** How far back the exchange answers, and what of the pieces lies before that. */
class Reach {
  readonly #asked: AskedSeries
  readonly #fromMs: number
  #beyond: Span | null = null

  constructor(asked: AskedSeries) {
    this.#asked = asked
    const { reachMs } = asked.source
    this.#fromMs = reachMs === undefined ? 0 : asked.source.nowMs() - reachMs
  }

  has(span: Span): boolean {
    if (span.startMs >= this.#fromMs) return true
    const known = this.#beyond ?? span
    this.#beyond = {
      startMs: Math.min(known.startMs, span.startMs),
      endMs: Math.max(known.endMs, Math.min(span.endMs, this.#fromMs)),
    }
    return false
  }

  finding(): VerifyFinding | null {
    if (!this.#beyond) return null
    const { series, source } = this.#asked
    const days = Math.round((source.reachMs ?? 0) / DAY_MS)
    const how = days > 1 ? `${days} days` : `${Math.round((source.reachMs ?? 0) / HOUR_MS)} hours`
    const stored = `not compared up to ${isoTime(this.#beyond.endMs)}`
    const expected = `the API answers for the last ${how} only`
    return {
      series,
      span: this.#beyond,
      check: 'exchange',
      severity: 'note',
      stored,
      expected,
      repaired: false,
    }
  }
}

/** Stored trades of a span as pieces of about a page: `wanted` says of each, from 0, whether to take it. */
export async function* tradePieces(
  asked: AskedSeries,
  span: Span,
  pageRows: number,
  wanted: (page: number) => boolean,
): AsyncGenerator<Piece> {
  let page = 0
  for await (const rows of storedPages(asked, span)) {
    for (let from = 0; from < rows.count; from += pageRows, page += 1)
      if (wanted(page)) yield* piecesOf(asked, sliceRows(rows, from, from + pageRows), pageRows)
  }
}

/** Rows as runs of ids: what lies between two that are far apart is no business of a sample. */
function* piecesOf({ table }: AskedSeries, rows: Rows, pageRows: number): Generator<Piece> {
  const timesMs = timesOf(table, rows)
  const ids = idsOf(rows)
  let from = 0
  for (let row = 1; row <= ids.length; row += 1) {
    const [first, before, here] = [ids[from], ids[row - 1], ids[row]]
    if (first === undefined || before === undefined) continue
    if (here !== undefined && countIds(before, here) - 1 <= pageRows) continue
    yield { kind: 'ids', span: hullOf(timesMs.slice(from, row)), ids: { firstId: first, lastId: before } }
    from = row
  }
}

function hullOf(timesMs: readonly number[]): Span {
  const least = (a: number, b: number): number => Math.min(a, b)
  const most = (a: number, b: number): number => Math.max(a, b)
  return { startMs: timesMs.reduce(least), endMs: timesMs.reduce(most) + 1 }
}

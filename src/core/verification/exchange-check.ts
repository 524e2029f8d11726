// Stored rows against the exchange, page by page over REST. A difference counts when a second answer agrees
// with the first: a page that was cut on the way must not accuse what is stored. With repair, the exchange's
// rows are put in the place of what they contradict, and what it does not have is left alone.
import { RefusedError } from '../../errors.ts'
import { advance } from '../calendar.ts'
import { idsOf, pickRows, type Rows, timesOf } from '../dataset.ts'
import { compareIds, type IdRange, nextId } from '../id.ts'
import type { LedgerRow } from '../ledger.ts'
import type { Period } from '../series.ts'
import type { Answer, Source } from '../source.ts'
import { type Span, spanText } from '../span.ts'
import type { Store } from '../store.ts'
import { closedRows } from '../verify.ts'
import { compareRows, type Difference } from './compare-rows.ts'
import { coverageOf } from './coverage.ts'
import { differenceFinding, type ExchangeFinding } from './exchange-findings.ts'
import { allRows, type StoredSeries, storedPages, tradesByIds } from './stored-rows.ts'
import { soundValues } from './values.ts'

/** A series that can be asked for. */
export type AskedSeries = StoredSeries & {
  readonly store: Pick<Store, 'read' | 'readIds' | 'ends' | 'write'>
  readonly period: Period | null
  readonly ledger: readonly LedgerRow[]
  readonly source: Source
  /** Whether the exchange's rows replace what they contradict. */
  readonly repair: boolean
}

export type Compared = {
  /** Rows of the exchange that were compared. */
  readonly rows: number
  readonly findings: readonly ExchangeFinding[]
  readonly written: number
  readonly changed: number
}

/** The same part of what is stored and what the exchange answers. */
type Sides = { readonly stored: Rows; readonly answered: Rows; readonly servedAtMs: number }

/**
 * Compares the rows of a page by time, by more answers than one where one does not hold them all. Throws
 * RefusedError where the exchange does not answer, or not twice the same.
 */
export async function compareSpan(asked: AskedSeries, span: Span, limit: number): Promise<Compared[]> {
  const done: Compared[] = []
  let cursorMs = span.startMs
  while (cursorMs < span.endMs) {
    let nextMs = span.endMs
    const rest = { startMs: cursorMs, endMs: span.endMs }
    const look = async (): Promise<Sides> => {
      const answer = await asked.source.fetch(asked.series, { span: rest, limit })
      const whole = wholePart(asked, answer, rest, limit)
      nextMs = whole.nextMs
      const pages = storedPages(asked, { startMs: rest.startMs, endMs: whole.endMs })
      const stored = await storedRows(asked, pages)
      const timesMs = timesOf(asked.table, answer.rows)
      const answered = rowsWhere(answer.rows, (row) => (timesMs[row] ?? 0) < whole.endMs)
      return { stored, answered, servedAtMs: answer.servedAtMs }
    }
    done.push(await compareTwice(asked, rest, look))
    cursorMs = nextMs
  }
  return done
}

/** Up to when an answer holds all that there is and is closed, and from where to ask on. */
function wholePart(
  { dataset, period, table }: AskedSeries,
  { rows, servedAtMs }: Answer,
  span: Span,
  limit: number,
): { readonly endMs: number; readonly nextMs: number } {
  const closed = closedRows(table, rows, servedAtMs)
  const timesMs = timesOf(table, closed)
  const lastMs = timesMs.at(-1) ?? span.startMs
  if (closed.count < rows.count)
    return { endMs: closed.count === 0 ? span.startMs : lastMs + 1, nextMs: span.endMs }
  if (rows.count < limit) return { endMs: span.endMs, nextMs: span.endMs }
  if (dataset.order === 'calendar' && period !== null) {
    const afterMs = Math.min(span.endMs, advance(period, lastMs, 1))
    return { endMs: afterMs, nextMs: afterMs }
  }
  // A full answer may have been cut within its last time, where one time may have several rows.
  const cutMs = lastMs > (timesMs[0] ?? lastMs) ? lastMs : lastMs + 1
  return { endMs: cutMs, nextMs: cutMs }
}

/**
 * Compares the trades with ids in a range by at most `mostPages` pages. `span` is about when they were.
 * Throws as compareSpan does.
 */
export async function compareTrades(
  asked: AskedSeries,
  { firstId, lastId }: IdRange,
  span: Span,
  limit: number,
  mostPages: number,
): Promise<Compared[]> {
  const done: Compared[] = []
  let fromId = firstId
  for (let page = 0; page < mostPages && compareIds(fromId, lastId) <= 0; page += 1) {
    let toId = lastId
    const window = { span, limit, fromId }
    const look = async (): Promise<Sides> => {
      const answer = await asked.source.fetch(asked.series, window)
      const end = endOfAnswer(answer, limit)
      toId = end !== null && compareIds(end, lastId) < 0 ? end : lastId
      const ids = idsOf(answer.rows)
      const answered = rowsWhere(answer.rows, (row) => compareIds(ids[row] ?? '', toId) <= 0)
      const stored = await storedRows(asked, tradesByIds(asked, { firstId: window.fromId, lastId: toId }))
      return { stored, answered, servedAtMs: answer.servedAtMs }
    }
    done.push(await compareTwice(asked, span, look))
    fromId = nextId(toId)
  }
  return done
}

/** The last id of a full answer; null where the answer holds all there is. */
function endOfAnswer({ rows, skippedIds = [] }: Answer, limit: number): string | null {
  if (rows.count + skippedIds.length < limit) return null
  const ends = [idsOf(rows).at(-1), skippedIds.at(-1)].filter((id) => id !== undefined)
  return ends.sort(compareIds).at(-1) ?? null
}

async function storedRows({ table }: AskedSeries, pages: AsyncIterable<Rows>): Promise<Rows> {
  return soundValues(table, await allRows(table, pages)).rows
}

function rowsWhere(rows: Rows, fits: (row: number) => boolean): Rows {
  const places = Array.from({ length: rows.count }, (_, row) => row).filter(fits)
  return places.length === rows.count ? rows : pickRows(rows, places)
}

async function compareTwice(asked: AskedSeries, span: Span, look: () => Promise<Sides>): Promise<Compared> {
  const first = await look()
  const seen = compareRows(asked.table, first.stored, first.answered)
  if (seen.length === 0) return { rows: first.answered.count, findings: [], written: 0, changed: 0 }
  const sides = await look()
  if (!sameRows(first.answered, sides.answered))
    throw new RefusedError(`the exchange contradicts itself about ${spanText(span)}`)
  // What is stored may have changed meanwhile, too.
  const differences = compareRows(asked.table, sides.stored, sides.answered)
  const { written, changed } = asked.repair
    ? await repair(asked, sides, differences)
    : { written: 0, changed: 0 }
  const { dataset, ledger, table } = asked
  const context = { dataset, ledger, table, repaired: asked.repair, ...sides }
  const findings = differences.map((difference) => differenceFinding(context, difference))
  return { rows: sides.answered.count, findings, written, changed }
}

const sameRows = (a: Rows, b: Rows): boolean => JSON.stringify(a.columns) === JSON.stringify(b.columns)

/** Writes the exchange's rows where they differ or are lacking, and keeps what they replace. */
async function repair(
  asked: AskedSeries,
  { answered, servedAtMs }: Sides,
  differences: readonly Difference[],
): Promise<{ written: number; changed: number }> {
  const places = differences.flatMap((one) => (one.kind === 'extra' ? [] : [one.answered]))
  if (places.length === 0) return { written: 0, changed: 0 }
  const { series, store, table } = asked
  const lacking = differences.flatMap((one) => (one.kind === 'lacking' ? [one.answered] : []))
  const ledger = coverageOf(asked, pickRows(answered, lacking), servedAtMs)
  const rows = pickRows(answered, places)
  const page = {
    series,
    table,
    rows,
    source: 'rest',
    extractedAtMs: servedAtMs,
    ledger,
    fresh: false,
  } as const
  return store.write([page], { keepReplaced: true })
}

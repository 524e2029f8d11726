// Candles that only the Python extractor still has: of symbols that neither the exchange nor its archives
// know any more. What is certain to be wrong (unfinished, clamped, impossible) is left out, and stays open.
import { advance, countPlaces, floorToPeriod } from '../../src/core/calendar.ts'
import type { Rows } from '../../src/core/dataset.ts'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import { type LedgerRow, ledgerRow, settledSpans } from '../../src/core/ledger.ts'
import type { Period, Series } from '../../src/core/series.ts'
import { minus, type Span, union } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import { klines } from '../../src/datasets/klines.ts'
import type { OldCandle, OldSeries, PythonDatabase } from './python-database.ts'

const PAGE_ROWS = 1_000
/** What larger numbers were cut to, in silence. */
const CLAMPED = '999999999999.99999999'
const REASON = 'taken over from the Python extractor, nobody else has it'

export type Leftovers = { readonly taken: number; readonly refused: number }

/** Takes over what is still not settled of a series. What was taken is settled, and not taken again. */
export async function takeLeftovers(
  python: PythonDatabase,
  store: Store,
  one: OldSeries & { readonly period: Period },
  series: Series,
  nowMs: number,
): Promise<Leftovers> {
  const [ledger = []] = await store.ledger([series])
  const endMs = advance(one.period, one.lastMs, 1)
  const result = { taken: 0, refused: 0 }
  for (const span of minus([{ startMs: one.firstMs, endMs }], settledSpans(ledger))) {
    for (let startMs = span.startMs; ; ) {
      const candles = await python.candles(one, { startMs, endMs: span.endMs }, PAGE_ROWS)
      const good = candles.filter((candle) => isCredible(candle, one.period))
      await write(store, series, one.period, good, nowMs)
      result.taken += good.length
      result.refused += candles.length - good.length
      const last = candles.at(-1)
      if (!last || candles.length < PAGE_ROWS) break
      startMs = last.openMs + 1
    }
  }
  return result
}

/** Whether a candle had closed when it was fetched, opens on the grid and has no number that was cut. */
function isCredible(candle: OldCandle, period: Period): boolean {
  const closedMs = advance(period, candle.openMs, 1)
  const onGrid = floorToPeriod(period, candle.openMs) === candle.openMs
  const numbers = candle.decimals.map(canonicalDecimal)
  if (!onGrid || candle.extractedAtMs < closedMs || numbers.includes(null)) return false
  return !numbers.includes(CLAMPED) && klines.flaw(rowsOf([candle], period)) === null
}

function rowsOf(candles: readonly OldCandle[], period: Period): Rows {
  const decimals = (place: number): string[] =>
    candles.map((candle) => canonicalDecimal(candle.decimals[place] ?? '') ?? '0')
  const columns = [
    candles.map(({ openMs }) => openMs),
    candles.map(({ openMs }) => advance(period, openMs, 1) - 1),
    ...[0, 1, 2, 3, 4, 5].map(decimals),
    candles.map(({ trades }) => trades),
    ...[6, 7].map(decimals),
  ]
  return { count: candles.length, columns }
}

/** Writes candles as an archive's rows, so that whatever the exchange should send one day replaces them. */
async function write(
  store: Store,
  series: Series,
  period: Period,
  candles: readonly OldCandle[],
  nowMs: number,
): Promise<void> {
  if (candles.length === 0) return
  const places = candles.map(({ openMs }): Span => ({ startMs: openMs, endMs: advance(period, openMs, 1) }))
  const ledger: LedgerRow[] = union(places).map((span) => {
    const facts = { rows: countPlaces(period, span), checkedAtMs: nowMs, reason: REASON }
    return ledgerRow(span, 'rows', { ...facts, source: 'archive' })
  })
  const page = { series, table: klines.table(series), rows: rowsOf(candles, period), ledger, fresh: false }
  await store.write([{ ...page, source: 'archive', extractedAtMs: nowMs }])
}

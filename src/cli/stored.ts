// What is stored, for those who ask while serving: every series of a store with its gaps, and candles.
import { advance } from '../core/calendar.ts'
import { timesOf } from '../core/dataset.ts'
import type { Tell } from '../core/events.ts'
import type { Gap } from '../core/gap.ts'
import { type Series, seriesKey } from '../core/series.ts'
import { isoTime } from '../core/span.ts'
import type { Store } from '../core/store.ts'
import { allTables } from '../datasets/all.ts'
import { klines } from '../datasets/klines.ts'
import type { Json, KlinesQuery, Stored } from '../server/served.ts'
import { lookAt } from './status.ts'

/** Gaps that are kept for those who ask. */
const MOST_GAPS = 20_000

/** Looks at every series of a store; tells what it finds. */
export async function lookAtStore(store: Store, signal: AbortSignal, tell: Tell): Promise<Stored> {
  const known = await store.knownSeries(allTables)
  const ledgers = await store.ledger(known)
  const series: Json[] = []
  const gaps: Json[] = []
  let gapsLeftOut = 0
  for (const [i, one] of known.entries()) {
    signal.throwIfAborted()
    const looked = await lookAt(store, one, ledgers[i] ?? [])
    series.push(looked.status)
    const kept = looked.gaps.slice(0, MOST_GAPS - gaps.length)
    gaps.push(...kept.map((gap) => gapJson(one, gap)))
    gapsLeftOut += looked.gaps.length - kept.length
    const { open_gaps: openGaps, gap_rows: gapRows } = looked.status
    tell({ type: 'series-surveyed', series: one, openGaps, gapRows })
  }
  return { series, gaps, gapsLeftOut }
}

/** One answer of several stores. */
export function joinStored(all: readonly Stored[]): Stored {
  return {
    series: all.flatMap((one) => one.series),
    gaps: all.flatMap((one) => one.gaps),
    gapsLeftOut: all.reduce((sum, one) => sum + one.gapsLeftOut, 0),
  }
}

/** A gap as results have it (interface.md, section 4). */
function gapJson(series: Series, gap: Gap): Json {
  return {
    series: seriesKey(series),
    start: isoTime(gap.span.startMs),
    end: isoTime(gap.span.endMs),
    rows_missing: gap.rowsMissing,
    verdict: gap.verdict,
    filled: false,
  }
}

/** Stored candles, at most `limit`; without a start those of the last `limit` places before the end. */
export async function storedKlines(
  store: Store,
  query: KlinesQuery,
  limit: number,
  nowMs: number,
): Promise<readonly Json[]> {
  const { market, symbol, period } = query
  const series = { market, dataset: klines.name, symbol, period }
  const table = klines.table(series)
  const endMs = query.endMs ?? nowMs
  const startMs = query.startMs ?? advance(period, endMs, -limit)
  const rows = await store.read(series, table, { startMs, endMs }, limit)
  return timesOf(table, rows).map((_, row) =>
    Object.fromEntries(
      table.columns.map(({ name, kind }, i) => {
        const value = rows.columns[i]?.[row] ?? null
        return [name, kind === 'time' && typeof value === 'number' ? isoTime(value) : value]
      }),
    ),
  )
}

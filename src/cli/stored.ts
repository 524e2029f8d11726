// What is stored, for those who ask while serving: every series of a store with its gaps, and candles.
import { advance } from '../core/calendar.ts'
import { timesOf } from '../core/dataset.ts'
import type { Tell } from '../core/events.ts'
import { isOpen } from '../core/gap.ts'
import { isoTime } from '../core/span.ts'
import type { Store } from '../core/store.ts'
import { allTables } from '../datasets/all.ts'
import { klines } from '../datasets/klines.ts'
import { type SeriesLine, seriesLine } from '../server/series-line.ts'
import type { Json, KlinesQuery, Stored } from '../server/served.ts'
import { gapJson } from './gaps-json.ts'
import { lookAt, type SeriesLook } from './status.ts'

/** Gaps that are kept for those who ask: open ones first, of all series. */
const MOST_GAPS = 20_000

/** Looks at every series of a store; tells what it finds. */
export async function lookAtStore(
  store: Store,
  signal: AbortSignal,
  tell: Tell,
  mostGaps = MOST_GAPS,
): Promise<Stored> {
  const known = await store.knownSeries(allTables)
  const ledgers = await store.ledger(known)
  const series: Json[] = []
  const open: KeptGap[] = []
  const explained: KeptGap[] = []
  const lines: SeriesLine[] = []
  let found = 0
  for (const [i, one] of known.entries()) {
    signal.throwIfAborted()
    const looked = await lookAt(store, one, ledgers[i] ?? [])
    series.push(looked.status)
    for (const gap of looked.gaps) {
      const kept = isOpen(gap) ? open : explained
      if (kept.length < mostGaps)
        kept.push({ place: found, json: gapJson({ ...gap, series: one, filled: false }) })
      found += 1
    }
    lines.push(lineOf(looked))
    const { open_gaps: openGaps, gap_rows: gapRows } = looked.status
    tell({ type: 'series-surveyed', series: one, openGaps, gapRows, lacksFromMs: looked.lacksFromMs })
  }
  const kept = [...open, ...explained].slice(0, mostGaps).sort((a, b) => a.place - b.place)
  return { series, gaps: kept.map(({ json }) => json), gapsLeftOut: found - kept.length, lines }
}

/** A gap as it is told, and its place among all that were found. */
type KeptGap = { readonly place: number; readonly json: Json }

/** What a timeline needs of a look. */
function lineOf({ status, gaps }: SeriesLook): SeriesLine {
  const { series, first, last, settled_until: settledUntil } = status
  const startMs = first === null ? null : Date.parse(first)
  const ends = [last, settledUntil].flatMap((time) => (time === null ? [] : Date.parse(time)))
  return seriesLine(series, startMs, ends.length === 0 ? null : Math.max(...ends), gaps)
}

/** One answer of several stores. */
export function joinStored(all: readonly Stored[]): Stored {
  return {
    series: all.flatMap((one) => one.series),
    gaps: all.flatMap((one) => one.gaps),
    lines: all.flatMap((one) => one.lines),
    gapsLeftOut: all.reduce((sum, one) => sum + one.gapsLeftOut, 0),
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

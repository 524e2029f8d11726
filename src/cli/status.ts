// petrosa status: what is stored, series by series, read from the rows themselves.
import { type Gap, isOpen, openRows } from '../core/gap.ts'
import { type LedgerRow, lacksFromMs, type SourceName, settledSpans, wantedSpans } from '../core/ledger.ts'
import { type Series, seriesKey } from '../core/series.ts'
import { isoTime } from '../core/span.ts'
import type { SourceCount, Store } from '../core/store.ts'
import { datasetNamed } from '../datasets/all.ts'
import { counted, thousands } from '../observe/progress.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { gapsOf } from './gap-scan.ts'
import { withStore } from './open-store.ts'
import { nothingText, storedSeries } from './stored-series.ts'
import { minuteText, namedTable, tableColumns } from './text-table.ts'

export type SeriesStatus = {
  readonly series: string
  readonly first: string | null
  readonly last: string | null
  readonly settled_until: string | null
  readonly rows: number
  readonly open_gaps: number
  readonly gap_rows: number
  readonly explained_gaps: number
  readonly rows_by_source: Readonly<Record<SourceName, number>>
}

/** Series whose ledgers are in hand at once. */
const LEDGERS_AT_ONCE = 500

/** Runs the command. */
export async function runStatus(context: CommandContext): Promise<CommandResult> {
  return withStore(context, true, async (store) => {
    const { series: known, isEmpty } = await storedSeries(context, store)
    const statuses: SeriesStatus[] = []
    let unfinished = 0
    for (let from = 0; from < known.length; from += LEDGERS_AT_ONCE) {
      const some = known.slice(from, from + LEDGERS_AT_ONCE)
      const ledgers = await store.ledger(some)
      for (const [i, series] of some.entries()) {
        context.world.signal.throwIfAborted()
        const ledger = ledgers[i] ?? []
        statuses.push((await lookAt(store, series, ledger)).status)
        if (wantedSpans(ledger).length > 0) unfinished += 1
      }
    }
    const text =
      known.length === 0
        ? nothingText(isEmpty)
        : statusText(statuses, tableColumns(context.world.stdout)) + unfinishedNote(unfinished)
    return { fields: { series: statuses }, text, exitCode: 0 }
  })
}

/** What a look at a series finds: what `status` says of it, its gaps, and since when it lacks new rows. */
export type SeriesLook = {
  readonly status: SeriesStatus
  readonly gaps: readonly Gap[]
  readonly lacksFromMs: number | null
}

/** Looks at the stored rows of a series. */
export async function lookAt(
  store: Store,
  series: Series,
  ledger: readonly LedgerRow[],
): Promise<SeriesLook> {
  const dataset = datasetNamed(series.dataset)
  const table = dataset?.table(series)
  const settled = settledSpans(ledger)
  const settledMs = settled.at(-1)?.endMs ?? null
  const lacking = { lacksFromMs: lacksFromMs(ledger, settled) }
  const base = { series: seriesKey(series), settled_until: settledMs === null ? null : isoTime(settledMs) }
  if (!dataset || !table) {
    const none = { first: null, last: null, rows: 0, open_gaps: 0, gap_rows: 0, explained_gaps: 0 }
    return { status: { ...base, ...none, rows_by_source: bySource([]) }, gaps: [], ...lacking }
  }
  const holding = await store.holding(series, table)
  // Also where no row is there: the ledger may know that there should be some.
  const { gaps } = await gapsOf(store, { series, dataset, ledger })
  const open = gaps.filter(isOpen)
  const status = {
    ...base,
    first: holding && isoTime(holding.firstMs),
    last: holding && isoTime(holding.lastMs),
    rows: holding?.rows ?? 0,
    open_gaps: open.length,
    gap_rows: openRows(open),
    explained_gaps: gaps.length - open.length,
    rows_by_source: bySource(holding?.bySource ?? []),
  }
  return { status, gaps, ...lacking }
}

/** How many rows came from where: a source that brought none is told too. */
function bySource(counts: readonly SourceCount[]): SeriesStatus['rows_by_source'] {
  const rowsOf = (source: SourceName): number => counts.find((one) => one.source === source)?.rows ?? 0
  return { rest: rowsOf('rest'), archive: rowsOf('archive') }
}

function statusText(statuses: readonly SeriesStatus[], columns: number): string {
  const time = (text: string | null): string => (text === null ? '-' : minuteText(text))
  const rows = statuses.map((status) => [
    time(status.first),
    time(status.last),
    thousands(status.rows),
    gapsText(status),
  ])
  const names = statuses.map(({ series }) => series)
  const head = ['series', 'first (UTC)', 'last', 'rows', 'gaps'] as const
  return namedTable([...head], names, rows, columns) + gapsNote(statuses)
}

function gapsText({ open_gaps: open, explained_gaps: explained }: SeriesStatus): string {
  return open === 0 ? thousands(explained) : `${thousands(open + explained)} (${thousands(open)} open)`
}

/** What the numbers of gaps mean. */
function gapsNote(statuses: readonly SeriesStatus[]): string {
  const sum = (of: (status: SeriesStatus) => number): number =>
    statuses.reduce((total, status) => total + of(status), 0)
  const open = sum((status) => status.open_gaps)
  const explained = sum((status) => status.explained_gaps)
  if (open === 0 && explained === 0) return 'no gaps\n'
  if (open === 0) return 'every gap is explained: the exchange was asked, and has no candle there\n'
  const missing = counted(
    sum((status) => status.gap_rows),
    'row',
  )
  return `${counted(open, 'gap')} open, ${missing} missing\n`
}

/** What a gap between stored rows does not show: spans that a pass set out to fetch and did not get. */
function unfinishedNote(series: number): string {
  return series === 0
    ? ''
    : `${thousands(series)} series unfinished: the next pass over them first fetches what was left behind\n`
}

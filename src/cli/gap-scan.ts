// Looks for gaps in the stored series, several at once, each with a question or two to the store; nothing but
// the gaps and what would fill them is kept.
import type { Dataset, Table } from '../core/dataset.ts'
import type { Tell } from '../core/events.ts'
import { type Gap, isOpen, openRows } from '../core/gap.ts'
import { type Fill, planFill } from '../core/gap-fill.ts'
import { gapSpan } from '../core/gap-range.ts'
import { findGaps } from '../core/gaps.ts'
import type { LedgerRow } from '../core/ledger.ts'
import { closedUntilMs, contractUntilMs, owedUntilMs, unaskedRows } from '../core/plan.ts'
import type { Series } from '../core/series.ts'
import type { Listing } from '../core/source.ts'
import type { Span } from '../core/span.ts'
import type { Store } from '../core/store.ts'
import { datasetNamed } from '../datasets/all.ts'
import type { GapMarket, GapMarkets } from './gap-markets.ts'

/** What the user asks for; null where it is left to the program. Epoch ms. */
export type AskedRange = { readonly startMs: number | null; readonly endMs: number | null }

/** What is to be fetched: what is open, and which outages are asked for again. */
export type FillWish = { readonly open: boolean; readonly outages: 'all' | 'overdue' | 'none' }

export type ScanOptions = {
  readonly store: Store
  readonly series: readonly Series[]
  /** Where its gaps are looked for. */
  readonly range: (series: Series) => AskedRange
  /** The markets that are asked; none where gaps are only to be found. */
  readonly markets: GapMarkets
  /** Null where nothing is to be fetched. */
  readonly wish: FillWish | null
  /** This machine's clock, epoch ms, for markets that are not asked. */
  readonly nowMs: number
  readonly signal: AbortSignal
  readonly tell: Tell
}

/** A series with its gaps. */
export type ScannedSeries = {
  readonly series: Series
  readonly dataset: Dataset
  /** Where gaps were looked for; null where nothing is known of the series. */
  readonly span: Span | null
  readonly gaps: readonly Gap[]
  /** What is to be fetched; null for nothing. */
  readonly fill: Fill | null
  readonly listing: Listing | null
}

/** Series whose ledgers are read by one question, and series that are looked through at once. */
const LEDGERS_AT_ONCE = 500
const SCANS_AT_ONCE = 4

/** The gaps of every series, in their order. Throws what the store throws, and when told to stop. */
export async function scanGaps(options: ScanOptions): Promise<ScannedSeries[]> {
  const { series, signal, store, tell } = options
  const scanned: ScannedSeries[] = []
  tell({ type: 'scan-started', series: series.length })
  try {
    for (let from = 0; from < series.length; from += LEDGERS_AT_ONCE) {
      const some = series.slice(from, from + LEDGERS_AT_ONCE)
      const ledgers = await store.ledger(some)
      let next = 0
      const scan = async (): Promise<void> => {
        for (let at = next++; at < some.length; at = next++) {
          signal.throwIfAborted()
          const one = some[at]
          const found = one ? await scanSeries(options, one, ledgers[at] ?? []) : null
          if (!found) continue
          scanned[from + at] = found
          const openGaps = found.gaps.filter(isOpen).length
          tell({ type: 'series-scanned', series: found.series, openGaps, gapRows: openRows(found.gaps) })
        }
      }
      await Promise.all(Array.from({ length: SCANS_AT_ONCE }, scan))
    }
  } finally {
    tell({ type: 'scan-ended' })
  }
  return scanned
}

async function scanSeries(
  options: ScanOptions,
  series: Series,
  ledger: readonly LedgerRow[],
): Promise<ScannedSeries> {
  const { markets, range, store, wish } = options
  const dataset = datasetNamed(series.dataset)
  if (!dataset) throw new Error(`no dataset ${series.dataset}`)
  const market = markets.open.get(series.market)
  const listing = market?.listing(series) ?? null
  const nowMs = market?.nowMs() ?? options.nowMs
  const closedMs = closedUntilMs(series.period, dataset.order, nowMs)
  const owed = owedOf(series, dataset, ledger, market, listing)
  // Past what is owed no end may be asked for: a contract that has ended answers flat candles for ever.
  const times = { ...range(series), owedUntilMs: owed, closedUntilMs: owed ?? closedMs }
  const { span, gaps } = await gapsOf(store, { series, dataset, ledger, ...times })
  if (!wish || !market || !listing || !span) return { series, dataset, span, gaps, fill: null, listing }
  // An archive says the same again until it is published anew: that is for those who compare checksums.
  const rest = listing.archivedOnly ? null : market.rest(dataset)
  const outages = rest || wish.outages === 'all' ? wish.outages : 'none'
  const fill = planFill({
    gaps,
    ledger,
    range: span,
    fill: wish.open,
    outages,
    closedUntilMs: contractUntilMs(series.period, listing, closedMs),
    nowMs,
    unasked: unaskedRows(ledger, rest, nowMs),
  })
  return { series, dataset, span, gaps, fill: fill.spans.length > 0 ? fill : null, listing }
}

/** Until when rows are owed; null where only archives, which end a day or so ago, could tell. */
function owedOf(
  series: Series,
  dataset: Dataset,
  ledger: readonly LedgerRow[],
  market: GapMarket | undefined,
  listing: Listing | null,
): number | null {
  if (!market || !listing || !market.rest(dataset)) return null
  const { period } = series
  return owedUntilMs({ series, period, order: dataset.order, ledger, listing, nowMs: market.nowMs() })
}

export type SeriesGaps = {
  readonly series: Series
  readonly dataset: Dataset
  readonly ledger: readonly LedgerRow[]
} & Partial<AskedRange & { readonly owedUntilMs: number | null; readonly closedUntilMs: number }>

/** The gaps of one series, and where they were looked for. */
export async function gapsOf(
  store: Store,
  asked: SeriesGaps,
): Promise<{ readonly span: Span | null; readonly gaps: Gap[] }> {
  const { series, dataset, ledger, startMs = null, endMs = null } = asked
  const table: Table = dataset.table(series)
  const { period } = series
  const span = gapSpan({
    period,
    order: dataset.order,
    ledger,
    ends: await store.ends(series, table),
    startMs,
    endMs,
    owedUntilMs: asked.owedUntilMs ?? null,
    closedUntilMs: asked.closedUntilMs ?? 0,
  })
  if (span === null) return { span, gaps: [] }
  return { span, gaps: await findGaps({ store, series, period, dataset, table, spans: [span], ledger }) }
}

// One run of verify: what is stored is checked by itself, then larger periods against smaller ones, then a
// sample against the exchange, and at last what was found wrong is repaired and looked at again.
import type { Tell } from '../events.ts'
import type { LedgerRow } from '../ledger.ts'
import { type Period, seriesKey } from '../series.ts'
import type { Source } from '../source.ts'
import type { Span } from '../span.ts'
import type { Store } from '../store.ts'
import { type Asked, askPieces, type Piece, tradePieces } from './asking.ts'
import { type CandleSeries, candlePairs } from './candle-pairs.ts'
import type { AskedSeries } from './exchange-check.ts'
import { Findings, type VerifyFinding } from './findings.ts'
import { repairFindings } from './repair.ts'
import { rowFindings } from './row-findings.ts'
import type { StoredSeries } from './stored-rows.ts'
import { sumFinding, sumFindings } from './sum-check.ts'
import { type PageGrid, pageCount, pageSpan, sampleOf } from './windows.ts'

/** A series that is to be verified. */
export type VerifySeries = StoredSeries & {
  readonly store: Store
  /** Null for datasets without a calendar. */
  readonly period: Period | null
  readonly range: Span
  /** Rows that are stored, about. */
  readonly rows: number
  readonly ledger: readonly LedgerRow[]
  /** Null where the exchange is not to be asked, or not in reach. */
  readonly source: Source | null
}

export type VerifyOptions = {
  readonly series: readonly VerifySeries[]
  /** The part of all pages (above 0, at most 1) that is fetched again, and the seed that chooses them. */
  readonly sample: { readonly share: number; readonly seed: number } | null
  /** Whether the exchange's rows replace what they contradict. */
  readonly repair: boolean
  /** Pages in flight. */
  readonly workers: number
  readonly signal: AbortSignal
  readonly tell: Tell
}

/** What came of a run so far. */
export type VerifyOutcome = {
  readonly findings: Findings
  /** Stored rows that were checked. */
  rowsChecked: number
  /** What was asked of the exchange. */
  readonly asked: Asked
}

/** A run, step by step; what a step throws leaves the outcome of those before it. */
export class VerifyRun {
  readonly #options: VerifyOptions
  readonly outcome: VerifyOutcome = {
    findings: new Findings(),
    rowsChecked: 0,
    asked: { pages: 0, rows: 0, written: 0, changed: 0, unsettled: [] },
  }

  constructor(options: VerifyOptions) {
    this.#options = options
  }

  /** Looks at every row once, and at candles once more beside larger ones. Needs no exchange. */
  async stored(): Promise<void> {
    const { series, tell } = this.#options
    for (const one of series) {
      const rows = await this.#rows(one)
      tell({ type: 'series-done', series: one.series, rows })
    }
    for (const { larger, smaller } of candlePairs(series)) await this.#sums(larger, smaller)
  }

  /** Fetches the sample again and compares it. */
  async sample(): Promise<void> {
    const { sample, series } = this.#options
    if (!sample) return
    const grids = series.map(gridOf)
    const pages = series.map(({ series: one }, i) => {
      const grid = grids[i]
      return { key: seriesKey(one), pages: grid ? pageCount(grid) : 0 }
    })
    const isWanted = sampleOf(sample.share, sample.seed, pages)
    for (const [i, one] of series.entries()) {
      const grid = grids[i]
      if (!grid || !one.source) continue
      const asked = askedOf(one, one.source, this.#options.repair)
      const key = seriesKey(one.series)
      await this.#ask(
        asked,
        grid,
        samplePieces(asked, grid, (page) => isWanted(key, page)),
      )
    }
  }

  /** Fetches what the checks found wrong, puts it right, and looks again. */
  async repair(): Promise<void> {
    const { series, signal } = this.#options
    const asked = series.flatMap((one) => {
      const grid = gridOf(one)
      if (!grid || !one.source) return []
      return [{ ...askedOf(one, one.source, true), store: one.store, grid, range: one.range }]
    })
    await repairFindings({
      findings: this.outcome.findings,
      series: asked,
      signal,
      ask: (one, pieces) => this.#ask(one, one.grid, pieces, true),
    })
  }

  async #rows(one: VerifySeries): Promise<number> {
    const { signal, tell } = this.#options
    const { findings } = this.outcome
    let total = 0
    for await (const { found, rows } of rowFindings(one, one.range)) {
      signal.throwIfAborted()
      for (const each of found) findings.add({ ...each, series: one.series, repaired: false })
      if (rows === 0) continue
      total += rows
      this.outcome.rowsChecked += rows
      tell({ type: 'rows-checked', series: one.series, rows })
    }
    return total
  }

  async #sums(larger: CandleSeries, smaller: CandleSeries): Promise<void> {
    const { signal, tell } = this.#options
    const read = (rows: number): void => tell({ type: 'rows-checked', series: smaller.series, rows })
    for await (const found of sumFindings(larger, smaller, read)) {
      signal.throwIfAborted()
      for (const each of found) this.outcome.findings.add(sumFinding(larger, smaller, each))
    }
  }

  async #ask(
    asked: AskedSeries,
    grid: PageGrid,
    pieces: AsyncIterable<Piece>,
    again = false,
  ): Promise<Asked> {
    const { signal, tell, workers } = this.#options
    const { asked: total, findings } = this.outcome
    // What only the store has is met again where a page of the sample is asked for once more.
    const add = (finding: VerifyFinding): void => {
      if (!again || !findings.knows(finding)) findings.add(finding)
    }
    const { pageRows, range } = grid
    const done = await askPieces({ asked, range, pageRows, workers, signal, tell, add }, pieces)
    total.pages += done.pages
    total.rows += done.rows
    total.written += done.written
    total.changed += done.changed
    total.unsettled.push(...done.unsettled)
    return done
  }
}

/** How the rows of a series lie in pages of its source; null where it has none. */
function gridOf({ dataset, period, range, rows, series, source }: VerifySeries): PageGrid | null {
  if (!source) return null
  // Nothing is asked for that has not been yet, whatever time a broken row bears.
  const asked = { startMs: range.startMs, endMs: Math.min(range.endMs, source.nowMs()) }
  return { order: dataset.order, period, range: asked, rows, pageRows: source.page(series, null).rows }
}

function askedOf(one: VerifySeries, source: Source, repair: boolean): AskedSeries {
  const { dataset, ledger, period, series, store, table } = one
  return { dataset, ledger, period, repair, series, source, store, table }
}

async function* samplePieces(
  asked: AskedSeries,
  grid: PageGrid,
  wanted: (page: number) => boolean,
): AsyncGenerator<Piece> {
  if (grid.order === 'id') {
    yield* tradePieces(asked, grid.range, grid.pageRows, wanted)
    return
  }
  const pages = pageCount(grid)
  for (let page = 0; page < pages; page += 1)
    if (wanted(page)) yield { kind: 'span', span: pageSpan(grid, page) }
}

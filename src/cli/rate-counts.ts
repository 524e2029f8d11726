// Funding rates that are taken in again: the ledger's row around an archive is cut there and shares its count
// out by length, but rates are not even, least of all in the month of a listing. What was whole before is
// counted anew afterwards, so that no rate seems to be lost. Where some were lost before they still are.
import { emptyRows } from '../core/dataset.ts'
import type { SeriesJob } from '../core/fetch-series.ts'
import { finderAround, minus, type Span, union } from '../core/span.ts'
import type { Store } from '../core/store.ts'

/** A job, and where the ledger will count what is stored. */
export type Countable = { readonly job: SeriesJob; readonly spans: readonly Span[] }

/** Before the pass: the jobs that take rates in again, with the ledger's rows that hold what they say. */
export async function wholeRates(store: Store, jobs: readonly SeriesJob[]): Promise<Countable[]> {
  const found: Countable[] = []
  for (const job of jobs) {
    const again = job.plan.tasks.flatMap((task) => (task.kind === 'archive' ? (task.again ?? []) : []))
    if (job.dataset.order !== 'time' || again.length === 0) continue
    const taken = finderAround(union(again))
    const rows = job.ledger.filter((row) => row.verdict === 'rows' && taken(row).length > 0)
    const counts = await store.counts(job.series, job.table, rows)
    const whole = rows.filter((row, i) => row.rows === counts[i])
    found.push({ job, spans: union(whole, job.plan.spans) })
  }
  return found
}

/** After it: what lies in those spans is counted anew. */
export async function recountRates(
  store: Store,
  countable: readonly Countable[],
  extractedAtMs: number,
): Promise<void> {
  for (const { job, spans } of countable) {
    const { series, table } = job
    const [ledger = []] = await store.ledger([series])
    const own = ledger.filter((row) => row.verdict === 'rows' && minus([row], spans).length === 0)
    const counts = await store.counts(series, table, own)
    const news = own
      .map((row, i) => ({ ...row, rows: counts[i] ?? row.rows }))
      .filter(({ rows }, i) => rows !== own[i]?.rows)
    if (news.length === 0) continue
    const rows = emptyRows(table)
    await store.write([{ series, table, rows, ledger: news, source: 'rest', extractedAtMs, fresh: false }])
  }
}

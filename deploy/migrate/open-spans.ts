// What a take-over leaves open: what the old tables span and the ledger does not settle, by series, so that
// nothing of them is lost without being named.
import { advance } from '../../src/core/calendar.ts'
import { settledSpans } from '../../src/core/ledger.ts'
import { type Market, type Series, seriesKey } from '../../src/core/series.ts'
import { minus, type Span, spanText, union } from '../../src/core/span.ts'
import type { Store } from '../../src/core/store.ts'
import type { OldSeries } from './python-database.ts'

/** Open spans of a series that are named; more are counted. */
const MOST_NAMED = 10

/** A span that stayed open, and why. */
export type Open = { readonly key: string; readonly span: Span; readonly reason: string }

/** The series that holds here what an old one held. */
export const seriesOf = (market: Market, { symbol, period }: OldSeries): Series =>
  period === null
    ? { market, dataset: 'funding', symbol, period }
    : { market, dataset: 'klines', symbol, period }

/** What an old series spans. */
export const spanOf = ({ period, firstMs, lastMs }: OldSeries): Span => ({
  startMs: firstMs,
  endMs: period === null ? lastMs + 1 : advance(period, lastMs, 1),
})

/** What the old tables span and nothing settles: holes, bad candles and rates of symbols that are gone. */
export async function openSpans(
  store: Store,
  market: Market,
  series: readonly OldSeries[],
  told: readonly Open[],
): Promise<Open[]> {
  const open: Open[] = []
  for (const old of series) {
    const one = seriesOf(market, old)
    const key = seriesKey(one)
    const [ledger = []] = await store.ledger([one])
    const named = union(told.flatMap((each) => (each.key === key ? [each.span] : [])))
    for (const span of minus(minus([spanOf(old)], settledSpans(ledger)), named))
      open.push({ key, span, reason: 'nobody has given it' })
  }
  return open
}

/** What is open, for people: every series, and of each so many spans. */
export function openLines(open: readonly Open[]): string[] {
  const lines: string[] = []
  for (const [key, own = []] of Object.entries(Object.groupBy(open, (one) => one.key))) {
    for (const { span, reason } of own.slice(0, MOST_NAMED))
      lines.push(`open: ${key} ${spanText(span)}: ${reason}`)
    if (own.length > MOST_NAMED) lines.push(`open: ${key}: ${own.length - MOST_NAMED} spans more`)
  }
  return lines
}

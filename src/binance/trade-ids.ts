// Single trades can be asked for by id only. On spot the id that a time begins with is found by the
// aggregates, which can be asked for by time and name the trades in them; futures join to one aggregate what
// is traded within 100 ms, and show only a day of them: there it is searched for. What is asked for then
// begins one trade earlier, so that the answer itself shows that nothing is missing before the span.
import type { Column, Dataset, Rows, Window } from '../core/dataset.ts'
import { nextId, previousId } from '../core/id.ts'
import type { Market, Series } from '../core/series.ts'
import type { Answer, Source } from '../core/source.ts'
import { type Client, PAGE_BYTES } from './client.ts'
import { decodeObjects } from './decode-objects.ts'
import { endpointOf } from './markets.ts'
import type { AskPage } from './rest.ts'
import { searchTradeId } from './trade-search.ts'

/** Which aggregate it is, and which trade is its first. */
const aggregateColumns: readonly Column[] = [
  { name: 'id', kind: 'id' },
  { name: 'first', kind: 'id' },
]
const aggregateShape = { kind: 'objects', fields: { a: 'id', f: 'first' }, fill: {} } as const

/** Aggregates of a page: after the audit of 2022 some in a row may be invalid, and name no trade. */
const PAGE_AGGREGATES = 100

type Finder = {
  readonly client: Client
  readonly market: Market
  readonly series: Series
  readonly hurried: boolean
}

/** A page by time as a page by id: finds the first id of the window, then asks from it. */
export function firstTradeId(
  client: Client,
  ask: AskPage,
  dataset: Dataset,
  market: Market,
): Source['fetch'] {
  const { rows: pageRows } = endpointOf(dataset.name, market).page(null, null)
  return async (series, window, hurried = false): Promise<Answer> => {
    if (window.fromId !== undefined) return ask(series, window, hurried)
    const servedAtMs = client.nowMs(market)
    const search = { ask, series, table: dataset.table(series), pageRows, hurried }
    const id =
      market === 'spot'
        ? await byAggregates({ client, market, series, hurried }, window)
        : await searchTradeId(search, window.span.startMs)
    if (id === null) return { rows: { count: 0, columns: [] }, servedAtMs }
    return ask(series, { ...window, fromId: id === '0' ? id : previousId(id) }, hurried)
  }
}

/** The first trade of the first valid aggregate of the window; null where it has none. */
async function byAggregates(finder: Finder, { span }: Window): Promise<string | null> {
  const bounds = { startTime: String(span.startMs), endTime: String(span.endMs - 1) }
  let rows = await askAggregates(finder, bounds)
  while (rows.count > 0) {
    const [ids = [], firsts = []] = rows.columns
    const first = firsts.find((id) => id !== '-1')
    if (typeof first === 'string') return first
    rows = await askAggregates(finder, { fromId: nextId(String(ids.at(-1))) })
  }
  return null
}

async function askAggregates(
  { client, market, series, hurried }: Finder,
  query: Readonly<Record<string, string>>,
): Promise<Rows> {
  const { path, weight } = endpointOf('agg-trades', market)
  const reply = await client.get({
    market,
    path,
    query: { symbol: series.symbol, ...query, limit: String(PAGE_AGGREGATES) },
    weight: weight(PAGE_AGGREGATES),
    mostBytes: PAGE_BYTES,
    hurried,
    read: (body) => decodeObjects(body, aggregateColumns, aggregateShape),
  })
  return reply.value
}

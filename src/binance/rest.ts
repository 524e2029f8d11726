// The REST API as a source of pages: one request a page, decoded and judged before anybody sees it, so that a
// garbled page is asked for again.
import type { Dataset, Window } from '../core/dataset.ts'
import type { Series } from '../core/series.ts'
import type { Answer, Source } from '../core/source.ts'
import { judge } from '../core/verify.ts'
import { type Client, PAGE_BYTES } from './client.ts'
import { decodeArrays } from './decode.ts'
import { type FetchableMarket, marketFacts, type PageEndpoint } from './markets.ts'

/**
 * The REST source of one dataset. `batchRows` bounds a page where a store's writes must be smaller than one.
 */
export function restSource(client: Client, dataset: Dataset, market: FetchableMarket): Source {
  const endpoint = endpointOf(dataset, market)
  return {
    name: 'rest',
    page: (_series, places) => endpoint.page(places),
    nowMs: () => client.nowMs(market),
    fetch: async (series: Series, window: Window, hurried = false): Promise<Answer> => {
      const table = dataset.table(series)
      const reply = await client.get({
        market,
        path: endpoint.path,
        query: dataset.query(series, window),
        weight: endpoint.weight(window.limit),
        mostBytes: PAGE_BYTES,
        hurried,
        read: (body) => {
          const rows = decodeArrays(body, table.columns, dataset.wire)
          judge(dataset, table, window, rows)
          return rows
        },
      })
      return { rows: reply.value, servedAtMs: reply.askedAtMs }
    },
  }
}

function endpointOf(dataset: Dataset, market: FetchableMarket): PageEndpoint {
  const endpoint = marketFacts[market].pages[dataset.name]
  if (!endpoint) throw new Error(`no endpoint for ${dataset.name} on ${market}`)
  return endpoint
}

// The REST API as a source of pages: one request a page, decoded and judged before anybody sees it, so that a
// garbled page is asked for again.
import type { Dataset, Rows, Window } from '../core/dataset.ts'
import type { Market, Series } from '../core/series.ts'
import type { Answer, Source } from '../core/source.ts'
import { judge, siftInvalid } from '../core/verify.ts'
import { type Client, lackOfKey, PAGE_BYTES } from './client.ts'
import { decodeArrays } from './decode.ts'
import { decodeObjects } from './decode-objects.ts'
import { firstTime } from './first-time.ts'
import { endpointOf } from './markets.ts'
import { firstTradeId } from './trade-ids.ts'

/** One page of a series by REST: decoded, without invalid records, and judged. */
export type AskPage = (series: Series, window: Window, hurried: boolean) => Promise<Answer>

/** The REST source of one dataset on a market. */
export function restSource(client: Client, dataset: Dataset, market: Market): Source {
  const endpoint = endpointOf(dataset.name, market)
  const ask = pageAsker(client, dataset, market)
  const source: Source = {
    name: 'rest',
    page: (series, places) => endpoint.page(places, series.period),
    nowMs: () => client.nowMs(market),
    fetch: (series, window, hurried = false) => ask(series, window, hurried),
    ...(endpoint.longestWindowMs === undefined ? {} : { longestWindowMs: endpoint.longestWindowMs }),
    ...(endpoint.reachMs === undefined ? {} : { reachMs: endpoint.reachMs }),
    ...(endpoint.needsKey && !client.hasKey ? { lacksKey: lackOfKey(market, endpoint.path) } : {}),
  }
  if (endpoint.newestFirst) return { ...source, first: firstTime(ask, () => client.nowMs(market)) }
  if (dataset.name !== 'trades') return source
  return { ...source, fetch: firstTradeId(client, ask, dataset, market) }
}

/** Asks for pages of a dataset, one request each. */
export function pageAsker(client: Client, dataset: Dataset, market: Market): AskPage {
  const endpoint = endpointOf(dataset.name, market)
  const shape = dataset.rest(market)
  const decode = (body: Uint8Array, series: Series): Rows => {
    const { columns } = dataset.table(series)
    return shape.kind === 'arrays'
      ? decodeArrays(body, columns, shape.columns)
      : decodeObjects(body, columns, shape)
  }
  return async (series, window, hurried) => {
    const reply = await client.get({
      market,
      path: endpoint.path,
      query: dataset.query(series, window),
      weight: endpoint.weight(window.limit),
      bucket: endpoint.bucket,
      needsKey: endpoint.needsKey ?? false,
      mostBytes: PAGE_BYTES,
      hurried,
      read: (body) => {
        const table = dataset.table(series)
        const sifted = siftInvalid(dataset, table, decode(body, series))
        judge(dataset, table, window, sifted.rows)
        return sifted
      },
    })
    return { ...reply.value, servedAtMs: reply.askedAtMs }
  }
}

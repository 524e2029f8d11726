// Real pages of Binance, recorded by others (MANIFEST.md beside them says by whom), so that the program
// meets what no simulation thought of. They are not part of this repository: the folder is REAL_DATA_DIR,
// else ../shared/data beside the checkout, and without it these tests are skipped, loudly.

import { test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { advance, countPlaces } from '../../src/core/calendar.ts'
import { isMember, type Market, type Period, periods } from '../../src/core/series.ts'
import { type Bounds, COIN_WINDOW_MS, coinBounds } from './coin-window.ts'
import { deliveryMs } from './contracts.ts'
import { readPage } from './page-bytes.ts'
import type { Candle, OddCandle, PriceDataset, SymbolSpec } from './symbol-spec.ts'

export type Recording = {
  /** The file that it comes from, and its query. */
  readonly name: string
  readonly market: Market
  /** Klines where it is not given. */
  readonly dataset?: PriceDataset
  readonly path: string
  readonly symbol: string
  readonly period: Period
  /** As it was sent; for recordings that do not say, the query that yields them. */
  readonly query: string
  /** What to serve: the tokens that Binance sent, in their order; the recorder's white space is left out. */
  readonly body: Uint8Array<ArrayBuffer>
  readonly rows: number
  /**
   * False where the body was recorded for another query: rows outside its bounds, or more than its limit, or
   * not the rows of a market that it can hold only some of.
   */
  readonly fits: boolean
  /** True where the newest candle may not have been closed when it was recorded. */
  readonly mayBeUnfinished: boolean
}

const folder = process.env.REAL_DATA_DIR ?? new URL('../../../shared/data', import.meta.url).pathname
const isThere = existsSync(join(folder, 'rest-recorded'))
if (!isThere)
  console.warn(`no recorded data in ${folder} (REAL_DATA_DIR): the tests that replay it are skipped`)

/** `test` where the recordings are there, else `test.skip`. */
export const testWithRecordings = isThere ? test : test.skip

const DEFAULT_LIMIT = 500
const PAGE_ROWS = 1_000

/** Every recording of klines, the fullest last; none where the folder is not there. */
export function recordings(): readonly Recording[] {
  if (!isThere) return []
  return [
    ...fromCsv('1d'),
    ...fromCsv('1w'),
    ...fromHttpRecorder('rest-recorded/api_v3_klines.json', 'spot'),
    ...fromHttpRecorder('rest-recorded/fapi_v1_klines.json', 'um'),
    ...fromHttpRecorder('rest-recorded/dapi_v1_klines.json', 'cm'),
    ...['BTCUSDT', '1000SATSUSDT', 'AGIXUSDT'].map(fromRawBody),
  ]
}

/** The same of mark price klines. */
export function markPriceRecordings(): readonly Recording[] {
  if (!isThere) return []
  const name = 'rest-recorded/dapi_v1_markPriceKlines.json'
  const path = '/dapi/v1/markPriceKlines'
  return fromHttpRecorder(name, 'cm').map((each) => ({ ...each, dataset: 'mark-price-klines', path }))
}

/** The requests for klines that COIN-M refused, each with the body that said why. */
export function recordedRefusals(): readonly { readonly query: string; readonly body: unknown }[] {
  if (!isThere) return []
  return pairsOf('rest-recorded/dapi_v1_klines.json')
    .filter(({ response }) => !Array.isArray(response))
    .map(({ query, response }) => ({ query, body: response }))
}

const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
const paths = { spot: '/api/v3/klines', um: '/fapi/v1/klines', cm: '/dapi/v1/klines' } as const

function recording(
  name: string,
  market: Market,
  queryText: string,
  body: Uint8Array<ArrayBuffer>,
): Recording {
  const query = new URLSearchParams(queryText)
  const period = query.get('interval') ?? ''
  if (!isMember(periods, period)) throw new Error(`${name} has no interval: ${queryText}`)
  const rows = readPage(body)
  const { startMs, lastMs } = boundsOf(market, query)
  const limit = Number(query.get('limit') ?? DEFAULT_LIMIT)
  const inside = rows.every((row) => row.openMs >= startMs && row.openMs <= lastMs)
  return {
    name: `${name}?${queryText}`,
    market,
    path: paths[market],
    symbol: query.get('symbol') ?? '',
    period,
    query: queryText,
    body,
    rows: rows.length,
    fits: inside && rows.length <= limit && (market !== 'cm' || areNewest(period, rows, limit, lastMs)),
    // A page of the newest rows, or one that stops before its own end: recorded before that end had come.
    mayBeUnfinished:
      !query.has('startTime') || rows.length < Math.min(limit, placesUpTo(period, rows, lastMs)),
  }
}

/** The bounds that a query's rows must lie in; none at all where COIN-M would have refused it. */
function boundsOf(market: Market, query: URLSearchParams): Bounds {
  const [startMs, lastMs] = ['startTime', 'endTime'].map((key) => {
    const text = query.get(key)
    return text === null ? undefined : Number(text)
  })
  if (market !== 'cm') return { startMs: startMs ?? -Infinity, lastMs: lastMs ?? Infinity }
  const isRefused = (lastMs ?? 0) - (startMs ?? lastMs ?? 0) > COIN_WINDOW_MS
  return isRefused ? { startMs: Infinity, lastMs: -Infinity } : coinBounds(startMs, lastMs, Infinity)
}

/** Whether a full page ends with the last place that was asked for, as COIN-M's pages do. */
function areNewest(period: Period, rows: readonly Candle[], limit: number, lastMs: number): boolean {
  const last = rows.at(-1)
  return !last || rows.length < limit || lastMs === Infinity || advance(period, last.openMs, 1) > lastMs
}

function placesUpTo(period: Period, rows: readonly Candle[], lastMs: number): number {
  const startMs = rows[0]?.openMs ?? 0
  return lastMs === Infinity ? Infinity : countPlaces(period, { startMs, endMs: lastMs + 1 })
}

const pairsOf = (name: string): { query: string; response: unknown }[] => JSON.parse(read(name))

/**
 * Query and body pairs of a recording HTTP client; what was refused is left out. Known not to fit: three of
 * fapi_v1_klines for LTCUSDT, two of which were asked in seconds and one of which holds rows of October 2020
 * for January 2020, and one of dapi_v1_klines for LTCUSD_PERP, with rows of December 2020 for January 2020.
 */
function fromHttpRecorder(name: string, market: Market): Recording[] {
  return pairsOf(name)
    .filter(({ response }) => Array.isArray(response))
    .map(({ query, response }) => recording(name, market, query, Buffer.from(JSON.stringify(response))))
}

/** A body as USD-M sent it; its query was not kept. The newest candle was unfinished. */
function fromRawBody(symbol: string): Recording {
  const name = `rest-um-klines/${symbol}-1d.json`
  const body = Buffer.from(JSON.stringify(JSON.parse(read(name))))
  return recording(name, 'um', `symbol=${symbol}&interval=1d&startTime=1750118400000&limit=500`, body)
}

/**
 * Spot BTCUSDT since its listing, cut into pages. Quote volume and the taker's volumes were not recorded
 * and are served as "0"; all else is as sent. The newest candle was unfinished.
 */
function fromCsv(period: '1d' | '1w'): Recording[] {
  const name = `klines-spot-btcusdt/BTCUSDT_${period}.csv`
  const rows = read(name).trim().split('\n').slice(1).map(csvRow)
  const pages = Array.from({ length: Math.ceil(rows.length / PAGE_ROWS) }, (_, i) =>
    rows.slice(i * PAGE_ROWS, (i + 1) * PAGE_ROWS),
  )
  return pages.map((page) => {
    const query = `symbol=BTCUSDT&interval=${period}&startTime=${page[0]?.[0]}&limit=${PAGE_ROWS}`
    return recording(name, 'spot', query, Buffer.from(JSON.stringify(page)))
  })
}

function csvRow(line: string): (string | number)[] {
  const [, , openMs, closeMs, open = '', high = '', low = '', close = '', volume = '', trades] =
    line.split(',')
  return [Number(openMs), open, high, low, close, volume, Number(closeMs), '0', Number(trades), '0', '0', '0']
}

/** The candles of a recording, as sent. */
export function recordedCandles(recorded: Recording): Candle[] {
  return readPage(recorded.body)
}

/**
 * A symbol whose only candles are those of the recordings, which must be of one symbol and fit their
 * queries: the local exchange then serves the real rows under its own rules for bounds and limits. Where
 * two recordings hold the same place, the later one in the list is served.
 */
export function recordedSymbol(market: Market, symbol: string, from: readonly Recording[]): SymbolSpec {
  const odd: OddCandle[] = from
    .filter((each) => each.market === market && each.symbol === symbol && each.fits)
    .flatMap(({ period, dataset, ...each }) =>
      readPage(each.body).map((row) => ({ ...row, period, ...(dataset && { dataset }) })),
    )
  const listedAtMs = Math.min(...odd.map((row) => row.openMs))
  const outages = [{ startMs: listedAtMs, endMs: Number.MAX_SAFE_INTEGER }]
  const pair = symbol.replace(/_.*$/, '')
  const quote = pair.endsWith('USDT') ? 'USDT' : pair.slice(-3)
  const base = pair.slice(0, -quote.length)
  const endsAtMs = deliveryMs(symbol)
  return {
    ...{ market, symbol, base, quote, listedAtMs, outages, markHoles: outages, odd },
    ...(endsAtMs === null ? {} : { endsAtMs }),
  }
}

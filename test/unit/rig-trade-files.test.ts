// Archives of trades and funding rates as the local exchange files them: the lines of the market, in zips
// that are there when there is something in them.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { aggTradesCsv, fundingCsv, tradesCsv } from '../rig/archive-csv-trades.ts'
import { type ArchiveReader, archiveReader } from '../rig/archive-reader.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

const nowMs = Date.parse('2025-02-10T12:00Z')
const silent: SymbolSpec = {
  market: 'spot',
  symbol: 'SILENTUSDT',
  base: 'SILENT',
  quote: 'USDT',
  listedAtMs: Date.parse('2017-08-17T04:00Z'),
}
const outage = { startMs: Date.parse('2024-05-02Z'), endMs: Date.parse('2024-05-03Z') }
/** Ids of one digit when it was listed, and of eight digits in 2024. */
const btc: SymbolSpec = { ...silent, symbol: 'BTCUSDT', outages: [outage], trades: { perMinute: 6 } }
const um: SymbolSpec = { ...btc, market: 'um', trades: { perMinute: 6, firstId: '9200000000000000000' } }
const cm: SymbolSpec = { ...um, market: 'cm', symbol: 'BTCUSD_PERP', quote: 'USD' }

let exchange: LocalExchange
let read: ArchiveReader
beforeAll(async () => {
  exchange = await startExchange({ symbols: [silent, btc, um, cm], clock: { manualMs: nowMs } })
  read = archiveReader(exchange.url)
})
afterAll(() => exchange.stop())

const joined = (chunks: Iterable<string>): string => [...chunks].join('')
const span = (from: string, to: string): { startMs: number; endMs: number } => ({
  startMs: Date.parse(from),
  endMs: Date.parse(to),
})
const milliseconds = { microseconds: false }

describe('files', () => {
  test('of spot hold the lines of the market without header', async () => {
    const month = await read.csv('data/spot/monthly/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-05.zip')
    expect(month === joined(aggTradesCsv(btc, span('2024-05-01', '2024-06-01'), milliseconds))).toBeTrue()
    const day = await read.csv('data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2025-02-08.zip')
    const lines = joined(tradesCsv(btc, span('2025-02-08', '2025-02-09'), { microseconds: true }))
    expect(day === lines).toBeTrue()
    expect(day).toMatch(/^\d+,[\d.]+,[\d.]+,[\d.]+,1738972800\d{6},/)
  })

  test.each([um, cm])('of futures have headers', async (spec) => {
    const { market, symbol } = spec
    const path = `data/futures/${market}/daily`
    const date = span('2024-05-01', '2024-05-02')
    const aggregates = await read.csv(`${path}/aggTrades/${symbol}/${symbol}-aggTrades-2024-05-01.zip`)
    const header = 'agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n'
    expect(aggregates === header + joined(aggTradesCsv(spec, date, milliseconds))).toBeTrue()
    const raws = await read.csv(`${path}/trades/${symbol}/${symbol}-trades-2024-05-01.zip`)
    const amount = market === 'cm' ? 'base_qty' : 'quote_qty'
    const lines = joined(tradesCsv(spec, date, milliseconds))
    expect(raws === `id,price,qty,${amount},time,is_buyer_maker\n${lines}`).toBeTrue()
    const rates = await read.csv(
      `data/futures/${market}/monthly/fundingRate/${symbol}/${symbol}-fundingRate-2024-05.zip`,
    )
    expect(rates).toBe(
      `calc_time,funding_interval_hours,last_funding_rate\n${joined(
        fundingCsv(spec, span('2024-05-01', '2024-06-01')),
      )}`,
    )
    expect(rates.split('\n')).toHaveLength(1 + 31 * 3 + 1)
  })

  test('are missing where nothing was traded', async () => {
    const status = async (key: string): Promise<number> => (await read.get(`data/${key}.zip`)).status
    expect(await status('spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-05-01')).toBe(200)
    expect(await status('spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-05-02')).toBe(404)
    expect(await status('spot/daily/trades/SILENTUSDT/SILENTUSDT-trades-2024-05-01')).toBe(404)
    expect(await status('spot/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-05')).toBe(404)
    expect(await status('futures/um/daily/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-05-01')).toBe(404)
  })
})

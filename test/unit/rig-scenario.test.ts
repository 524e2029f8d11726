// The named markets hold the oddities that they are named for, and the recordings are served as they were
// sent.
import { describe, expect, test } from 'bun:test'
import { startExchange } from '../rig/exchange.ts'
import { candles, expectedRows } from '../rig/market.ts'
import { spotOutages } from '../rig/outages.ts'
import { expectedPriceRows, priceDatasets } from '../rig/price-market.ts'
import {
  markPriceRecordings,
  type Recording,
  recordedCandles,
  recordedRefusals,
  recordedSymbol,
  recordings,
  testWithRecordings,
} from '../rig/recorded.ts'
import { scenarios } from '../rig/scenario.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

const hour = 3_600_000

describe('fewWeeks', () => {
  const { symbols, span, nowMs } = scenarios.fewWeeks
  const of = (market: string, symbol: string) => {
    const spec = symbols.find((each) => each.market === market && each.symbol === symbol)
    if (!spec) throw new Error(`no ${symbol}`)
    return spec
  }

  test('has an outage longer than a page, a late listing, a delisted and a settled symbol', () => {
    const minutes = (span.endMs - span.startMs) / 60_000
    const counts = (market: string, symbol: string): number =>
      expectedRows(of(market, symbol), '1m', span, nowMs).count
    expect(counts('spot', 'BTCUSDT')).toBe(minutes - 1_200 - 47)
    expect(counts('um', 'BTCUSDT')).toBe(minutes)
    expect(counts('spot', 'LATEUSDT')).toBeLessThan(minutes / 2)
    expect(counts('spot', 'GONEUSDT')).toBeLessThan(minutes)
    const settled = counts('um', 'AGIXUSDT')
    expect(settled).toBe((Date.parse('2024-03-16T09:00Z') - span.startMs) / 60_000)
    expect(candles(of('um', 'AGIXUSDT'), '1m', span)).toHaveLength(minutes)
  })

  test('every row is within the digits of the contract, for every symbol and period', () => {
    for (const spec of symbols) {
      for (const period of ['1h', '4h', '1d', '3d', '1w', '1M'] as const) {
        expect(expectedRows(spec, period, span, Infinity).count).toBeGreaterThan(0)
      }
    }
  })

  test('names that look alike are different symbols', () => {
    const [narrow] = candles(of('spot', '123USDT'), '1d', span)
    const [wide] = candles(of('spot', '１２３USDT'), '1d', span)
    expect(narrow?.open).not.toBe(wide?.open ?? '')
  })
})

describe('coinMargined', () => {
  const { symbols, span, nowMs } = scenarios.coinMargined
  const minutes = (span.endMs - span.startMs) / 60_000
  const of = (symbol: string): SymbolSpec => {
    const spec = symbols.find((each) => each.symbol === symbol)
    if (!spec) throw new Error(`no ${symbol}`)
    return spec
  }

  test('has a contract delivered in the span, one before it, and one that was settled', () => {
    const counts = (symbol: string): number => expectedRows(of(symbol), '1m', span, nowMs).count
    expect(counts('BTCUSD_PERP')).toBe(minutes)
    expect(counts('ETHUSD_PERP')).toBe(minutes)
    const delivered = (Date.parse('2024-03-29T08:00Z') - span.startMs) / 60_000
    expect([counts('BTCUSD_240329'), counts('BTCUSDT_240329')]).toEqual([delivered, delivered])
    expect(counts('ETHUSD_231229')).toBe(0)
    expect(counts('LTCUSD_PERP')).toBe((Date.parse('2024-03-20T09:00Z') - span.startMs) / 60_000)
  })

  test('has mark prices with a hole longer than a page, where klines have none', () => {
    for (const symbol of ['BTCUSD_PERP', 'BTCUSDT']) {
      const counts = priceDatasets.map(
        (dataset) => expectedPriceRows(of(symbol), dataset, '1m', span, nowMs).count,
      )
      expect(counts).toEqual([minutes - 1_200 - 47, minutes, minutes])
    }
  })
})

test('the outages of the real exchange are whole hours, in order and apart', () => {
  expect(spotOutages).toHaveLength(28)
  spotOutages.forEach((span, i) => {
    expect(span.startMs % hour).toBe(0)
    expect((span.endMs - span.startMs) % hour).toBe(0)
    expect(span.startMs).toBeGreaterThan(spotOutages[i - 1]?.endMs ?? 0)
  })
  expect(spotOutages).toContainEqual({
    startMs: Date.parse('2018-02-08T01:00Z'),
    endMs: Date.parse('2018-02-09T10:00Z'),
  })
})

describe('recordings', () => {
  testWithRecordings('fit their queries, but for four that were recorded for another one', () => {
    const odd = recordings().filter((each) => !each.fits)
    const litecoin = Array(3).fill(['LTCUSDT', '5m'])
    expect(odd.map((each) => [each.symbol, each.period])).toEqual([...litecoin, ['LTCUSD_PERP', '5m']])
    expect(markPriceRecordings().map((each) => [each.symbol, each.fits])).toEqual([
      ['BTCUSD_201225', true],
      ['BTCUSD_PERP', true],
    ])
    expect(recordings().length).toBeGreaterThan(20)
  })

  testWithRecordings(
    'those that fit are what the exchange of the rig answers to the same query',
    async () => {
      for (const recorded of [...recordings(), ...markPriceRecordings()].filter((each) => each.fits)) {
        const { market } = recorded
        const lastCloseMs = recordedCandles(recorded).at(-1)?.closeMs ?? 0
        const spec = recordedSymbol(market, recorded.symbol, [recorded])
        const exchange = await startExchange({ symbols: [spec], clock: { manualMs: lastCloseMs + 1 } })
        const response = await fetch(`${exchange.url}${recorded.path}?${recorded.query}`)
        expect([recorded.name, await response.text()]).toEqual([recorded.name, text(recorded)])
        await exchange.stop()
      }
    },
  )

  testWithRecordings('what COIN-M refused is refused in its very words', async () => {
    const spec = recordedSymbol('cm', 'BTCUSD_PERP', recordings())
    const exchange = await startExchange({ symbols: [spec], clock: { manualMs: Date.parse('2024-01-01Z') } })
    expect(recordedRefusals()).toHaveLength(1)
    for (const { query, body } of recordedRefusals()) {
      const response = await fetch(`${exchange.url}/dapi/v1/klines?${query}`)
      expect([response.status, await response.json()]).toEqual([400, body])
    }
    await exchange.stop()
  })

  testWithRecordings('a real early close is among them', () => {
    const days = recordings().filter((each) => each.period === '1d' && each.market === 'spot')
    const closes = days.flatMap(recordedCandles).map((row) => row.closeMs)
    expect(closes).toContain(1_518_049_694_788)
  })
})

const text = (recorded: Recording): string => Buffer.from(recorded.body).toString('latin1')

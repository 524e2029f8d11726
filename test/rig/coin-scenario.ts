// Contracts as the other scenarios have none: COIN-M, days of delivery inside and before the span, and mark
// prices with holes of their own; in a size that runs in seconds.
import type { Span } from '../../src/core/span.ts'
import { deliveryMs } from './contracts.ts'
import type { Scenario } from './scenario.ts'
import type { Digits, SymbolSpec } from './symbol-spec.ts'

type Rest = Partial<Omit<SymbolSpec, 'market' | 'symbol' | 'base' | 'quote'>>

const ether: Partial<Digits> = { price: 180_000, priceDecimals: 2, volume: 9_876 }
const litecoin: Partial<Digits> = { price: 8_325, priceDecimals: 2, volume: 765 }
const tether: Partial<Digits> = { price: 3_000_000, volumeDecimals: 3 }

/** 20 hours, longer than a page of 1,000 minutes; and 47 minutes that hide no larger candle. */
const markHoles: readonly Span[] = [
  { startMs: Date.parse('2024-03-18T02:00Z'), endMs: Date.parse('2024-03-18T22:00Z') },
  { startMs: Date.parse('2024-03-21T06:05Z'), endMs: Date.parse('2024-03-21T06:52Z') },
]

const FORGOTTEN_AFTER_MS = 7 * 86_400_000

/** A contract; one that is named by its day ends on it, and is gone a week later. */
function contract(market: 'um' | 'cm', symbol: string, listedAt: string, rest: Rest = {}): SymbolSpec {
  const quote = market === 'cm' ? 'USD' : 'USDT'
  const endsAtMs = deliveryMs(symbol)
  return {
    market,
    symbol,
    base: symbol.slice(0, symbol.indexOf(quote)),
    quote,
    listedAtMs: Date.parse(listedAt),
    ...(endsAtMs === null ? {} : { endsAtMs, goneAtMs: endsAtMs + FORGOTTEN_AFTER_MS }),
    ...rest,
  }
}

/** Eighteen days of 2024, with the delivery of March on the fifteenth. */
export const coinMargined: Scenario = {
  nowMs: Date.parse('2024-04-02T00:00:30Z'),
  span: { startMs: Date.parse('2024-03-15T00:00Z'), endMs: Date.parse('2024-04-02T00:00Z') },
  symbols: [
    contract('cm', 'BTCUSD_PERP', '2020-08-10T07:00Z', { markHoles }),
    contract('cm', 'ETHUSD_PERP', '2020-08-10T07:00Z', { digits: ether }),
    // Delivered, and not yet forgotten.
    contract('cm', 'BTCUSD_240329', '2023-09-29T08:10Z'),
    // Delivered and forgotten: only archives know it.
    contract('cm', 'ETHUSD_231229', '2023-06-30T08:10Z', { digits: ether }),
    // Settled in the middle of the span: flat candles go on after it, and are not to be stored.
    contract('cm', 'LTCUSD_PERP', '2020-12-01T07:00Z', {
      digits: litecoin,
      status: 'SETTLING',
      endsAtMs: Date.parse('2024-03-20T09:00Z'),
    }),
    contract('um', 'BTCUSDT', '2019-09-08T17:57Z', { digits: tether, markHoles }),
    contract('um', 'BTCUSDT_240329', '2023-09-29T08:10Z', { digits: tether }),
  ],
}

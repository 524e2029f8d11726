// The computed trades: what is promised of them is what every other test compares a store with.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { expectedMarkers, expectedTrades, type TradeKind } from '../rig/expected-trades.ts'
import { runsFor } from '../rig/seed.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'
import { putId, startText, takeText } from '../rig/trade-bytes.ts'
import { CYCLE, CYCLE_RAW } from '../rig/trade-groups.ts'
import { idOffset, idSpace, idText } from '../rig/trade-ids.ts'
import {
  aggregateFrom,
  aggregateFromId,
  aggregateOf,
  aggregateTime,
  firstRawOf,
  isMarker,
  rawFromId,
  rawIdOffset,
  type TradeFeed,
  tradeFeedOf,
} from '../rig/trade-market.ts'
import { groupOf } from '../rig/trade-rows.ts'

const runs = runsFor('test/unit/rig-trades.test.ts')
const listedAtMs = Date.parse('2024-03-01T08:37:00Z')
const endsAtMs = Date.parse('2024-03-05T03:00:00Z')
const outage = { startMs: Date.parse('2024-03-02T02:00Z'), endMs: Date.parse('2024-03-02T05:30Z') }
const plain: SymbolSpec = {
  market: 'spot',
  symbol: 'BTCUSDT',
  base: 'BTC',
  quote: 'USDT',
  listedAtMs,
  trades: { perMinute: 10 },
}
const rich: SymbolSpec = {
  ...plain,
  endsAtMs,
  outages: [outage],
  trades: {
    perMinute: 20,
    firstId: '9200000000000000000',
    firstAggId: 1_000,
    markers: [1_000, 1_007, 1_008, 5_000],
    jumps: [
      { after: '9200000000000000007', size: 3 },
      { after: '9200000000000000011', size: 1 },
      { after: '9200000000000000400', size: 5_000_000_000 },
    ],
  },
}
const whole = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER }

function feedOf(spec: SymbolSpec): TradeFeed {
  const feed = tradeFeedOf(spec)
  if (!feed) throw new Error(`${spec.symbol} has no trades`)
  return feed
}
const column = (spec: SymbolSpec, kind: TradeKind, at: number, span = whole): unknown[] => [
  ...(expectedTrades(spec, kind, span).columns[at] ?? []),
]
/** A decimal in units of 1e-18. */
function units(value: unknown): bigint {
  const [integer = '', fraction = ''] = String(value).split('.')
  return BigInt(integer + fraction.padEnd(18, '0'))
}

describe('time and index', () => {
  const anySpec = fc.record({
    perMinute: fc.oneof(fc.double({ min: 0.01, max: 30, noNaN: true }), fc.constantFrom(926, 960_000)),
    holes: fc.array(fc.tuple(fc.nat(200_000_000), fc.nat(50_000_000)), { maxLength: 4 }),
    endMs: fc.option(fc.integer({ min: 1, max: 400_000_000 })),
  })

  test('lead to each other, whatever the rate and the outages', () => {
    fc.assert(
      fc.property(
        anySpec,
        fc.nat(500_000_000),
        fc.nat(1_000_000),
        ({ perMinute, holes, endMs }, at, index) => {
          const outages = holes.map(([from, length]) => ({
            startMs: listedAtMs + from,
            endMs: listedAtMs + from + length,
          }))
          const end = endMs === null ? {} : { endsAtMs: listedAtMs + endMs }
          const feed = feedOf({ ...plain, outages, ...end, trades: { perMinute } })
          const found = aggregateFrom(feed, listedAtMs + at)
          if (found < feed.total) expect(aggregateTime(feed, found)).toBeGreaterThanOrEqual(listedAtMs + at)
          if (found > 0) expect(aggregateTime(feed, found - 1)).toBeLessThan(listedAtMs + at)
          if (index >= feed.total) return
          const timeMs = aggregateTime(feed, index)
          expect(outages.some((span) => timeMs >= span.startMs && timeMs < span.endMs)).toBeFalse()
          expect(timeMs).toBeLessThan(end.endsAtMs ?? Infinity)
          expect(aggregateFrom(feed, timeMs)).toBeLessThanOrEqual(index)
          expect(aggregateFrom(feed, timeMs + 1)).toBeGreaterThan(index)
        },
      ),
      runs,
    )
  })

  test('trades come as often as the spec says, none before the listing', () => {
    const day = { startMs: Date.parse('2024-03-10Z'), endMs: Date.parse('2024-03-11Z') }
    expect(expectedTrades(plain, 'agg', day).count).toBe(14_400)
    expect(expectedTrades(plain, 'raw', day).count).toBe((14_400 * CYCLE_RAW) / CYCLE)
    expect(expectedTrades(plain, 'agg', { startMs: 0, endMs: listedAtMs }).count).toBe(0)
    expect(expectedTrades({ ...plain, trades: undefined } as never, 'agg', day).count).toBe(0)
  })

  test('times ascend, and several aggregates share a millisecond', () => {
    const times = column(rich, 'agg', 5).map(Number)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(new Set(times).size).toBeLessThan(times.length * 0.8)
    expect(Math.max(...times)).toBeLessThan(endsAtMs)
    expect(times.some((timeMs) => timeMs >= outage.startMs && timeMs < outage.endMs)).toBeFalse()
  })

  test('ids run on across an outage', () => {
    const before = column(rich, 'agg', 0, { startMs: 0, endMs: outage.startMs })
    const after = column(rich, 'agg', 0, { startMs: outage.endMs, endMs: endsAtMs })
    expect(Number(after[0])).toBe(Number(before.at(-1)) + 1)
    expect(expectedTrades(rich, 'raw', outage).count).toBe(0)
  })
})

describe('aggregates and raw trades', () => {
  test('every raw trade belongs to one aggregate, in order', () => {
    const feed = feedOf(rich)
    let raw = 0
    for (let index = 0; index < 5_000; index += 1) {
      expect(firstRawOf(feed, index)).toBe(raw)
      if (isMarker(feed, index)) continue
      const group = groupOf(feed, index)
      for (; raw < group.end; raw += 1) expect(aggregateOf(feed, raw)).toBe(index)
    }
  })

  test('an aggregate is the sum of its raw trades, at their time, price and side', () => {
    const span = { startMs: listedAtMs, endMs: listedAtMs + 3_600_000 }
    const raws = expectedTrades(rich, 'raw', span)
    const at = new Map(raws.columns[0]?.map((id, i) => [id, i]))
    const aggregates = expectedTrades(rich, 'agg', span)
    for (let i = 0; i < aggregates.count; i += 1) {
      const [, price, quantity, first, last, timeMs, maker] = aggregates.columns.map((values) => values[i])
      const from = at.get(first ?? '') ?? -1
      const to = at.get(last ?? '') ?? -1
      let sum = 0n
      for (let raw = from; raw <= to; raw += 1) {
        const row = raws.columns.map((values) => values[raw])
        sum += units(row[2])
        expect([row[1], row[5], row[6]]).toEqual([price, timeMs, maker])
      }
      expect(sum).toBe(units(quantity))
    }
  })

  test('groups join one to several raw trades', () => {
    const sizes = new Set(
      Array.from({ length: 64 }, (_, index) => groupOf(feedOf(plain), index)).map(
        (group) => group.end - group.first,
      ),
    )
    expect([...sizes].sort()).toEqual([1, 2, 3, 6])
  })
})

describe('ids', () => {
  test('beyond 2^53 are exact, and jump where the spec says', () => {
    const ids = column(rich, 'raw', 0).slice(0, 12)
    const tail = [0, 1, 2, 3, 4, 5, 6, 7, 11, 13, 14, 15]
    expect(ids).toEqual(tail.map((last) => `92000000000000000${String(last).padStart(2, '0')}`))
  })

  test('are written as they are counted, at every magnitude', () => {
    const anyFirst = fc.oneof(fc.bigInt(0n, 2n ** 62n), fc.constantFrom(0n, 10n ** 15n - 5n, 10n ** 16n - 5n))
    fc.assert(
      fc.property(anyFirst, fc.oneof(fc.nat(20), fc.nat(), fc.nat(2 ** 50)), (first, offset) => {
        const ids = idSpace(String(first))
        const text = startText(1)
        putId(text, ids, offset)
        expect(takeText(text)).toBe(String(first + BigInt(offset)))
        expect(idText(ids, offset)).toBe(String(first + BigInt(offset)))
        expect(idOffset(ids, first + BigInt(offset))).toBe(offset)
      }),
      runs,
    )
  })

  test('lead to the trade that has them, or to the next one', () => {
    const feed = feedOf(rich)
    const first = 9_200_000_000_000_000_000n
    for (let raw = 0; raw < 1_000; raw += 1) {
      expect(rawFromId(feed, first + BigInt(rawIdOffset(feed, raw)))).toBe(raw)
    }
    expect([8n, 9n, 10n, 11n].map((id) => rawFromId(feed, first + id))).toEqual([8, 8, 8, 8])
    expect([12n, 13n].map((id) => rawFromId(feed, first + id))).toEqual([9, 9])
    expect(rawFromId(feed, 0n)).toBe(0)
    expect(aggregateFromId(feed, 1_234n)).toBe(234)
    expect(aggregateFromId(feed, 2n ** 63n)).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('of markers are left out of what is stored, and are listed', () => {
    const ids = column(rich, 'agg', 0)
    expect(ids.slice(0, 8)).toEqual(['1001', '1002', '1003', '1004', '1005', '1006', '1009', '1010'])
    expect(expectedMarkers(rich, whole)).toEqual(['1000', '1007', '1008', '5000'])
  })

  test('that cannot be are refused', () => {
    const made = (trades: SymbolSpec['trades']) => () =>
      tradeFeedOf({ ...plain, ...(trades ? { trades } : {}) })
    expect(made({ perMinute: 0 })).toThrow('0 trades')
    expect(made({ perMinute: 960_001 })).toThrow()
    expect(made({ perMinute: 1, firstId: 2 ** 53 })).toThrow('as text')
    expect(made({ perMinute: 1, firstId: '9223372036854775808' })).toThrow('63 bits')
    expect(made({ perMinute: 1, firstAggId: 5, markers: [4] })).toThrow('before the first')
    const jumps = [
      { after: 5, size: 10 },
      { after: 9, size: 1 },
    ]
    expect(made({ perMinute: 1, jumps })).toThrow('overlap')
    expect(() => tradeFeedOf({ ...plain, market: 'um', trades: { perMinute: 1, markers: [1] } })).toThrow(
      'spot',
    )
  })
})

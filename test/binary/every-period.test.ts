// Every period of both markets, exact: ranges that begin before the listing, span an outage longer than a
// page and end in the unfinished candle. The second run finds nothing to ask for and moves nothing.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import { CLOSE_MARGIN_MS } from '../../src/core/plan.ts'
import { type Period, periods } from '../../src/core/series.ts'
import { isoTime } from '../../src/core/span.ts'
import { type Bench, bench, NO_LIMITS } from '../rig/bench.ts'
import { binaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation } from '../rig/compare-store.ts'
import { candles } from '../rig/market.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { hugeVolume, manyDecimals } from '../rig/scenario.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

afterAll(removeWorkFolders)

/** Far ahead, so that even candles of three days have room for an outage of more than 1,000 of them. */
const nowMs = Date.parse('2027-03-10T13:37:30Z')

/** Periods whose lengths are near enough to share a symbol: how long it is wanted, listed, out, and back. */
type Group = {
  readonly symbol: string
  readonly periods: readonly Period[]
  readonly before: number
  readonly live: number
  readonly outage: number
  readonly after: number
}

const MINUTE_MS = 60_000
// A page of spot holds 1,000 rows. Weeks and months have no outage of a whole page: that would be decades.
const groups: readonly Group[] = [
  {
    symbol: 'SECUSDT',
    periods: ['1s'],
    before: HOUR_MS,
    live: HOUR_MS,
    outage: 20 * MINUTE_MS,
    after: 90 * MINUTE_MS,
  },
  {
    symbol: 'MINUSDT',
    periods: ['1m', '3m', '5m'],
    before: DAY_MS,
    live: 2 * DAY_MS,
    outage: 4 * DAY_MS,
    after: 2 * DAY_MS,
  },
  {
    symbol: 'QUARTERUSDT',
    periods: ['15m', '30m'],
    before: 9 * DAY_MS,
    live: 12 * DAY_MS,
    outage: 23 * DAY_MS,
    after: 9 * DAY_MS,
  },
  {
    symbol: 'HOURUSDT',
    periods: ['1h', '2h', '4h'],
    before: 50 * DAY_MS,
    live: 50 * DAY_MS,
    outage: 180 * DAY_MS,
    after: 50 * DAY_MS,
  },
  {
    symbol: 'DAYUSDT',
    periods: ['6h', '8h', '12h', '1d'],
    before: 200 * DAY_MS,
    live: 150 * DAY_MS,
    outage: 1_100 * DAY_MS,
    after: 100 * DAY_MS,
  },
  {
    symbol: 'WEEKUSDT',
    periods: ['3d', '1w', '1M'],
    before: 90 * DAY_MS,
    live: 100 * DAY_MS,
    outage: 3_050 * DAY_MS,
    after: 120 * DAY_MS,
  },
]

/** Off the minute by seven, so that no listing and no outage begins with a candle of more than a minute. */
const spec = (market: 'spot' | 'um', group: Group): SymbolSpec => {
  const backMs = Math.floor((nowMs - group.after) / MINUTE_MS) * MINUTE_MS
  const outage = { startMs: backMs - group.outage - 7 * MINUTE_MS, endMs: backMs }
  const base = group.symbol.replace('USDT', '')
  // The largest volumes and the most decimals that the contract names, too.
  const digits = { MINUSDT: manyDecimals, WEEKUSDT: hugeVolume, HOURUSDT: manyDecimals }[group.symbol] ?? {}
  return {
    market,
    symbol: group.symbol,
    base,
    quote: 'USDT',
    listedAtMs: outage.startMs - group.live,
    outages: [outage],
    digits,
  }
}

/** Digit for digit without the program's own function for decimals, whose mistakes it would share. */
async function expectSentVolumes(at: Bench, one: SymbolSpec): Promise<void> {
  const span = { startMs: nowMs - HOUR_MS, endMs: nowMs - MINUTE_MS }
  const series = { market: one.market, dataset: 'klines', symbol: one.symbol, period: '1m' } as const
  const stored = await at.contents.rows(series)
  const volumes = new Map(stored.columns[0]?.map((openMs, i) => [openMs, stored.columns[7]?.[i]]))
  const sent = candles(one, '1m', span)
  expect(sent.length).toBeGreaterThan(50)
  expect(sent.some((row) => /\.\d{15}/.test(row.quoteVolume))).toBe(true)
  for (const row of sent) {
    const plain = row.quoteVolume.replace(/0+$/, '').replace(/\.$/, '')
    expect(volumes.get(row.openMs)).toBe(plain)
  }
}

let exchange: SpawnedExchange
beforeAll(async () => {
  const symbols = (['spot', 'um'] as const).flatMap((market) => groups.map((group) => spec(market, group)))
  exchange = await spawnExchange({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

for (const database of binaryDatabases) {
  describe(database.label, () => {
    for (const market of ['spot', 'um'] as const) {
      const theirs = groups.filter((group) => market === 'spot' || group.periods[0] !== '1s')

      test(`${market}: every period is exact, and the second run asks for nothing`, async () => {
        expect(theirs.flatMap((group) => group.periods)).toEqual(periods.slice(market === 'spot' ? 0 : 1))
        const at = await bench(exchange, database)
        const expected: Expectation[] = []
        const runs = theirs.map((group) => {
          const one = spec(market, group)
          const startMs = one.listedAtMs - group.before
          const spans = [{ startMs, endMs: nowMs }]
          expected.push(
            ...group.periods.map((period) => ({
              spec: one,
              period,
              spans,
              // The last seconds are left until they are final.
              closedBeforeMs: period === '1s' ? nowMs - CLOSE_MARGIN_MS : nowMs,
            })),
          )
          return ['--market', market, '--symbols', group.symbol, '--start', isoTime(startMs)].concat(
            '--period',
            group.periods.join(),
          )
        })
        for (const flags of runs) {
          const run = await at.klines(flags)
          expect(tail(run)).toStartWith('exit 0')
          expect(run.result()).toMatchObject({ rows_changed: 0, unsettled: [], errors: [] })
        }
        expect(await differences(at.contents, expected)).toEqual([])

        const [minutes] = theirs
          .filter((group) => group.symbol === 'MINUSDT')
          .map((group) => spec(market, group))
        if (minutes) await expectSentVolumes(at, minutes)

        const before = await at.contents.dump()
        await exchange.resetCounts()
        for (const flags of [...runs, ...runs.map((each) => each.filter((_, i) => i !== 4 && i !== 5))]) {
          const again = await at.klines(flags)
          expect(tail(again)).toStartWith('exit 0')
          expect(again.result()).toMatchObject({ rows_fetched: 0, rows_written: 0, rows_changed: 0 })
        }
        expect((await exchange.counts()).klinesRequests).toBe(0)
        expect((await at.contents.dump()) === before).toBe(true)
      }, 60_000)
    }
  })
}

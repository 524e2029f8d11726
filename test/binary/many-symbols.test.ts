// Hundreds of symbols in one run: each is asked for once, none waits for another's end, and a second run asks
// for no candle at all.
import { afterAll, expect, test } from 'bun:test'
import { DAY_MS } from '../../src/core/calendar.ts'
import { isoTime } from '../../src/core/span.ts'
import { bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const SYMBOLS = 200
const nowMs = Date.parse('2024-05-22T13:37:30Z')
const span = { startMs: Date.parse('2024-05-19T00:00Z'), endMs: Date.parse('2024-05-22T00:00Z') }

test('two hundred symbols by rule: exact, a request each, in turn', async () => {
  const symbols = Array.from({ length: SYMBOLS }, (_, i) => plainSymbol(`A${String(i).padStart(3, '0')}USDT`))
  const exchange = await spawnExchange({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS })
  try {
    const at = await bench(exchange)
    const range = ['--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]
    const words = ['--symbols', '*USDT', '--period', '1h', '--max-workers', '4', ...range]
    const run = await at.klines(words)
    expect(tail(run)).toStartWith('exit 0')
    const rows = (SYMBOLS * (span.endMs - span.startMs)) / (DAY_MS / 24)
    expect(run.result()).toMatchObject({ series: SYMBOLS, rows_written: rows, unsettled: [], errors: [] })
    const stored = symbols.map(
      (spec) => ({ spec, period: '1h', spans: [span], closedBeforeMs: nowMs }) as const,
    )
    expect(await differences(at.contents, stored)).toEqual([])
    // In the order of their names, but for those in flight that a busy machine holds up.
    const asked = (await exchange.log()).flatMap(({ query }) => /symbol=(A\d+USDT)&/.exec(query)?.[1] ?? [])
    expect(asked).toHaveLength(SYMBOLS)
    for (const [i, symbol] of asked.entries()) {
      const place = symbols.findIndex((spec) => spec.symbol === symbol)
      expect(Math.abs(place - i)).toBeLessThanOrEqual(20)
    }
    await exchange.resetCounts()
    const again = await at.klines(words)
    expect(again.result()).toMatchObject({ rows_fetched: 0, requests: 2 })
  } finally {
    await exchange.stop()
  }
}, 120_000)

// Funding rates of years from their monthly archives, beside what the market itself has: each rate and time
// exact, without mark price where only an archive was read, and asked for once.
import { afterAll, afterEach, expect, test } from 'bun:test'
import { isoTime } from '../../src/core/span.ts'
import { archivedExchange } from '../rig/archive-bench.ts'
import { bench, plainSymbol } from '../rig/bench.ts'
import { rowLines } from '../rig/compare-store.ts'
import { expectedOf } from '../rig/expectation.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import type { SpawnedExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

afterAll(removeWorkFolders)
const running: SpawnedExchange[] = []
afterEach(() => Promise.all(running.splice(0).map((exchange) => exchange.stop())))

const startMs = Date.parse('2023-09-10T00:00Z')
/** The month that is not filed yet. */
const tailMs = Date.parse('2025-01-01T00:00Z')
const specs = (['um', 'cm'] as const).map((market): SymbolSpec => {
  const symbol = market === 'um' ? 'RATEUSDT' : 'RATEUSD_PERP'
  const funding = { intervals: [{ fromMs: Date.parse('2024-05-07T00:00Z'), hours: 4 }] }
  return plainSymbol(symbol, { market, listedAtMs: Date.parse('2023-10-03T10:00Z'), funding })
})

/** The rates of the market, as lines; of a time before `filedMs` without their mark price. */
function due(spec: SymbolSpec, filedMs: number, endMs: number): readonly string[] {
  const span = { startMs, endMs }
  const rows = expectedOf({ spec, dataset: 'funding', spans: [span], closedBeforeMs: endMs })
  const [times = [], types = [], rates = [], marks = []] = rows.columns
  const filed = marks.map((mark, i) => (Number(times[i]) < filedMs ? null : mark))
  return rowLines({ count: rows.count, columns: [times, types, rates, filed] })
}

test.each([
  ['archive', specs[0], tailMs],
  ['auto', specs[0], Date.parse('2025-01-10T07:00Z')],
  ['archive', specs[1], tailMs],
] as const)(
  '--source %s of symbol %#: every month exact, and nothing by the second run',
  async (source, spec, endMs) => {
    if (!spec) throw new Error('no symbol')
    const exchange = await archivedExchange([spec])
    running.push(exchange)
    const at = await bench(exchange)
    const { market, symbol } = spec
    const words = ['funding', '--market', market, '--symbols', symbol, '--source', source]
    const range = ['--start', isoTime(startMs), '--end', isoTime(endMs)]
    const run = await at.run([...words, ...range])
    expect(tail(run)).toStartWith('exit 0')
    const stored = await at.contents.rows({ market, dataset: 'funding', symbol, period: null })
    const { archives, rows_written: written } = run.result()
    const filedMs = archives > 0 ? tailMs : 0
    expect(rowLines(stored)).toEqual([...due(spec, filedMs, endMs)])
    expect([written, archives > 0 || source === 'auto']).toEqual([stored.count, true])
    const again = await at.run([...words, ...range])
    expect(again.result()).toMatchObject({ rows_fetched: 0, rows_written: 0, rows_changed: 0, archives: 0 })
  },
)

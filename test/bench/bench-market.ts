// The market of the benchmark: ten symbols of one-minute candles, without holes, on an exchange with room for
// any speed.
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

export const SYMBOLS = 10
const START_MS = Date.parse('2018-01-01T00:00Z')
const MINUTE_MS = 60_000

const specs: readonly SymbolSpec[] = Array.from({ length: SYMBOLS }, (_, i) => ({
  market: 'spot' as const,
  symbol: `BENCH${i}USDT`,
  base: `BENCH${i}`,
  quote: 'USDT',
  listedAtMs: Date.parse('2017-08-17T04:00Z'),
}))

/** Starts the exchange; its clock stands in 2026, so that eight years of minutes are closed, 4.2 million. */
export function startBenchExchange(): Promise<SpawnedExchange> {
  return spawnExchange({
    symbols: specs,
    clock: { startMs: Date.parse('2026-01-01T00:00:30Z') },
    limits: { spot: 1_000_000_000 },
  })
}

/** The exchange's minute when it starts; each run gets a minute of its own. */
let minute = Date.parse('2026-01-01T00:00:30Z') / MINUTE_MS

/**
 * Begins a new minute on the exchange: a run must not wait because the one before it has spent the weight
 * that the program takes for granted until it has read the limits.
 */
export async function newMinute(exchange: SpawnedExchange): Promise<void> {
  minute += 1
  await exchange.setNowMs(minute * MINUTE_MS)
}

/**
 * The flags that ask for `rows` rows in all by HTTP, spread evenly over `symbols` symbols. Not of archives,
 * whose list is not within reach of the benchmark: three tries in vain are three quarters of a second.
 */
export function pullFlags(rows: number, symbols: number): string[] {
  const end = new Date(START_MS + (rows / symbols) * MINUTE_MS).toISOString()
  const names = specs.slice(0, symbols).map((spec) => spec.symbol)
  const series = ['--symbols', names.join(), '--period', '1m', '--source', 'rest']
  return [...series, '--start', new Date(START_MS).toISOString(), '--end', end]
}

/** The addresses of the pages that such a pull asks for. */
export function pageUrls(url: string, rows: number, symbols: number): string[] {
  const urls: string[] = []
  for (const spec of specs.slice(0, symbols)) {
    for (let row = 0; row < rows / symbols; row += 1_000) {
      const startMs = START_MS + row * MINUTE_MS
      const bounds = `startTime=${startMs}&endTime=${startMs + 1_000 * MINUTE_MS - 1}`
      urls.push(`${url}/api/v3/klines?symbol=${spec.symbol}&interval=1m&${bounds}&limit=1000`)
    }
  }
  return urls
}

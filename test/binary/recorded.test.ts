// Real pages of Binance, served as they were recorded: what is stored is what was sent.
import { afterAll, beforeAll, describe, expect } from 'bun:test'
import type { Rows } from '../../src/core/dataset.ts'
import { isoTime } from '../../src/core/span.ts'
import { bench, NO_LIMITS } from '../rig/bench.ts'
import { binaryDatabases } from '../rig/binary-databases.ts'
import type { Candle } from '../rig/market.ts'
import {
  type Recording,
  recordedCandles,
  recordedSymbol,
  recordings,
  testWithRecordings,
} from '../rig/recorded.ts'
import { removeWorkFolders, tail, workFolder } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

/** After every recording was made. */
const nowMs = Date.parse('2026-03-01T12:00:30Z')

type Recorded = { readonly market: 'spot' | 'um'; readonly symbol: string; readonly from: Recording[] }

/** The recordings that fit their queries, by symbol. */
function bySymbol(): Recorded[] {
  const found = new Map<string, Recorded>()
  for (const one of recordings()) {
    if (!one.fits || one.rows === 0 || one.market === 'cm') continue
    const key = `${one.market}/${one.symbol}`
    const entry = found.get(key) ?? { market: one.market, symbol: one.symbol, from: [] }
    entry.from.push(one)
    found.set(key, entry)
  }
  return [...found.values()]
}

/** A candle as it must be stored, from the very tokens that were sent. */
function storedAs(row: Candle): (string | number | null)[] {
  // Not by the program's own function, whose mistakes it would share.
  const decimal = (text: string): string =>
    text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text
  const prices = [row.open, row.high, row.low, row.close, row.volume, row.quoteVolume].map(decimal)
  return [row.openMs, row.closeMs, ...prices, row.trades, decimal(row.takerBase), decimal(row.takerQuote)]
}

const rowsOf = (rows: Rows): unknown[] =>
  Array.from({ length: rows.count }, (_, i) => rows.columns.map((column) => column[i]))

const symbols = bySymbol()
let exchange: SpawnedExchange
beforeAll(async () => {
  const specs = symbols.map(({ market, symbol, from }) => recordedSymbol(market, symbol, from))
  // The candles are longer than an argument may be.
  const path = `${workFolder()}/options.json`
  await Bun.write(path, JSON.stringify({ symbols: specs, clock: { manualMs: nowMs }, limits: NO_LIMITS }))
  exchange = await spawnExchange(path)
})
afterAll(() => exchange.stop())

for (const database of binaryDatabases) {
  describe(database.label, () => {
    testWithRecordings('what is stored of recorded pages is what was sent', async () => {
      let rowsSent = 0
      const at = await bench(exchange, database)
      for (const { market, symbol, from } of symbols) {
        const sent = new Map<string, Candle>()
        for (const one of from)
          for (const row of recordedCandles(one)) sent.set(`${one.period}/${row.openMs}`, row)
        const startMs = Math.min(...[...sent.values()].map((row) => row.openMs))
        for (const period of new Set(from.map((one) => one.period))) {
          const flags = ['--market', market, '--symbols', symbol, '--period', period]
          const run = await at.klines([...flags, '--start', isoTime(startMs), '--end', '24h'])
          expect(tail(run)).toStartWith('exit 0')
          const stored = await at.contents.rows({ market, dataset: 'klines', symbol, period })
          const expected = [...sent]
            .filter(([key]) => key.startsWith(`${period}/`))
            .map(([, row]) => row)
            .sort((a, b) => a.openMs - b.openMs)
            .map(storedAs)
          expect(rowsOf(stored)).toEqual(expected)
          rowsSent += expected.length
        }
      }
      expect(rowsSent).toBeGreaterThan(4_000)
    })
  })
}

// A desk for tests of `petrosa gaps` in this process: a local exchange, a SQLite file, the program run by its
// words, and rows and ledger taken away by hand.
import { Database } from 'bun:sqlite'
import { expect } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../../src/cli/program.ts'
import { HOUR_MS } from '../../src/core/calendar.ts'
import { isoTime } from '../../src/core/span.ts'
import { realWait } from '../../src/world.ts'
import { exchangeEnv, NO_LIMITS } from './bench.ts'
import { type LocalExchange, startExchange } from './exchange.ts'
import type { FoundGap } from './run-petrosa.ts'
import type { SymbolSpec } from './symbol-spec.ts'
import { testWorld } from './world.ts'

export type GapsResult = Record<string, unknown> & {
  readonly gaps: readonly FoundGap[]
  readonly unsettled: readonly { readonly series: string; readonly reason: string }[]
}

export type Ran = {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly result: GapsResult
}

export type GapsDesk = {
  exchange(): LocalExchange
  /** Another exchange in place of the one there was, with what it lists and the time by its clock. */
  restart(symbols: readonly SymbolSpec[], nowMs?: number): Promise<void>
  run(words: string, env?: Readonly<Record<string, string>>, network?: boolean): Promise<Ran>
  /** Brings klines from DESK_START_MS to now, and wants it to work. */
  pull(words?: string): Promise<void>
  sql(text: string): void
  /** One row of the file. */
  row<T>(text: string): T | null
  /** Deletes candles of 1h, by hours from DESK_START_MS. */
  loseRows(symbol: string, from: number, to: number): void
  /** Pages of klines that the last run asked for. */
  pages(): number
  readonly file: string
  close(): Promise<void>
}

export const DESK_START_MS = Date.parse('2024-03-20T00:00Z')
export const DESK_NOW_MS = Date.parse('2024-03-22T00:00:30Z')

/** So many hours from DESK_START_MS, epoch ms. */
export const at = (hour: number): number => DESK_START_MS + hour * HOUR_MS

/** A gap of candles of 1h as results list it. */
export const listed = (
  symbol: string,
  from: number,
  to: number,
  verdict: string,
  filled = false,
): FoundGap => ({
  series: `${symbol.startsWith('F') ? 'um' : 'spot'}/klines/${symbol}/1h`,
  start: isoTime(at(from)),
  end: isoTime(at(to)),
  rows_missing: to - from,
  verdict,
  filled,
})

/** A desk with an exchange that lists `symbols`. */
export async function gapsDesk(symbols: readonly SymbolSpec[]): Promise<GapsDesk> {
  const folder = mkdtempSync(join(tmpdir(), 'petrosa-gaps-'))
  const file = join(folder, 'a.db')
  const start = (specs: readonly SymbolSpec[], nowMs = DESK_NOW_MS): Promise<LocalExchange> =>
    startExchange({ symbols: specs, clock: { manualMs: nowMs }, limits: NO_LIMITS })
  let exchange = await start(symbols)

  const run: GapsDesk['run'] = async (words, env = {}, network = true) => {
    const world = testWorld({
      env: { ...exchangeEnv(exchange.url), SQLITE_PATH: file, ...env },
      nowMs: Date.now,
      monotonicMs: () => performance.now(),
      // Pauses between tries are not what is tried here.
      wait: (ms, signal) => realWait(Math.min(ms, 50), signal),
      ...(network ? { fetch: (address: string, init?: RequestInit) => fetch(address, init) } : {}),
    })
    exchange.resetCounts()
    const code = await runProgram(words.trim().split(' '), world)
    const [json = '{}'] = world.out().split('\n')
    const result = (json.startsWith('{') ? JSON.parse(json) : {}) as GapsResult
    return { code, out: world.out(), err: world.err(), result }
  }
  const inDatabase = <T>(work: (database: Database) => T): T => {
    const database = new Database(file)
    const result = work(database)
    database.close()
    return result
  }
  const sql = (text: string): void => {
    inDatabase((database) => database.run(text))
  }

  return {
    exchange: () => exchange,
    restart: async (specs, nowMs) => {
      await exchange.stop()
      exchange = await start(specs, nowMs)
    },
    run,
    pull: async (words = '--symbols AAAUSDT,BBBUSDT --period 1h') => {
      expect((await run(`klines ${words} --start 2024-03-20`)).code).toBe(0)
    },
    sql,
    row: <T>(text: string) => inDatabase((database) => database.query<T, []>(text).get()),
    loseRows: (symbol, from, to) => {
      const hours = `open_time >= ${at(from)} AND open_time < ${at(to)}`
      sql(`DELETE FROM klines_h1 WHERE symbol = '${symbol}' AND ${hours}`)
    },
    pages: () => exchange.counts().klinesRequests,
    file,
    close: async () => {
      await exchange.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

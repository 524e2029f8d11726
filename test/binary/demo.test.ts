// The demo as a stranger sees it: it ends well, fits a terminal of 80 columns, leaves nothing behind, also on
// Ctrl-C; and its comparison sees a row that is not the exchange's.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HOUR_MS } from '../../src/core/calendar.ts'
import { compareAll } from '../demo/compare.ts'
import { expectedRows } from '../rig/market.ts'
import { type Scenario, scenarios } from '../rig/scenario.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

const COLUMNS = 80
const RUN_LIMIT_MS = 60_000
const program = join(import.meta.dir, '..', 'demo', 'demo.ts')

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'petrosa-demo-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The demo with nothing of this environment but a folder for temporary files. */
function startDemo(): Bun.Subprocess<'ignore', 'pipe', 'pipe'> {
  return Bun.spawn([process.execPath, program], {
    env: { TMPDIR: folder },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: RUN_LIMIT_MS,
  })
}

describe('the demo', () => {
  test(
    'fetches, compares, and leaves nothing behind',
    async () => {
      const demo = startDemo()
      const [out, err, code] = await Promise.all([
        new Response(demo.stdout).text(),
        new Response(demo.stderr).text(),
        demo.exited,
      ])
      expect([code, err]).toEqual([0, ''])
      expect(out).toContain('all equal, none missing, none too many')
      expect(out).toContain('klines: 27 series, 0 rows fetched (0 new, 0 changed)')
      expect(out.split('\n').filter((line) => Bun.stringWidth(line) > COLUMNS)).toEqual([])
      expect(readdirSync(folder)).toEqual([])
    },
    RUN_LIMIT_MS,
  )

  test(
    'ends at once when it is interrupted in the middle, and leaves nothing behind',
    async () => {
      const demo = startDemo()
      const reader = demo.stdout.getReader()
      let out = ''
      while (!out.includes('2. ')) out += Buffer.from((await reader.read()).value ?? []).toString()
      const url = /http:\/\/[\d.:]+/.exec(out)?.[0] ?? ''
      expect((await fetch(`${url}/api/v3/ping`)).status).toBe(200)
      demo.kill('SIGINT')
      expect(await demo.exited).toBe(130)
      expect(readdirSync(folder)).toEqual([])
      expect(fetch(`${url}/api/v3/ping`)).rejects.toThrow()
    },
    RUN_LIMIT_MS,
  )
})

function firstSymbol(): SymbolSpec {
  const [spec] = scenarios.fewWeeks.symbols
  if (!spec) throw new Error('the scenario has no symbol')
  return spec
}

describe('the comparison of the demo sees', () => {
  const spec = firstSymbol()
  const { startMs } = scenarios.fewWeeks.span
  const day: Scenario = {
    symbols: [spec],
    nowMs: startMs + 24 * HOUR_MS,
    span: { startMs, endMs: startMs + 24 * HOUR_MS },
  }

  /** The differences of a store that holds the exchange's own rows, after `change`. */
  async function differences(change: string): Promise<readonly string[]> {
    const database = new Database(':memory:')
    const { columns } = expectedRows(spec, '1h', day.span, day.nowMs)
    const names =
      'open_time, close_time, open_price, high_price, low_price, close_price, volume, quote_asset_volume, ' +
      'number_of_trades, taker_buy_base_asset_volume, taker_buy_quote_asset_volume'
    database.run(`CREATE TABLE klines_h1 (market, symbol, ${names})`)
    for (const i of (columns[0] ?? []).keys()) {
      const values = [spec.market, spec.symbol, ...columns.map((column) => column[i] ?? null)]
      database.run(`INSERT INTO klines_h1 VALUES (${values.map(() => '?').join()})`, values)
    }
    if (change !== '') database.run(change)
    const found = await compareAll(database, day, ['1h'])
    database.close()
    return found.differences
  }

  const changes: readonly (readonly [string, string, string])[] = [
    ['nothing where all is equal', '', ''],
    ['a digit', 'UPDATE klines_h1 SET low_price = low_price || 1 WHERE rowid = 7', 'expected'],
    ['a missing row', 'DELETE FROM klines_h1 WHERE rowid = 24', 'stored nothing'],
    [
      'a row too many',
      `INSERT INTO klines_h1 SELECT market, symbol, open_time + 86400000, close_time, open_price, high_price,
       low_price, close_price, volume, quote_asset_volume, number_of_trades, taker_buy_base_asset_volume,
       taker_buy_quote_asset_volume FROM klines_h1 WHERE rowid = 1`,
      'too many',
    ],
    [
      'a row of a symbol that nobody asked for',
      "INSERT INTO klines_h1 (market, symbol) VALUES ('spot', 'XUSDT')",
      'holds 25 rows, not 24',
    ],
  ]
  for (const [name, change, said] of changes) {
    test(name, async () => {
      const found = await differences(change)
      expect(found.length > 0).toBe(change !== '')
      expect(found.join()).toContain(said)
    })
  }
})

// petrosa verify as its user sees it, against the local exchange: what it prints, what scripts read, how it
// ends, and that it needs no exchange for what is stored.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../../src/cli/program.ts'
import { verifyResult } from '../../src/cli/verify-result.ts'
import type { Summary } from '../../src/core/events.ts'
import { Findings } from '../../src/core/verification/findings.ts'
import { realWait } from '../../src/world.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { klineSeries, MINUTE_MS } from '../rig/pages.ts'
import { scenarios } from '../rig/scenario.ts'
import { hastyWait, testWorld } from '../rig/world.ts'

const COLUMNS = 80

let exchange: LocalExchange
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'petrosa-verify-'))
  const { symbols, nowMs } = scenarios.fewWeeks
  exchange = await startExchange({ symbols, clock: { manualMs: nowMs } })
  const pull = 'klines --symbols BTCUSDT,LATEUSDT,币安人生USDT --period 15m,1h,1d --start 2024-03-05'
  expect((await run(pull, 'clean.db')).code).toBe(0)
})
afterAll(async () => {
  await exchange.stop()
  rmSync(folder, { recursive: true, force: true })
})

type Ended = { readonly code: number; readonly out: string; readonly err: string }

async function run(words: string, database: string, url = exchange.url): Promise<Ended> {
  const world = testWorld({
    env: { BINANCE_API_URL: url, BINANCE_FUTURES_API_URL: url, SQLITE_PATH: join(folder, database) },
    nowMs: () => exchange.nowMs(),
    monotonicMs: () => performance.now(),
    wait: realWait,
    random: Math.random,
    ...(url === '' ? {} : { fetch: (address: string, init?: RequestInit) => fetch(address, init) }),
  })
  const code = await runProgram(words.split(' '), world)
  return { code, out: world.out(), err: world.err() }
}

type Finding = Readonly<Record<'series' | 'time' | 'check' | 'severity', string>> & {
  readonly repaired: boolean
}
type Json = {
  readonly rows_checked: number
  readonly findings: readonly Finding[]
  readonly [field: string]: unknown
}

async function asJson(words: string, database: string): Promise<Json & { readonly code: number }> {
  const { code, out } = await run(`verify --json ${words}`.trim(), database)
  return { ...(JSON.parse(out) as Json), code }
}

/** A copy of the clean database with statements run on it. */
function spoiled(name: string, ...statements: readonly string[]): string {
  copyFileSync(join(folder, 'clean.db'), join(folder, name))
  const database = new Database(join(folder, name))
  for (const statement of statements) database.run(statement)
  database.close()
  return name
}

const HOUR_9 = Date.parse('2024-03-06T09:00Z')
const wrongVolume = `UPDATE klines_m15 SET volume = '1' WHERE symbol = 'BTCUSDT' AND open_time = ${HOUR_9}`
const HOUR_3 = Date.parse('2024-03-20T03:00Z')
const ofLate = `symbol = 'LATEUSDT' AND open_time = ${HOUR_3}`
const wrongHigh = `UPDATE klines_h1 SET high_price = '0.5' WHERE ${ofLate}`
const gone = `DELETE FROM klines_h1 WHERE symbol = '币安人生USDT' AND open_time = ${HOUR_9}`
const wide = (text: string): string[] => text.split('\n').filter((line) => Bun.stringWidth(line) > COLUMNS)

describe('what is stored, by itself', () => {
  test('needs no exchange, and ends with 0 where there are notes only', async () => {
    const { code, out } = await run('verify', 'clean.db', '')
    expect([code, wide(out)]).toEqual([0, []])
    expect(out).toStartWith('verify: 9 series, 5,076 rows checked: 0 errors, 7 notes\n')
    expect(out).toMatch(/\nday +1 {2}2024-03-10 {2}spot\/klines\/BTCUSDT\/1h\n/)
    expect(out).toEndWith('no errors\n')
  })

  test('nothing stored is no error', async () => {
    expect(await run('verify', 'none.db', '')).toMatchObject({
      code: 0,
      out: 'nothing is stored yet; begin with: petrosa klines\n',
    })
  })

  test('errors are named one by one, first, and end with 3', async () => {
    const { code, out } = await run('verify', spoiled('a.db', wrongVolume, wrongHigh, gone), '')
    expect([code, wide(out)]).toEqual([3, []])
    const errors = out.split('\n').filter((line) => line.startsWith('error '))
    expect(errors).toEqual([
      'error sum: spot/klines/BTCUSDT/1h 2024-03-06 09:00',
      'error rules: spot/klines/LATEUSDT/1h 2024-03-20 03:00',
      'error sum: spot/klines/LATEUSDT/1h 2024-03-20 03:00',
      'error day: spot/klines/币安人生USDT/1h 2024-03-06 09:00',
    ])
    expect(out.indexOf('error day')).toBeLessThan(out.indexOf('\nnotes '))
    expect(out).toMatch(/\n {2}expected: volume [\d.]+: the sum of 4 of 15m\n/)
    expect(out).toEndWith('--repair asks the exchange about these errors, and takes its rows\n')
  })

  test('for scripts: the fields of the contract, and what was left out is counted', async () => {
    const result = await asJson('', spoiled('b.db', wrongVolume))
    expect(result).toMatchObject({
      code: 3,
      command: 'verify',
      series: 9,
      requests: 0,
      errors: [],
      sample: null,
    })
    expect(result).toMatchObject({ error_findings: 1, findings_left_out: 0, archives_checked: null })
    expect(Object.keys(result.findings[0] ?? {})).toEqual([
      ...['series', 'time', 'check', 'severity', 'stored', 'expected', 'repaired'],
    ])
    expect(result.findings[0]).toMatchObject({
      series: 'spot/klines/BTCUSDT/1h',
      time: '2024-03-06T09:00:00.000Z',
      check: 'sum',
      severity: 'error',
      repaired: false,
    })
    expect(result.findings.slice(1).every(({ severity }) => severity === 'note')).toBe(true)
  })

  test('filters count where they are said, and a range narrows what is looked at', async () => {
    const database = spoiled('c.db', wrongVolume, wrongHigh, gone)
    const only = async (words: string): Promise<[number, number]> => {
      const { code, series } = await asJson(words, database)
      return [code, Number(series)]
    }
    expect(await only('--symbols BTC*')).toEqual([3, 3])
    expect(await only('--symbols BTC* --period 15m')).toEqual([0, 1])
    expect(await only('--market um')).toEqual([0, 0])
    expect(await only('--dataset klines --symbols LATEUSDT')).toEqual([3, 3])
    expect(await only('--dataset funding')).toEqual([0, 0])
    expect(await only('--start 2024-03-07 --end 2024-03-20')).toEqual([0, 9])
    expect(await only('--start 2024-03-07')).toEqual([3, 9])
    const one = await asJson('--symbols BTCUSDT --period 1h --start 2024-03-06 --end 2024-03-07', database)
    expect(one.rows_checked).toBe(24)
  })
})

describe('against the exchange', () => {
  test('a sample is told with its seed, and the seed asks for the same pages', async () => {
    const asked = async (words: string): Promise<string[]> => {
      exchange.resetCounts()
      const from = exchange.log().length
      expect((await run(words, 'clean.db')).code).toBe(0)
      return exchange
        .log()
        .slice(from)
        .filter(({ path }) => path.endsWith('/klines'))
        .map(({ query }) => query)
        .sort()
    }
    const first = await run('verify --sample 30%', 'clean.db')
    expect(wide(first.out)).toEqual([])
    const [, seed] = /a sample of 30% was compared with the exchange \(--seed (\d+)\)/.exec(first.out) ?? []
    const words = `verify --sample 0.3 --seed ${seed}`
    const pages = await asked(words)
    expect(await asked(words)).toEqual(pages)
    expect(first.out).toContain(`${pages.length} page`)
    expect(await asked('verify --sample 100%')).toHaveLength(11)
    const { sample, rows_compared: rows } = await asJson('--sample 100% --seed 9', 'clean.db')
    expect([sample, rows]).toEqual([{ share: 1, seed: 9 }, (await asJson('', 'clean.db')).rows_checked])
  })

  test('what differs is found and mended, and the next run is clean', async () => {
    const database = spoiled('d.db', wrongVolume, wrongHigh, gone)
    const found = await asJson('--sample 100%', database)
    expect(found).toMatchObject({ code: 3, error_findings: 7, rows_written: 0, rows_changed: 0 })
    const mended = await asJson('--repair', database)
    expect(mended).toMatchObject({ code: 0, rows_written: 1, rows_changed: 2 })
    const errors = mended.findings.filter(({ severity }) => severity === 'error')
    expect(errors.length).toBeGreaterThanOrEqual(7)
    expect(errors.every(({ repaired }) => repaired)).toBe(true)
    expect(await asJson('--sample 100%', database)).toMatchObject({ code: 0, error_findings: 0 })
    const text = await run('verify --sample 100% --repair', spoiled('e.db', wrongVolume, gone))
    expect([text.code, wide(text.out)]).toEqual([0, []])
    expect(text.out).toContain('error exchange: spot/klines/BTCUSDT/15m 2024-03-06 09:00 (repaired)\n')
    expect(text.out).toContain('1 row inserted, 1 replaced\n')
    expect(text.out).toEndWith('every error is repaired\n')
  })

  test('what only the store has is told and stays', async () => {
    const copy = HOUR_9 + 7 * MINUTE_MS
    const names =
      'open_price, high_price, low_price, close_price, volume, quote_asset_volume, ' +
      'number_of_trades, taker_buy_base_asset_volume, taker_buy_quote_asset_volume, source, extracted_at'
    const besides =
      `INSERT INTO klines_m15 SELECT market, symbol, open_time + 420000, close_time, ${names} ` +
      `FROM klines_m15 WHERE symbol = 'BTCUSDT' AND open_time = ${HOUR_9}`
    const database = spoiled('f.db', besides)
    const { code, out } = await run('verify --sample 100% --repair', database)
    expect(code).toBe(3)
    expect(out).toContain('error exchange: spot/klines/BTCUSDT/15m 2024-03-06 09:07\n')
    expect(out).toContain('what only the store has is never deleted')
    const rows = new Database(join(folder, database), { readonly: true })
    expect(rows.query('SELECT count(*) AS n FROM klines_m15 WHERE open_time = ?').get(copy)).toEqual({ n: 1 })
    rows.close()
  })

  test('out of reach: 75, before anything is looked at', async () => {
    const refuse = async (): Promise<Response> => {
      throw Object.assign(new TypeError('Unable to connect'), { code: 'ConnectionRefused' })
    }
    const env = { SQLITE_PATH: join(folder, 'clean.db') }
    const world = testWorld({ env, fetch: refuse, wait: hastyWait })
    expect(await runProgram(['verify', '--sample', '1%', '--json'], world)).toBe(75)
    expect(JSON.parse(world.out()).errors).toHaveLength(1)
  })

  test('refused: 3, and what was not compared is named', async () => {
    exchange.setFaults({ refuse: [{ kind: 'bad-request-400', symbol: 'LATEUSDT', period: '1h' }] })
    const some = await run('verify --sample 100%', 'clean.db')
    exchange.setFaults({})
    expect([some.code, wide(some.out)]).toEqual([3, []])
    expect(some.out).toContain('not compared: spot/klines/LATEUSDT/1h 2024-03-12T08:00:00.000Z')
    expect(some.out).toEndWith('what was not compared may be asked for again\n')
  })

  test('turned away in the middle: 75, and all that was found until then', async () => {
    exchange.setFaults({ refuse: [{ kind: 'blocked-403' }] })
    const result = await asJson('--sample 100% --repair', spoiled('g.db', wrongVolume))
    exchange.setFaults({})
    expect(result).toMatchObject({ code: 75, error_findings: 1, rows_changed: 0 })
    expect(result.errors).toEqual([expect.stringContaining('403')])
  })

  test('a share or a seed that makes no sense is refused', async () => {
    for (const words of ['--sample 0', '--sample 101%', '--sample 2', '--sample -1%', '--sample', '--seed x'])
      expect(await run(`verify ${words}`, 'clean.db')).toMatchObject({ code: 2, out: '' })
  })
})

describe('the text', () => {
  const summary: Summary = {
    command: 'verify',
    startedAtMs: 0,
    durationMs: 0,
    series: 3,
    rowsFetched: 0,
    rowsWritten: 0,
    rowsChanged: 0,
    requests: 0,
    weight: 0,
    archives: 0,
    unsettled: [],
    errors: [],
    exitCode: 3,
  }
  const asked = { pages: 0, rows: 0, written: 0, changed: 0, unsettled: [] }

  test('says how many errors are not listed, and gathers notes by check where they are many', () => {
    const findings = new Findings()
    for (let i = 0; i < 1_234; i += 1) {
      const span = { startMs: i * MINUTE_MS, endMs: (i + 1) * MINUTE_MS }
      const words = { stored: 'x'.repeat(30), expected: `${'y '.repeat(60)}`, repaired: false }
      findings.add({ series: klineSeries('A'), span, check: 'rules', severity: 'error', ...words })
      const series = klineSeries(`1000000LONGNAME${i}USDT`, { dataset: 'premium-index-klines', market: 'um' })
      findings.add({ series, span, check: 'flat', severity: 'note', ...words })
    }
    const outcome = { findings, rowsChecked: 9, asked }
    const { text, fields } = verifyResult({
      summary,
      outcome,
      sample: null,
      archives: { checked: 1_000 },
      repair: false,
      isEmpty: false,
    })
    expect(wide(text)).toEqual([])
    expect(text.split('\n').filter((line) => line.startsWith('error '))).toHaveLength(20)
    expect(text).toContain('\n1,214 more errors; --json lists them\n')
    expect(text).toMatch(/\nflat +1,234 {2}1970-01-01 {2}1,234 series\n/)
    expect(text).toContain('\n1,000 archives compared by checksum\n')
    expect(fields).toMatchObject({ error_findings: 1_234, note_findings: 1_234, findings_left_out: 468 })
  })
})

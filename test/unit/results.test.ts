// What the commands print for people, against the local exchange: fit for 80 columns, numbers that are right,
// open things named.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { passResult } from '../../src/cli/pass-result.ts'
import { runProgram } from '../../src/cli/program.ts'
import type { Summary, Unsettled } from '../../src/core/events.ts'
import { realWait } from '../../src/world.ts'
import { exchangeEnv } from '../rig/bench.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { expectedFunding } from '../rig/expected-trades.ts'
import { scenarios } from '../rig/scenario.ts'
import { testWorld } from '../rig/world.ts'

const COLUMNS = 80

let exchange: LocalExchange
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'petrosa-results-'))
  const { symbols, nowMs } = scenarios.fewWeeks
  exchange = await startExchange({ symbols, clock: { manualMs: nowMs } })
})
afterAll(async () => {
  await exchange.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function run(words: string, database: string): Promise<string> {
  const { code, out, err } = await answerTo(words, database)
  expect([words, code, code === 0 ? '' : err]).toEqual([words, 0, ''])
  return out
}

async function answerTo(
  words: string,
  database: string,
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const world = testWorld({
    env: { ...exchangeEnv(exchange.url), SQLITE_PATH: join(folder, database), ...env },
    nowMs: Date.now,
    monotonicMs: () => performance.now(),
    wait: realWait,
    fetch: (address, init) => fetch(address, init),
  })
  const code = await runProgram(words.split(' '), world)
  return { code, out: world.out(), err: world.err() }
}

const wideLines = (text: string): string[] =>
  text.split('\n').filter((line) => Bun.stringWidth(line) > COLUMNS)

describe('a pass and its status', () => {
  const pull = 'klines --symbols BTCUSDT,LATEUSDT,币安人生USDT --period 1h --start 2024-03-01'

  test('plan, pass, nothing the second time, status', async () => {
    const plan = await run(`${pull} --dry-run`, 'a.db')
    expect(plan).toContain(
      'spot/klines/BTCUSDT/1h       2024-03-01 00:00  2024-03-22 00:00  1 request   504\n',
    )
    expect(plan).toEndWith('1,512 rows at most, 3 requests, weight 6; nothing was touched\n')
    expect(await run('status', 'a.db')).toBe('nothing is stored yet; begin with: petrosa klines\n')
    expect(await run(pull, 'a.db')).toStartWith(
      'klines: 3 series, 1,200 rows fetched (1,200 new, 0 changed)\n',
    )
    expect(await run(pull, 'a.db')).toStartWith('klines: 3 series, 0 rows fetched (0 new, 0 changed)\n')
    expect(await run(`${pull} --dry-run`, 'a.db')).toBe('nothing to fetch: all of it is stored or settled\n')
    const status = await run('status', 'a.db')
    expect(status).toContain('spot/klines/LATEUSDT/1h      2024-03-12 08:00  2024-03-21 23:00   232     0\n')
    expect(status).toContain('spot/klines/BTCUSDT/1h       2024-03-01 00:00  2024-03-21 23:00   484     1\n')
    expect(status).toEndWith('every gap is explained: the exchange was asked, and has no candle there\n')
    expect([plan, status].flatMap(wideLines)).toEqual([])
  })

  test('an open gap is counted beside the explained ones', async () => {
    await run(pull, 'b.db')
    const database = new Database(join(folder, 'b.db'))
    database.run("DELETE FROM klines_h1 WHERE symbol = 'BTCUSDT' AND open_time % 86400000 = 3600000")
    database.close()
    const status = await run('status', 'b.db')
    expect(status).toContain('2024-03-21 23:00   463  22 (21 open)\n')
    expect(status).toEndWith('21 gaps open, 21 rows missing\n')
    const { series } = JSON.parse(await run('status --symbols BTCUSDT --json', 'b.db'))
    expect(series).toMatchObject([{ rows: 463, open_gaps: 21, gap_rows: 21, explained_gaps: 1 }])
  })
})

test('status tells rows, first and last of what has no period', async () => {
  expect(await run('funding --symbols BTCUSDT,AGIXUSDT --start 2024-03-01', 'f.db')).toContain(
    '(110 new, 0 changed)',
  )
  const { series } = JSON.parse(await run('status --market um --json', 'f.db'))
  const [agix, bitcoin] = ['AGIXUSDT', 'BTCUSDT'].map((symbol) => {
    const spec = scenarios.fewWeeks.symbols.find((one) => one.market === 'um' && one.symbol === symbol)
    if (!spec) throw new Error(`no ${symbol}`)
    const { count, columns } = expectedFunding(spec, {
      startMs: Date.UTC(2024, 2, 1),
      endMs: Date.UTC(2024, 2, 22),
    })
    const [first, last] = [columns[0]?.[0], columns[0]?.at(-1)].map((timeMs) =>
      new Date(Number(timeMs)).toISOString(),
    )
    return {
      series: `um/funding/${symbol}`,
      first,
      last,
      rows: count,
      rows_by_source: { rest: count, archive: 0 },
    }
  })
  expect(series).toMatchObject([agix, bitcoin])
  expect(await run('status', 'f.db')).toMatch(/um\/funding\/BTCUSDT +2024-03-01 00:00 +2024-03-21 16:00 +63 /)
})

test('status tells of what a pass set out to fetch and did not get', async () => {
  await run('klines --symbols BTCUSDT --period 1h --start 2024-03-20', 'e.db')
  expect(await run('status', 'e.db')).not.toContain('unfinished')
  const database = new Database(join(folder, 'e.db'))
  database.run("UPDATE petrosa_coverage SET verdict = 'wanted', rows = 0")
  database.close()
  expect(await run('status', 'e.db')).toContain('1 series unfinished: the next pass over them first')
})

describe('symbols and check', () => {
  test('the listing date stands only where the market tells it', async () => {
    const spot = await run('symbols --symbols *T --exclude １*', 'c.db')
    const futures = await run('symbols --market um --status all', 'c.db')
    expect(spot.split('\n')[0]).toBe('symbol        status   base      quote')
    expect(spot).not.toContain('１２３USDT')
    expect(futures.split('\n')[0]).toBe('symbol        status    base      quote  listed')
    expect(futures).toContain('AGIXUSDT      SETTLING  AGIX      USDT   2023-02-10\n')
  })

  test('check tells each finding, and how far off the clock is', async () => {
    await run('klines --symbols BTCUSDT --period 1h', 'd.db')
    const text = await run('check', 'd.db')
    expect(text.split('\n').filter((line) => line !== '' && !/^(ok {4}| {6})\S/.test(line))).toEqual([])
    expect(text).toMatch(/request weight spot: [\d,]+ of 6,000 used this minute/)
    expect(text).toMatch(/clock: .+ ahead of the exchange's/)
    expect(text).not.toContain('archives')
  })

  test('check tries the archives; out of reach they matter only where nobody else has the rows', async () => {
    expect(await run('check --source auto', 'd.db')).toMatch(/^ok {4}archives: files and listing answer/m)
    const away = { BINANCE_ARCHIVE_LISTING_URL: 'http://127.0.0.1:9' }
    const { code, out } = await answerTo('check --source auto --json', 'd.db', away)
    const failed = JSON.parse(out).checks.filter((check: { ok: boolean }) => !check.ok)
    expect([code, failed]).toMatchObject([0, [{ name: 'archives', ok: false }]])
    expect(failed[0].detail).toContain('the archives are not available')
    expect(failed[0].advice).toMatch(/BINANCE_ARCHIVE_LISTING_URL.*until then all rows come from the API$/)
    expect((await answerTo('check --source archive', 'd.db', away)).code).toBe(75)
    const noListing = { BINANCE_ARCHIVE_LISTING_URL: exchange.url }
    expect((await answerTo('check --source auto', 'd.db', noListing)).code).toBe(2)
  })
})

describe('the result of a pass', () => {
  const open = (hour: number): Unsettled => ({
    series: { market: 'spot', dataset: 'klines', symbol: 'BTCUSDT', period: '1h' },
    span: { startMs: hour * 3_600_000, endMs: (hour + 1) * 3_600_000 },
    reason: 'refused',
  })
  const summary: Summary = {
    command: 'klines',
    startedAtMs: 0,
    durationMs: 1_250,
    series: 1,
    rowsFetched: 1,
    rowsWritten: 1,
    rowsChanged: 0,
    requests: 1,
    weight: 2,
    archives: 0,
    unsettled: [],
    errors: [],
    exitCode: 0,
  }

  test('numbers agree with their nouns', () => {
    expect(passResult(summary).text).toBe(
      'klines: 1 series, 1 row fetched (1 new, 0 changed)\n1 request, weight 2, 1.3 s\n',
    )
  })

  test('names what is open, at most twenty of it, and what to do', () => {
    const unsettled = Array.from({ length: 23 }, (_, hour) => open(hour))
    const { text, exitCode } = passResult({ ...summary, unsettled, exitCode: 3 })
    const lines = text.trimEnd().split('\n')
    expect(exitCode).toBe(3)
    expect(lines.filter((line) => line.startsWith('open: '))).toHaveLength(21)
    expect(lines).toContain(
      'open: spot/klines/BTCUSDT/1h 1970-01-01T00:00:00.000Z … 1970-01-01T01:00:00.000Z: refused',
    )
    expect(lines).toContain('open: 3 more; --json lists all')
    expect(lines.at(-1)).toStartWith('run the same command again')
  })
})

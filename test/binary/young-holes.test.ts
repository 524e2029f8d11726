// Holes that are younger than an hour: a candle that is only late must never be written off, and one that
// never comes must not be asked for for ever. The exchange's clock is set by hand.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { isoTime } from '../../src/core/span.ts'
import { type Bench, bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences } from '../rig/compare-store.ts'
import type { Faults } from '../rig/faults.ts'
import { type Result, removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const MINUTE_MS = 60_000
const nowMs = Date.parse('2024-03-22T12:00:30Z')
const lastMs = nowMs - 30_000
const startMs = lastMs - 180 * MINUTE_MS
const flags = ['--symbols', 'AAAUSDT', '--period', '1m']
const range = [...flags, '--start', isoTime(startMs)]
const series = 'spot/klines/AAAUSDT/1m'

let exchange: SpawnedExchange | null = null
afterEach(() => exchange?.stop())

async function exchangeWith(spec: SymbolSpec, faults: Faults = {}): Promise<SpawnedExchange> {
  exchange = await spawnExchange({ symbols: [spec], clock: { manualMs: nowMs }, limits: NO_LIMITS, faults })
  return exchange
}

/** Runs, wants this exit code, and gives the result and how many pages were asked for. */
async function run(
  at: Bench,
  how: readonly string[],
  exitCode: number,
): Promise<Result & { readonly pages: number }> {
  await exchange?.resetCounts()
  const ended = await at.klines(how)
  expect(tail(ended)).toStartWith(`exit ${exitCode}\n`)
  return { ...ended.result(), pages: (await exchange?.counts())?.klinesRequests ?? -1 }
}

/** Rows that are missing from every answer, for good or until a time of the exchange's clock. */
const withhold = (fromMs: number, toMs: number, untilMs?: number): Faults => ({
  refuse: [{ kind: 'missing-rows', fromMs, toMs, ...(untilMs === undefined ? {} : { untilMs }) }],
})

const expecting = (spec: SymbolSpec, endMs: number) =>
  [{ spec, period: '1m', spans: [{ startMs, endMs }], closedBeforeMs: endMs }] as const

describe.each(databases)('$label', (database) => {
  test.each([
    ['twenty minutes', 20],
    ['the last candle', 1],
  ])(
    'late: %s that the exchange has not yet are open, and stored when they come',
    async (_title, minutes) => {
      const spec = plainSymbol('AAAUSDT')
      const holeMs = lastMs - minutes * MINUTE_MS
      const its = await exchangeWith(spec, withhold(holeMs, lastMs, nowMs + 5_000))
      const at = await bench(its, database)
      const first = await run(at, range, 3)
      expect(first.unsettled).toMatchObject([{ series, start: isoTime(holeMs), end: isoTime(lastMs) }])
      expect(first.rows_written).toBe(180 - minutes)
      // Asked again too soon, it stays open.
      expect((await run(at, flags, 3)).unsettled).toMatchObject([
        { start: isoTime(holeMs), end: isoTime(lastMs) },
      ])
      await its.setNowMs(nowMs + 70_000)
      // The candle of the minute that has passed is stored too.
      expect(await run(at, flags, 0)).toMatchObject({ rows_written: minutes + 1, unsettled: [] })
      expect(await differences(at.contents, expecting(spec, lastMs + MINUTE_MS))).toEqual([])
    },
  )

  test('never: a hole that two answers a minute apart agree on is settled for good', async () => {
    const outage = { startMs: lastMs - 20 * MINUTE_MS, endMs: lastMs - 5 * MINUTE_MS }
    const spec = plainSymbol('AAAUSDT', { outages: [outage] })
    const its = await exchangeWith(spec)
    const at = await bench(its, database)
    expect((await run(at, range, 3)).unsettled).toMatchObject([
      { start: isoTime(outage.startMs), end: isoTime(outage.endMs) },
    ])
    expect(await differences(at.contents, expecting(spec, lastMs))).toEqual([])
    await its.setNowMs(nowMs + 20_000)
    await run(at, flags, 3)
    await its.setNowMs(nowMs + 62_000)
    await run(at, flags, 0)
    const ledger = await at.contents.ledger({
      market: 'spot',
      dataset: 'klines',
      symbol: 'AAAUSDT',
      period: '1m',
    })
    expect(ledger.filter((row) => row.verdict === 'outage')).toMatchObject([outage])
    expect(ledger.filter((row) => row.verdict === 'wanted')).toEqual([])
    expect(await run(at, range, 0)).toMatchObject({ pages: 0, rows_written: 0 })
  })

  test('an outage that goes on is settled piece by piece, and the candles after it are stored', async () => {
    const outage = { startMs: lastMs - 20 * MINUTE_MS, endMs: lastMs + 3 * MINUTE_MS }
    const spec = plainSymbol('AAAUSDT', { outages: [outage] })
    const its = await exchangeWith(spec)
    const at = await bench(its, database)
    let how = range
    for (let minute = 0; minute < 4; minute += 1) {
      await its.setNowMs(nowMs + minute * 62_000)
      await run(at, how, 3)
      how = flags
    }
    await its.setNowMs(nowMs + 6 * 62_000)
    await at.klines(flags)
    await its.setNowMs(nowMs + 8 * 62_000)
    await run(at, flags, 0)
    expect(await differences(at.contents, expecting(spec, lastMs + 8 * MINUTE_MS))).toEqual([])
    expect(await run(at, range, 0)).toMatchObject({ pages: 0 })
  })

  test('a listing ten minutes ago: open at first, then settled as unlisted', async () => {
    const listedAtMs = lastMs - 10 * MINUTE_MS
    const spec = plainSymbol('AAAUSDT', { listedAtMs })
    const its = await exchangeWith(spec)
    const at = await bench(its, database)
    const first = await run(at, range, 3)
    expect(first.rows_written).toBe(10)
    expect(first.unsettled).toMatchObject([{ end: isoTime(listedAtMs) }])
    await its.setNowMs(nowMs + 62_000)
    await run(at, flags, 0)
    const ledger = await at.contents.ledger({
      market: 'spot',
      dataset: 'klines',
      symbol: 'AAAUSDT',
      period: '1m',
    })
    expect(ledger).toMatchObject([
      { startMs, endMs: listedAtMs, verdict: 'unlisted' },
      { startMs: listedAtMs, endMs: lastMs + MINUTE_MS, verdict: 'rows' },
    ])
    expect(await run(at, range, 0)).toMatchObject({ pages: 0 })
  })

  test.each(['spot', 'um'] as const)(
    'a delisted symbol of %s: all it had, and then silence',
    async (market) => {
      const endsAtMs = Date.parse('2024-03-22T08:30Z')
      const status = market === 'spot' ? 'BREAK' : 'SETTLING'
      const spec = plainSymbol('AAAUSDT', { market, status, endsAtMs })
      const its = await exchangeWith(spec)
      const at = await bench(its, database)
      const early = ['--symbols', 'AAAUSDT', '--period', '1m', '--market', market]
      const from = ['--start', isoTime(endsAtMs - 120 * MINUTE_MS)]
      expect(await run(at, [...early, ...from], 0)).toMatchObject({ rows_written: 120 })
      const ledger = await at.contents.ledger({ market, dataset: 'klines', symbol: 'AAAUSDT', period: '1m' })
      const verdicts = ledger.map((row) => row.verdict)
      expect(verdicts).toEqual(['rows', 'delisted'])
      expect(await run(at, early, 0)).toMatchObject({ pages: 0, rows_written: 0 })
      await its.setNowMs(nowMs + 90 * MINUTE_MS)
      expect(await run(at, [...early, ...from], 0)).toMatchObject({ pages: 0, rows_written: 0 })
      const spans = [{ startMs: endsAtMs - 120 * MINUTE_MS, endMs: endsAtMs }]
      expect(
        await differences(at.contents, [{ spec, period: '1m', spans, closedBeforeMs: endsAtMs }]),
      ).toEqual([])
    },
  )
})

// The library as its users have it: packed, installed into a fresh project, and the manual's own example run
// there against the local exchange. Its types hold under tsc, and what makes no sense is refused.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  type AggTrade,
  type FundingRate,
  type Kline,
  openClient,
  openStore,
  UserError,
} from '../../src/index.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { expectedOf } from '../rig/expectation.ts'
import { codeBlocks } from '../rig/markdown.ts'
import { removeWorkFolders, workFolder } from '../rig/run-petrosa.ts'
import { project } from '../rig/sources.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

const LIMIT_MS = 90_000
const NOW_MS = Date.parse('2024-03-22T00:00:30Z')
const btc = (market: 'spot' | 'um' | 'cm'): SymbolSpec => ({
  ...{ market, symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs: Date.UTC(2020, 0, 1) },
})
const series = { dataset: 'klines', market: 'spot', symbol: 'BTCUSDT', period: '1h' } as const

const databases = await findBinaryDatabases()
let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: [btc('spot'), btc('um')], clock: { startMs: NOW_MS } })
})
afterAll(async () => {
  await exchange.stop()
  await removeWorkFolders()
})
const client = () => openClient({ urls: { spot: exchange.url, um: exchange.url } })

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = []
  for await (const row of rows) out.push(row)
  return out
}

/** Runs words in a folder; throws what they said where they fail. */
function run(words: readonly string[], cwd: string, env = process.env): string {
  const ran = Bun.spawnSync([...words], { cwd, env, timeout: LIMIT_MS })
  if (!ran.success) throw new Error(`${words.join(' ')}: ${ran.stdout}${ran.stderr}`)
  return ran.stdout.toString()
}

test(
  "the manual's example runs in a fresh project that has the packed library, and its types hold",
  async () => {
    const folder = workFolder()
    const example = codeBlocks(await Bun.file(join(project, 'README.md')).text(), 'ts')[0] ?? ''
    expect(example).toContain('openStore')
    const packed = join(folder, 'packed')
    mkdirSync(packed)
    run([process.execPath, 'pm', 'pack', '--destination', packed, '--quiet'], project)
    const [tarball = ''] = readdirSync(packed)
    expect(await Bun.file(join(project, 'README.md')).text()).toContain(`bun add /path/to/${tarball}`)
    const types = (await Bun.file(join(project, 'package.json')).json()).devDependencies['@types/bun']
    const manifest = {
      name: 'fresh',
      type: 'module',
      dependencies: {
        'petrosa-binance-data-extractor': `file:${join(packed, tarball)}`,
        '@types/bun': types,
      },
    }
    await Bun.write(join(folder, 'package.json'), JSON.stringify(manifest))
    // As `bun init` writes it.
    const compilerOptions = {
      ...{ lib: ['ESNext'], target: 'ESNext', module: 'Preserve', moduleDetection: 'force', types: ['bun'] },
      ...{ moduleResolution: 'bundler', allowImportingTsExtensions: true, verbatimModuleSyntax: true },
      ...{ noEmit: true, strict: true, skipLibCheck: true, noUncheckedIndexedAccess: true },
    }
    await Bun.write(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['example.ts'] }))
    const led = example.replace('openClient()', `openClient({ urls: { spot: '${exchange.url}' } })`)
    await Bun.write(join(folder, 'example.ts'), led)
    run([process.execPath, 'install'], folder)
    run([join(project, 'node_modules', '.bin', 'tsc'), '--project', folder], folder)
    const said = run([process.execPath, 'example.ts'], folder)
    expect(said).toContain('written: 48')
    expect(said.match(/"\d+(\.\d+)?"/g)).toHaveLength(3)
  },
  LIMIT_MS,
)

describe('the client', () => {
  test('gives every closed candle and no other, and the rates of futures', async () => {
    const closed = { spec: btc('spot'), period: '1h' as const, closedBeforeMs: NOW_MS }
    const startMs = Date.parse('2024-01-01T00:30Z')
    const candles = await all(client().rows(series, { start: startMs, end: '2024-03-22T01:00' }))
    const expected = expectedOf({ ...closed, spans: [{ startMs, endMs: NOW_MS }] })
    expect(candles.map((one) => [one.open_time, one.close_price])).toEqual(
      expected.columns[0]?.map((time, i) => [Number(time), String(expected.columns[5]?.[i])]) ?? [],
    )
    const funding = { dataset: 'funding', market: 'um', symbol: 'BTCUSDT' } as const
    const rates = await all(client().rows(funding, { start: '2024-03-20', end: '2024-03-21' }))
    expect(rates.map((one) => Math.floor(one.funding_time / 3_600_000) % 24)).toEqual([0, 8, 16])
    expect((await client().symbols('um')).map(({ symbol }) => symbol)).toEqual(['BTCUSDT'])
  })

  test('refuses what makes no sense before it asks', async () => {
    const range = { start: 0, end: 1 }
    const wrong = [
      { ...series, period: '7m' },
      { ...series, symbol: 'A/B' },
      { ...series, dataset: 'funding' },
      { dataset: 'trades', market: 'spot', symbol: 'BTCUSDT' },
    ]
    for (const one of wrong) expect(all(client().rows(one as never, range))).rejects.toThrow(UserError)
    // Neither moved to the next month, nor taken for a year or a month, nor for seconds.
    for (const start of ['soon', '2024-02-30', '7', '2024-3-1', '1709294400', '2024-03-01T25:00Z'])
      expect(all(client().rows(series, { start, end: 1 }))).rejects.toThrow('is no time')
  })

  test('reads times without a zone as UTC, wherever it runs', async () => {
    const { TZ: zone = 'UTC' } = process.env
    process.env.TZ = 'America/New_York'
    try {
      for (const start of ['2024-03-01 12:00', '2024-03-01T12:00', '2024-03-01T14:00+02:00']) {
        const [first] = await all(client().rows(series, { start, end: '2024-03-01 14:00' }))
        expect([start, first?.open_time]).toEqual([start, Date.parse('2024-03-01T12:00Z')])
      }
    } finally {
      process.env.TZ = zone
    }
  })

  test('a store refuses the address of another, which would become the name of a file', async () => {
    expect(openStore('sqlite', 'postgres://h/x')).rejects.toThrow('the address of a postgresql store')
    expect(openStore('postgresql', './market.db')).rejects.toThrow(UserError)
  })
})

const kline = (openMs: number, close = '1.5'): Kline => ({
  open_time: openMs,
  close_time: openMs + 3_599_999,
  ...{ open_price: '1', high_price: '2.50', low_price: '0.000000000000000001', close_price: close },
  ...{ volume: '12345678901234567890', quote_asset_volume: '0', number_of_trades: 3 },
  ...{ taker_buy_base_asset_volume: '1', taker_buy_quote_asset_volume: '2' },
})
const START_MS = Date.parse('2024-03-01T00:00Z')
const range = { start: START_MS, end: new Date(START_MS + 36e5 * 10) }

describe.each(databases.map((database) => [database.label, database] as const))(
  'a store of %s',
  (_, database) => {
    test('keeps rows exactly, in any order, and says what changed', async () => {
      const { uri } = await database.place(workFolder())
      const store = await openStore(database.server?.kind ?? 'sqlite', uri)
      try {
        const rows = [2, 0, 1].map((hour) => kline(START_MS + hour * 36e5))
        expect(await store.insert(series, rows)).toEqual({ written: 3, changed: 0 })
        expect(await store.insert(series, [kline(START_MS), kline(START_MS + 36e5, '1.75')])).toEqual({
          written: 0,
          changed: 1,
        })
        const read = await store.read(series, range)
        expect(read.map((one) => one.close_price)).toEqual(['1.5', '1.75', '1.5'])
        expect(read[0]).toEqual({ ...kline(START_MS), high_price: '2.5' })
        expect(await store.read(series, { ...range, limit: 1 })).toHaveLength(1)
        const rate: FundingRate = {
          funding_time: START_MS + 7,
          rate_type: 'Regular',
          funding_rate: '-0.0001',
          mark_price: null,
        }
        const funding = { dataset: 'funding', market: 'um', symbol: 'BTCUSDT' } as const
        await store.insert(funding, [rate])
        expect(await store.read(funding, range)).toEqual([rate])
        const trade = (id: string): AggTrade => ({
          ...{ agg_trade_id: id, price: '1', quantity: '2', first_trade_id: id, last_trade_id: id },
          ...{ trade_time: START_MS, is_buyer_maker: true },
        })
        const trades = { dataset: 'agg-trades', market: 'spot', symbol: 'BTCUSDT' } as const
        const ids = ['9223372036854775807', '10', '9']
        await store.insert(trades, ids.map(trade))
        expect((await store.read(trades, range)).map((one) => one.agg_trade_id)).toEqual(ids.toReversed())
      } finally {
        await store.close()
      }
    })

    test('refuses a row that is none, and stores nothing of it', async () => {
      const { uri } = await database.place(workFolder())
      const store = await openStore(database.server?.kind ?? 'sqlite', uri)
      try {
        const wrong = [
          { ...kline(START_MS), close_price: 1.5 },
          { ...kline(START_MS), close_price: '1e5' },
          { ...kline(START_MS), note: 'mine' },
          { ...kline(START_MS), open_time: START_MS + 0.5 },
        ]
        for (const row of wrong)
          expect(store.insert(series, [kline(START_MS), row as never])).rejects.toThrow(/^row 1: /)
        expect(store.insert(series, [kline(START_MS), kline(START_MS)])).rejects.toThrow('have the same key')
        expect(await store.read(series, range)).toEqual([])
      } finally {
        await store.close()
      }
    })
  },
)

// The take-over of the Python extractor's tables, on real servers: filled with its defects, interrupted
// wherever it is, and in the end the store is the market, digit for digit. The old tables are still there.
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Period } from '../../src/core/series.ts'
import { exchangeEnv, NO_LIMITS } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation } from '../rig/compare-store.ts'
import { onMongoDatabase } from '../rig/mongodb-database.ts'
import { connectMysql } from '../rig/mysql-database.ts'
import { fillPythonMongodb, fillPythonMysql, type OldTable, oldRows } from '../rig/python-tables.ts'
import { removeWorkFolders, workFolder } from '../rig/run-petrosa.ts'
import { hugeVolume, manyDecimals } from '../rig/scenario.ts'
import { project } from '../rig/sources.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { onConnection } from '../rig/sql.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

const LIMIT_MS = 120_000
const NOW_MS = Date.parse('2024-03-22T00:00:30Z')
const until = Date.parse('2024-03-20T11:30Z')
const span = { startMs: Date.parse('2024-03-14T00:00Z'), endMs: until }

const usdt = (base: string, rest: Partial<SymbolSpec> = {}): SymbolSpec => ({
  ...{ market: 'um', symbol: `${base}USDT`, base, quote: 'USDT', listedAtMs: Date.UTC(2020, 0, 1) },
  ...rest,
})
const btc = usdt('BTC')
const shib = usdt('SHIB', { digits: hugeVolume })
const dust = usdt('DUST', { digits: manyDecimals })
/** Nobody has it any more: neither the exchange nor the archives. */
const luna = usdt('LUNA', { endsAtMs: Date.parse('2024-03-15T00:00Z') })

const tables: readonly OldTable[] = [
  ...[btc, shib, dust].map((spec): OldTable => ({ spec, period: '15m', span })),
  { spec: btc, period: '1h', span },
  { spec: luna, period: '15m', span: { ...span, endMs: Date.parse('2024-03-15T00:00Z') } },
]
const rates = { spec: btc, span }

const expectation = (spec: SymbolSpec, period: Period): Expectation => ({
  ...{ spec, period, spans: [{ startMs: span.startMs, endMs: NOW_MS }], closedBeforeMs: NOW_MS },
})
const market: readonly Expectation[] = [
  ...[btc, shib, dust].map((spec) => expectation(spec, '15m')),
  expectation(btc, '1h'),
  {
    spec: btc,
    dataset: 'funding',
    spans: [{ startMs: span.startMs, endMs: NOW_MS }],
    // The rate of midnight is due a minute later.
    closedBeforeMs: Date.parse('2024-03-22T00:00Z'),
  },
]
/** The rows of LUNA that were not frozen, as spans of a candle each. */
const kept: Expectation = {
  ...{ spec: luna, period: '15m', closedBeforeMs: NOW_MS },
  spans: oldRows(tables.at(-1) as OldTable).flatMap(({ flaw, fields }) => {
    const startMs = Date.parse(`${fields.open_time}Z`.replace(' ', 'T'))
    return flaw ? [] : [{ startMs, endMs: startMs + 15 * 60_000 }]
  }),
}

afterAll(removeWorkFolders)
const databases = (await findBinaryDatabases()).filter(({ label }) => /mysql|mariadb|mongodb/.test(label))

let exchange: SpawnedExchange
beforeEach(async () => {
  const symbols = [btc, shib, dust]
  exchange = await spawnExchange({ symbols, clock: { manualMs: NOW_MS }, limits: NO_LIMITS })
})
afterEach(() => exchange.stop())

type Ended = { readonly exitCode: number; readonly text: string }

/** Runs the take-over; killed with its child as soon as it has said `until`. */
async function takeOver(
  env: Record<string, string>,
  until?: RegExp,
  words: readonly string[] = [],
): Promise<Ended> {
  const script = join(project, 'deploy', 'migrate', 'take-over.ts')
  const child = Bun.spawn([process.execPath, script, ...words], {
    // A group of its own, to be killed as one with the program that it runs.
    detached: true,
    cwd: workFolder(),
    env: { PATH: process.env.PATH, ...env, ...exchangeEnv(exchange.url), LOG_FORMAT: 'json' },
    ...({ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' } as const),
  })
  const errors = new Response(child.stderr).text()
  let text = ''
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString()
    if (until?.test(text)) process.kill(-child.pid, 'SIGKILL')
  }
  await child.exited
  return { exitCode: child.exitCode ?? -1, text: text + (await errors) }
}
for (const database of databases) {
  describe(`the Python extractor's tables on ${database.label}`, () => {
    const isMongo = database.server?.kind === 'mongodb'
    const variable = isMongo ? 'MONGODB_URI' : 'MYSQL_URI'

    test(
      'are taken over, interrupted anywhere, and the store is the market',
      async () => {
        const place = await database.place(workFolder())
        await (isMongo ? fillPythonMongodb : fillPythonMysql)(place.uri, tables, rates)
        const env = { DB_ADAPTER: database.server?.kind ?? '', [variable]: place.uri }
        for (const cut of [/set aside: python_klines_m15/, /15m: 3 symbols/]) {
          const killed = await takeOver(env, cut)
          expect([killed.exitCode, killed.text]).not.toEqual([0, killed.text])
        }
        const ended = await takeOver(env)
        // LUNA's frozen candles are lost for good, and told.
        expect([ended.exitCode, ended.exitCode === 3 ? '' : ended.text]).toEqual([3, ''])
        expect(ended.text).toContain('LUNAUSDT 15m: nobody has it any more')
        expect(await differences(place.contents, [...market, kept])).toEqual([])
        const names = await database.server?.tables(place.uri)
        for (const name of ['python_klines_m15', 'python_klines_h1', 'python_funding_rates'])
          expect(names).toContain(name)
        const before = await place.contents.dump()
        const readers = isMongo ? null : await database.server?.fresh()
        const viewsIn = readers ? ['--views-in', new URL(readers.uri).pathname.slice(1)] : []
        expect((await takeOver(env, undefined, viewsIn)).exitCode).toBe(3)
        expect(await place.contents.dump()).toBe(before)
        if (isMongo) await expectMongoReader(place.uri)
        else await expectMysqlReader(place.uri, 'klines_m15_python')
        if (readers) await expectMysqlReader(readers.uri, 'klines_m15')
        await readers?.drop()
        expect(ended.text).not.toContain(
          new URL(place.uri.replace(/^mongodb/, 'http')).password || 'a password',
        )
      },
      LIMIT_MS,
    )
  })
}

/** The newest candle by the query that old readers ask, with what the view makes of it. */
async function expectMysqlReader(uri: string, view: string): Promise<void> {
  const text =
    'SELECT timestamp, open_price, high_price, low_price, close_price, volume, id, `interval` ' +
    `FROM ${view} WHERE symbol = 'BTCUSDT' ORDER BY timestamp DESC LIMIT 250`
  const rows = await onConnection(connectMysql(`${uri}?timezone=Z`), ({ query }) => query(text))
  expect(rows).toHaveLength(250)
  expect(rows[0]).toMatchObject({ timestamp: new Date('2024-03-21T23:45Z'), interval: '15m' })
  expect(rows[0]?.id).toBe(`BTCUSDT_${Date.parse('2024-03-21T23:45Z')}`)
}

async function expectMongoReader(uri: string): Promise<void> {
  const rows = await onMongoDatabase(uri, (database) =>
    database.collection('klines_m15_python').find({ symbol: 'BTCUSDT' }).sort({ timestamp: -1 }).toArray(),
  )
  expect(rows[0]).toMatchObject({ timestamp: new Date('2024-03-21T23:45Z'), interval: '15m' })
  expect(rows[0]?.id).toBe(`BTCUSDT_${Date.parse('2024-03-21T23:45Z')}`)
  expect(typeof rows[0]?.open_price).toBe('number')
}

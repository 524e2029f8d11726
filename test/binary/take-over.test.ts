// The take-over of the Python extractor's tables, on real servers: filled with its defects, interrupted
// wherever it is, and in the end the store is the market, digit for digit. The old tables are still there.
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Period } from '../../src/core/series.ts'
import { spanText } from '../../src/core/span.ts'
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
/** The same, and what the old tables have of it is good; one candle is missing, at a page's border. */
const gone = usdt('GONE', { endsAtMs: Date.parse('2024-03-15T00:00Z') })
const holeSpan = { startMs: Date.parse('2024-03-14T09:45Z'), endMs: Date.parse('2024-03-14T10:00Z') }
/** Only the archives have its candles, and no archive its rates: the month was not over. */
const late = usdt('LATE', {
  ...{ listedAtMs: Date.parse('2024-03-10T00:00Z'), endsAtMs: Date.parse('2024-03-16T00:00Z') },
  onlyInArchives: true,
})
const lateSpan = { ...span, endMs: late.endsAtMs ?? 0 }

const lunaTable: OldTable = {
  ...{ spec: luna, period: '15m' },
  span: { ...span, endMs: Date.parse('2024-03-15T00:00Z') },
}
const goneTable: OldTable = {
  ...{ spec: gone, period: '15m' },
  span: { ...span, endMs: Date.parse('2024-03-14T11:00Z') },
}
const tables: readonly OldTable[] = [
  ...[btc, shib, dust].map((spec): OldTable => ({ spec, period: '15m', span })),
  { spec: btc, period: '1h', span },
  lunaTable,
]
const rates = [
  { spec: btc, span },
  { spec: luna, span: lunaTable.span },
]

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
/** The rows of a table that were not frozen, as spans of a candle each. */
const keptOf = (table: OldTable): Expectation => ({
  ...{ spec: table.spec, period: '15m', closedBeforeMs: NOW_MS },
  spans: oldRows(table).flatMap(({ flaw, fields }) => {
    const startMs = Date.parse(`${fields.open_time}Z`.replace(' ', 'T'))
    return flaw ? [] : [{ startMs, endMs: startMs + 15 * 60_000 }]
  }),
})

afterAll(removeWorkFolders)
const databases = (await findBinaryDatabases()).filter(({ label }) => /mysql|mariadb|mongodb/.test(label))

let exchange: SpawnedExchange
beforeEach(async () => {
  const symbols = [btc, shib, dust, late]
  exchange = await spawnExchange({ symbols, clock: { manualMs: NOW_MS }, limits: NO_LIMITS })
})
afterEach(() => exchange.stop())

type Ended = { readonly exitCode: number; readonly text: string }

/** What is done once the take-over has said something: it is killed with its child, or anything else. */
type Then = { readonly said: RegExp; readonly act?: () => Promise<void> }

/** Runs the take-over. */
async function takeOver(
  env: Record<string, string>,
  then?: Then,
  words: readonly string[] = [],
): Promise<Ended> {
  const script = join(project, 'deploy', 'migrate', 'take-over.ts')
  const child = Bun.spawn([process.execPath, script, ...words], {
    // A group of its own, to be killed as one with the program that it runs.
    detached: true,
    cwd: workFolder(),
    env: { PATH: process.env.PATH, ...exchangeEnv(exchange.url), LOG_FORMAT: 'json', ...env },
    ...({ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' } as const),
  })
  const errors = new Response(child.stderr).text()
  const act = then?.act ?? (async () => void process.kill(-child.pid, 'SIGKILL'))
  let text = ''
  let isDone = false
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString()
    if (isDone || !then?.said.test(text)) continue
    isDone = true
    await act()
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
        for (const said of [/set aside: python_klines_m15/, /15m: 3 symbols/]) {
          const killed = await takeOver(env, { said })
          expect([killed.exitCode, killed.text]).not.toEqual([0, killed.text])
        }
        const ended = await takeOver(env)
        // LUNA's frozen candles are lost for good, and told.
        expect([ended.exitCode, ended.exitCode === 3 ? '' : ended.text]).toEqual([3, ''])
        expect(ended.text).toContain('LUNAUSDT 15m: nobody has it any more')
        for (const series of ['um/klines/LUNAUSDT/15m', 'um/funding/LUNAUSDT'])
          expect(ended.text).toContain(`open: ${series} `)
        expect(await differences(place.contents, [...market, keptOf(lunaTable)])).toEqual([])
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

    test(
      'what cannot be told for certain is not written off, and what nobody has is named',
      async () => {
        const place = await database.place(workFolder())
        const known: readonly OldTable[] = [
          { spec: btc, period: '1h', span },
          { spec: late, period: '15m', span: lateSpan },
        ]
        const fill = isMongo ? fillPythonMongodb : fillPythonMysql
        await fill(place.uri, [goneTable, ...known], [{ spec: late, span: lateSpan }])
        const env = { DB_ADAPTER: database.server?.kind ?? '', [variable]: `${place.uri}\n` }
        // Without the list of the archives every delisted symbol would count as gone.
        const python = (from: string) => ({ PYTHON_DATABASE_URI: from })
        const refused: readonly (readonly [number, Record<string, string>, readonly string[]])[] = [
          [75, { BINANCE_ARCHIVE_LISTING_URL: 'http://127.0.0.1:9' }, []],
          [2, {}, ['--views-in', 'nobody_made_it']],
          [75, python(place.uri.replace(/(?<=:\/\/([^/@]*@)?)[^/@]*(?=\/)/, '127.0.0.1:9')), []],
          ...(isMongo ? [] : [[2, python(place.uri.replace(/:[^:@]*@/, ':wrong@')), []] as const]),
          ...(isMongo ? [] : [[2, python(`${place.uri}?ssl-mode=VERIFY_CA`), []] as const]),
        ]
        for (const [exitCode, more, words] of refused) {
          const run = await takeOver({ ...env, ...more }, undefined, words)
          expect([more, run.exitCode, run.text]).toEqual([
            more,
            exitCode,
            expect.not.stringContaining('defect'),
          ])
        }
        expect(await database.server?.tables(place.uri)).not.toContain('python_klines_m15')
        // Rules of other jobs and lost connections change nothing.
        const config = join(workFolder(), 'petrosa.yaml')
        await Bun.write(config, 'exclude: "BTC*"\nquote: BUSD\n')
        const act = async (): Promise<void> => (isMongo ? undefined : killConnections(place.uri))
        const narrow = { ...env, CONFIG: config, SOURCE: 'rest', SHARD: '0/7' }
        const ended = await takeOver(narrow, { said: /1h: 1 symbols/, act })
        expect([ended.exitCode, ended.exitCode === 3 ? '' : ended.text]).toEqual([3, ''])
        expect(ended.text).toContain(`open: um/klines/GONEUSDT/15m ${spanText(holeSpan)}: nobody`)
        const open = ['um/klines/LATEUSDT/15m', 'um/klines/GONEUSDT/15m', 'um/funding/LATEUSDT']
        expect(ended.text.match(/(?<=^open: )\S+/gm)?.toSorted()).toEqual(open.toSorted())
        const lateCandles = { ...expectation(late, '15m'), spans: [lateSpan] }
        const stored = [expectation(btc, '1h'), lateCandles, keptOf(goneTable)]
        expect(await differences(place.contents, stored)).toEqual([])
      },
      LIMIT_MS,
    )
  })
}

/** Ends all connections to the database but the one that does it. */
async function killConnections(uri: string): Promise<void> {
  await onConnection(connectMysql(uri), async ({ query }) => {
    const text =
      'SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()'
    for (const { id } of await query(text)) await query(`KILL ${id}`).catch(() => undefined)
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
  const row = rows[0] ?? {}
  const [open, close] = [Number(row.open_price), Number(row.close_price)]
  expect(typeof row.open_price).toBe('number')
  expect(row.price_change).toBeCloseTo(close - open, 8)
  expect(row.price_change_percent).toBeCloseTo(((close - open) / open) * 100, 3)
}

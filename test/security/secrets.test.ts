// Secrets are planted wherever one may be given: passwords in addresses, the API key, the API token, as
// variable, as file, in --config and on the command line. Then the program runs into every kind of failure,
// with its log at debug, and no secret may stand in anything that it said: not as it is, not encoded.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { exchangeEnv } from '../rig/bench.ts'
import { removeWorkFolders, runPetrosa, workFolder } from '../rig/run-petrosa.ts'
import { servePetrosa } from '../rig/serve-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

const SECRET = 'Pl4nted/Se:cret@&=?'
const PLAIN = 'Pl4ntedPl4in'

/** Every way in which a secret could be read from text. */
function readings(secret: string): readonly string[] {
  const encoded = [encodeURIComponent(secret), encodeURI(secret), JSON.stringify(secret).slice(1, -1)]
  const bytes = Buffer.from(secret)
  // Without the last characters, which depend on what follows.
  return [secret, ...encoded, bytes.toString('base64').slice(0, -4), bytes.toString('hex')]
}
const found = (text: string): readonly string[] =>
  [SECRET, PLAIN].flatMap(readings).filter((reading) => text.toLowerCase().includes(reading.toLowerCase()))

const symbols = (['spot', 'um'] as const).map((market) => ({
  ...{ market, symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs: Date.UTC(2024, 0, 1) },
}))

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols, clock: { startMs: Date.parse('2024-03-22T00:00:30Z') } })
})
afterAll(async () => {
  await exchange.stop()
  await removeWorkFolders()
})

const secret = encodeURIComponent(SECRET)
/** The address of a server as a URI of the environment names it, with other words for who asks. */
const asking = (uri: string | undefined, scheme: string, port: number): string => {
  const host = uri ? new URL(uri.replace(/^\w+:/, 'http:')).host : `127.0.0.1:${port}`
  return `${scheme}://petrosa:${secret}@${host}/petrosa_secrets`
}
const addresses: Readonly<Record<string, readonly string[]>> = {
  postgresql: [asking(Bun.env.TEST_POSTGRESQL_URI, 'postgres', 1), `postgres://u:${secret}@127.0.0.1:1/x`],
  mysql: [
    asking(Bun.env.TEST_MARIADB_URI, 'mysql', 1),
    asking(Bun.env.TEST_MYSQL_URI, 'mysql', 1),
    `mysql://u:${secret}@127.0.0.1:1/x?ssl-mode=frob`,
    `mysql://u:${secret}@127.0.0.1:1`,
  ],
  mongodb: [
    `${asking(Bun.env.TEST_MONGODB_URI, 'mongodb', 1)}?serverSelectionTimeoutMS=300`,
    `mongodb://u:${secret}@127.0.0.1:1/x?w=0`,
    `mongodb://u:${secret}@127.0.0.1:1,127.0.0.1:2/x?serverSelectionTimeoutMS=300`,
  ],
  sqlite: [`postgres://u:${secret}@h/x`, `frob://u:${secret}@h/x`],
}
const cases = Object.entries(addresses).flatMap(([kind, uris]) => uris.map((uri) => [kind, uri] as const))
const variables: Readonly<Record<string, string>> = {
  postgresql: 'POSTGRESQL_URI',
  mysql: 'MYSQL_URI',
  mongodb: 'MONGODB_URI',
  sqlite: 'SQLITE_PATH',
}

/** Runs the program with its log at debug; gives all that it said, and its code. */
async function saidBy(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const planted = { BINANCE_API_KEY: PLAIN, API_TOKEN: SECRET, LOG_LEVEL: 'debug', LOG_FORMAT: 'json' }
  const cwd = workFolder()
  const run = await runPetrosa(words, { cwd, env: { ...exchangeEnv(exchange.url), ...planted, ...env } })
  return { text: run.stdout + run.stderr, exitCode: run.exitCode }
}

describe('planted secrets', () => {
  test('the search sees them, however they are written', () => {
    const text = [`x ${SECRET}`, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('base64')]
    for (const one of text) expect(found(`said ${one} here`)).not.toEqual([])
    expect(found('postgres://u:***@h/x')).toEqual([])
  })

  test.each(cases)('%s that fails: %#', async (kind, uri) => {
    const variable = variables[kind] ?? ''
    const file = join(workFolder(), 'secret')
    await Bun.write(file, `${uri}\n`)
    const config = join(workFolder(), 'petrosa.yaml')
    await Bun.write(config, `db: ${kind}\n${variable}: "${uri}"\n`)
    const rows = ['--symbols', 'BTCUSDT', '--period', '1h']
    const runs = await Promise.all([
      saidBy(['klines', ...rows, '--db', kind], { [variable]: uri }),
      saidBy(['check', '--json'], { DB_ADAPTER: kind, [`${variable}_FILE`]: file }),
      saidBy(['status', '--config', config]),
      saidBy(['gaps', '--fill', '--db', kind, '--db-uri', uri]),
      saidBy(['klines', ...rows, '--dry-run', '--json', '--db', kind, '--db-uri', uri]),
    ])
    for (const { text, exitCode } of runs) {
      expect(found(text)).toEqual([])
      expect([2, 75]).toContain(exitCode)
      expect(text).not.toBe('')
    }
  })

  test('addresses that are of somebody else: what answers there is named without the password', async () => {
    const url = `${exchange.url.replace('://', `://u:${secret}@`)}/nowhere`
    const rows = ['klines', '--symbols', 'BTCUSDT', '--period', '1h', '--start', '2024-03-01', '--json']
    const runs = await Promise.all([
      saidBy(['check', '--json'], { BINANCE_API_URL: url }),
      saidBy(['check'], { BINANCE_ARCHIVE_URL: url, BINANCE_ARCHIVE_LISTING_URL: url, SOURCE: 'archive' }),
      saidBy(rows, { BINANCE_API_URL: url }),
      saidBy(rows, { BINANCE_ARCHIVE_LISTING_URL: url, SOURCE: 'auto' }),
      saidBy(rows, { BINANCE_ARCHIVE_LISTING_URL: url, SOURCE: 'archive' }),
    ])
    for (const { text } of runs) expect(found(text)).toEqual([])
    expect(runs.filter(({ text }) => text.includes('://u:***@')).length).toBeGreaterThanOrEqual(4)
  })

  test('words and files that make no sense', async () => {
    const config = join(workFolder(), 'petrosa.yaml')
    await Bun.write(
      config,
      `BINANCE_API_KEY: ["${PLAIN}", {x: "${SECRET}"}]\nAPI_TOKEN:\n  - {a: "${SECRET}"}\n`,
    )
    const url = `http://u:${secret}@127.0.0.1:1`
    const runs = await Promise.all([
      saidBy(['klines', '--config', config]),
      saidBy(['trades', '--market', 'um', '--kind', 'raw', '--symbols', 'BTCUSDT', '--start', '40d']),
      saidBy(['klines', '--symbols', 'BTCUSDT'], { BINANCE_API_URL: url, BINANCE_ARCHIVE_URL: url }),
      saidBy(['symbols'], { BINANCE_API_URL: url, HTTPS_PROXY: url, HTTP_PROXY: url }),
      saidBy(['klines', '--symbols', 'BTCUSDT'], { API_TOKEN_FILE: `/nonexistent/x` }),
      saidBy(['serve', '--port', 'frob']),
    ])
    for (const { text } of runs) expect(found(text)).toEqual([])
  })

  test.each(
    [
      ['klines', '--symbols', 'ADDRESS'],
      ['klines', '--db', 'ADDRESS'],
      ['klines', '--shard', 'ADDRESS'],
      ['klines', 'ADDRESS'],
      ['ADDRESS'],
      ['status', '--config', 'ADDRESS'],
      ['klines', '--start', 'ADDRESS', '--json'],
    ].map((words) => [words.join(' '), words] as const),
  )('an address in the wrong place: %s', async (_, words) => {
    const uri = `postgres://petrosa:${secret}@db.example/market`
    const said = await saidBy(words.map((word) => word.replace('ADDRESS', uri)))
    expect([found(said.text), said.exitCode]).toEqual([[], 2])
    const { text } = await saidBy(['klines', '--dry-run'], {
      PERIODS: uri,
      DEFAULT_SYMBOLS: uri,
      MARKET: uri,
    })
    expect(found(text)).toEqual([])
  })

  test('what the exchange echoes, and what it is sent', async () => {
    const rows = [
      'trades',
      '--market',
      'um',
      '--kind',
      'raw',
      '--symbols',
      'BTCUSDT',
      '--lookback-hours',
      '1',
    ]
    const { text } = await saidBy([...rows, '--db', 'sqlite'])
    expect(found(text)).toEqual([])
    const log = JSON.stringify(await exchange.log())
    // A key goes where it is needed, as a header, and never into an address.
    expect(found(log.replaceAll(/"(apiKey|headers?)":("[^"]*"|\{[^}]*\})/g, ''))).toEqual([])
  })

  test('serving: no route and no line of the log tells the token, given or guessed', async () => {
    const env = {
      ...exchangeEnv(exchange.url),
      ...{ API_TOKEN: SECRET, BINANCE_API_KEY: PLAIN, LOG_LEVEL: 'debug', LOG_FORMAT: 'json' },
    }
    const words = ['serve', '--symbols', 'BTCUSDT', '--period', '1h']
    const serving = await servePetrosa(words, { cwd: workFolder(), env })
    await serving.passes(1)
    const routes = [
      '/',
      '/healthz',
      '/ready',
      '/metrics',
      '/status',
      '/api/status',
      '/api/gaps',
      '/openapi.json',
      '/x',
    ]
    const texts = await Promise.all(routes.map(async (route) => (await serving.get(route)).text()))
    for (const token of [SECRET, `${SECRET}x`, 'guess']) {
      const headers = { authorization: `Bearer ${token}` }
      const answer = await serving.get('/api/run', { method: 'POST', headers })
      texts.push(await answer.text(), JSON.stringify([...answer.headers]))
    }
    const run = await serving.stop()
    expect(found(texts.join('\n') + run.stdout + run.stderr)).toEqual([])
  })
})

// Whatever comes from outside ends in a value or in an error that says what to do: never in a crash, never in
// an answer of the wrong kind, never in more work than its size allows.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseKey } from '../../src/binance/archive-paths.ts'
import { decodeArrays } from '../../src/binance/decode.ts'
import { decodeObjects } from '../../src/binance/decode-objects.ts'
import { parseExchangeError, readServerTime } from '../../src/binance/json.ts'
import { readListingPage } from '../../src/binance/listing-page.ts'
import { zipMember } from '../../src/binance/zip.ts'
import { commands } from '../../src/cli/all.ts'
import { runProgram } from '../../src/cli/program.ts'
import { datasets } from '../../src/datasets/all.ts'
import { MalformedError, PetrosaError } from '../../src/errors.ts'
import { readConfigFile } from '../../src/settings/config-file.ts'
import { settingEntries } from '../../src/settings/table.ts'
import { deflatedMember, fragmentOf, zipOf } from '../rig/archive-zip.ts'
import { runsFor } from '../rig/seed.ts'
import { servedRig } from '../rig/served.ts'
import { testWorld } from '../rig/world.ts'

const runs = runsFor('test/security/fuzz.test.ts', 200)

/** Text with what breaks parsers: other scripts, controls, quotes, escapes, halves of pairs. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '-',
    '--',
    '\0',
    '__proto__',
    '../../etc/passwd',
    '%00',
    "' OR 1=1 --",
    '$(id)',
    '9'.repeat(400),
  ),
)

/** Runs `work`; what it throws must be an error of ours. */
function onlyOurs(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof PetrosaError)) throw error
  }
}

describe('settings', () => {
  const flags = settingEntries.flatMap(([, { flag }]) => (flag === null ? [] : [`--${flag}`]))
  const variables = settingEntries.flatMap(([, { variable }]) => variable ?? [])
  const names = commands.map(({ name }) => name).filter((name) => name !== 'serve')

  test('any words and variables end in what was found, or in one line that is no stack', async () => {
    const words = fc.array(fc.oneof(fc.constantFrom(...flags), nasty), { maxLength: 6 })
    const env = fc.dictionary(fc.constantFrom(...variables.filter((name) => name !== 'SERVE')), nasty)
    const property = fc.asyncProperty(
      fc.constantFrom(...names),
      words,
      env,
      async (name, given, variablesOf) => {
        const nowhere = { SQLITE_PATH: '/nonexistent/petrosa.db', DB_ADAPTER: 'sqlite' }
        const world = testWorld({
          env: { ...variablesOf, ...nowhere },
          // No file has any name, not even that of a prototype.
          files: Object.create(null),
          fetch: async () => new Response('', { status: 451 }),
        })
        const ordinary = given.filter((word) => !/^--(serve|db|db-uri|db-adapter)/.test(word))
        const code = await runProgram([name, ...ordinary], world)
        expect([name, ordinary, [0, 2, 3, 75].includes(code), code]).toEqual([name, ordinary, true, code])
        expect(world.err()).not.toMatch(/^ +at .*:\d+/m)
      },
    )
    await fc.assert(property, runs)
  })

  test('any YAML is read, or refused with its line', () => {
    fc.assert(
      fc.property(fc.oneof(nasty, fc.lorem(), fc.json()), (text) =>
        onlyOurs(() => readConfigFile(text, 'x.yaml')),
      ),
      runs,
    )
  })

  test('a YAML that would grow a thousand times, nest without end, or make objects, is refused', () => {
    const laughs = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, i) => {
        const one = `*${'abcdefgh'[i]}`
        return `${name}: &${name} [${Array(10).fill(one).join(',')}]`
      }),
    ].join('\n')
    expect(() => readConfigFile(laughs, 'x.yaml')).toThrow('takes a value')
    for (const deep of [`a: ${'['.repeat(20_000)}`, `${'- '.repeat(20_000)}x`, `${'{a: '.repeat(10_000)}`])
      expect(() => readConfigFile(deep, 'x.yaml')).toThrow(PetrosaError)
    onlyOurs(() => readConfigFile('__proto__: {polluted: 1}\nconstructor: x', 'x.yaml'))
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe('HTTP', () => {
  const paths = [
    '/',
    '/healthz',
    '/ready',
    '/metrics',
    '/api/status',
    '/api/gaps',
    '/api/klines',
    '/events',
    '/status',
    '/openapi.json',
    '/api/run',
    '/api/gaps/fill',
  ]

  test('any request is answered, and never by a defect', async () => {
    const query = fc.dictionary(
      fc.constantFrom('market', 'symbol', 'period', 'start', 'end', 'series', 'open', 'x'),
      nasty,
    )
    const property = fc.asyncProperty(
      fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
      fc.oneof(
        fc.constantFrom(...paths),
        nasty.map((text) => `/${encodeURIComponent(text.toWellFormed())}`),
      ),
      query,
      nasty,
      async (method, path, parameters, body) => {
        const rig = servedRig({ token: 'a-token' })
        const url = `${path}?${new URLSearchParams(parameters)}`
        const bearer = { authorization: 'Bearer a-token' }
        const response = await rig.ask(url, {
          method,
          headers: bearer,
          ...(method === 'GET' ? {} : { body }),
        })
        await response.body?.cancel()
        expect([url, response.status < 500, rig.defects]).toEqual([url, true, []])
      },
    )
    await fc.assert(property, runs)
  })

  test('a body without end is not kept', async () => {
    const rig = servedRig({ token: 'a-token' })
    const headers = { authorization: 'Bearer a-token', 'content-type': 'application/json' }
    const response = await rig.ask('/api/run', {
      method: 'POST',
      headers,
      body: `"${'x'.repeat(20_000_000)}"`,
    })
    expect([400, 413]).toContain(response.status)
  })
})

/** Bytes that are nearly a body of the exchange: some are changed, cut or doubled. */
const damaged = (bodies: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom(...bodies),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
      fc.nat(500),
    )
    .map(([body, changes, length]) => {
      const bytes = Buffer.from(body)
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
      return bytes.subarray(0, length % 3 === 0 ? length : bytes.length)
    })

describe('bodies of the exchange', () => {
  const candle = '[1710374400000,"1.0","2.0","0.5","1.5","10",1710374459999,"15",3,"5","7.5","0"]'
  const trade = '{"id":1,"price":"1.5","qty":"2","quoteQty":"3","time":1710374400000,"isBuyerMaker":true}'
  const aggregate = '{"a":1,"p":"1.5","q":"2","f":1,"l":2,"T":1710374400000,"m":false}'
  const rate = '{"symbol":"BTCUSDT","fundingTime":1710374400000,"fundingRate":"0.0001","markPrice":"1.5"}'
  const bodies = [candle, trade, aggregate, rate].flatMap((row) => [`[${row}]`, `[${row},${row}]`])
  const others = [
    '[]',
    '{}',
    'null',
    '',
    '<html>',
    '[[[[[[',
    `[${'['.repeat(5_000)}`,
    '{"code":-1121,"msg":"x"}',
    '[1e999]',
  ]

  test('any bytes are rows, or malformed', () => {
    const bytes = fc.oneof(
      damaged([...bodies, ...others]),
      fc.uint8Array({ maxLength: 200 }).map((one) => Buffer.from(one)),
    )
    const property = fc.property(bytes, (body) => {
      for (const dataset of datasets) {
        const [table] = dataset.tables
        const shape = dataset.rest(dataset.markets[0] ?? 'spot')
        if (!table) continue
        try {
          if (shape.kind === 'arrays') decodeArrays(body, table.columns, shape.columns)
          else decodeObjects(body, table.columns, shape)
        } catch (error) {
          if (!(error instanceof MalformedError)) throw error
        }
      }
      onlyOurs(() => readServerTime(body))
      parseExchangeError(body.toString())
    })
    fc.assert(property, runs)
  })
})

describe('archives', () => {
  const PREFIX = 'data/spot/daily/klines/BTCUSDT/1m/'

  test('a listing with entities of its own is refused, and no file and no growth comes of it', () => {
    const entity = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "&c;&c;">]>'
    const file = `<Contents><Key>${PREFIX}&a;</Key><Size>1</Size></Contents>`
    const inner = `<Prefix>${PREFIX}</Prefix><IsTruncated>false</IsTruncated>${file}`
    const page = `<ListBucketResult>${inner}</ListBucketResult>`
    expect(() => readListingPage(entity + page, PREFIX)).toThrow(MalformedError)
    expect(() => readListingPage(page, PREFIX)).toThrow(MalformedError)
  })

  test('names that lead out of the folder are no archives', () => {
    for (const name of [
      '../../../etc/passwd',
      '..%2f..%2fx.zip',
      'BTCUSDT-1m-2024-01-01.zip/../x.zip',
      '/etc/x.zip',
    ])
      expect(parseKey(`${PREFIX}${name}`, `${PREFIX}BTCUSDT-1m-`, 'day')).toBeNull()
  })

  test('a zip whose member has another name, or is damaged, is refused before it is inflated', async () => {
    const NAME = 'BTCUSDT-1m-2024-01.csv'
    const zipped = (name: string) =>
      Buffer.concat(zipOf([deflatedMember(name, [fragmentOf('one,two\n')])], Date.UTC(2024, 0, 1)))
    const look = (bytes: Buffer) =>
      zipMember({ length: bytes.length, read: async (at, length) => bytes.subarray(at, at + length) }, NAME)
    for (const name of ['../../../tmp/x', '/etc/passwd', `x/../${NAME}`, `${NAME}\0`])
      expect(look(zipped(name))).rejects.toThrow(MalformedError)
    const property = fc.asyncProperty(damaged([zipped(NAME).toString('latin1')]), async (latin) => {
      const bytes = Buffer.from(latin.toString(), 'latin1')
      const member = await look(bytes).catch((error: unknown) => {
        if (!(error instanceof MalformedError)) throw error
        return null
      })
      expect(member === null || member.at + member.packedBytes <= bytes.length).toBe(true)
    })
    await fc.assert(property, runs)
  })
})

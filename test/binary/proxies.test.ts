// Proxies, as the environment names them. The exchange has a name here that no resolver knows, so what
// arrives has gone through the proxy.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import { type LocalProxy, startProxy } from '../rig/proxy.ts'
import { removeWorkFolders, tail, workFolder } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const spec = plainSymbol('AAAUSDT')
const flags = ['--symbols', 'AAAUSDT', '--period', '1h', '--lookback-hours', '48']
const startMs = Date.parse('2024-03-20T00:00Z')
const expected = [{ spec, period: '1h', spans: [{ startMs, endMs: nowMs }], closedBeforeMs: nowMs }] as const
/** A name that nobody can resolve (RFC 6761). */
const NOWHERE = 'exchange.invalid'
/** A port that nobody listens on. */
const DEAD = 'http://127.0.0.1:9'

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: [spec], clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

let proxy: LocalProxy | null = null
afterEach(() => proxy?.stop())

/** A certificate for the exchange's name, made anew; null where there is no openssl. */
function makeCertificate(): { key: string; cert: string; path: string } | null {
  const openssl = Bun.which('openssl')
  if (!openssl) return null
  const folder = workFolder()
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const names = ['-subj', `/CN=${NOWHERE}`, '-addext', `subjectAltName=DNS:${NOWHERE}`, '-days', '2']
  const run = Bun.spawnSync([openssl, ...request, ...names, '-keyout', key, '-out', cert])
  if (!run.success) throw new Error(`openssl made no certificate: ${run.stderr}`)
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), path: cert }
}
const certificate = makeCertificate()
if (!certificate) console.warn('no openssl: the test of https through a proxy is skipped')

describe('proxies', () => {
  test.each(['HTTP_PROXY', 'http_proxy'])('%s: plain http goes through it', async (variable) => {
    proxy = await startProxy(exchange.url)
    const at = await bench(exchange)
    const run = await at.klines(flags, {
      env: { [variable]: proxy.url, BINANCE_API_URL: `http://${NOWHERE}` },
    })
    expect(tail(run)).toStartWith('exit 0')
    expect(proxy.asked[0]).toBe(`GET http://${NOWHERE}/api/v3/time`)
    expect(await differences(at.contents, expected)).toEqual([])
  })

  test.skipIf(!certificate).each(['HTTPS_PROXY', 'https_proxy'])(
    '%s: https goes through a tunnel',
    async (variable) => {
      proxy = await startProxy(exchange.url, certificate)
      const at = await bench(exchange)
      const env = { [variable]: proxy.url, BINANCE_API_URL: `https://${NOWHERE}` }
      const trusted = { ...env, NODE_EXTRA_CA_CERTS: certificate?.path ?? '' }
      const run = await at.klines(flags, { env: trusted })
      expect(tail(run)).toStartWith('exit 0')
      expect(proxy.asked[0]).toBe(`CONNECT ${NOWHERE}:443`)
      expect(await differences(at.contents, expected)).toEqual([])
      // The same proxy, and nobody who vouches for its certificate.
      const wary = await at.klines(flags, { env })
      expect(tail(wary)).toStartWith('exit 2\n')
      expect(wary.result().errors[0]).toMatch(
        /certificate of exchange\.invalid is not trusted.*NODE_EXTRA_CA_CERTS/,
      )
    },
  )

  test.each(['NO_PROXY', 'no_proxy'])('%s: what it names is asked directly', async (variable) => {
    const at = await bench(exchange)
    const run = await at.klines(flags, { env: { HTTP_PROXY: DEAD, [variable]: 'localhost,127.0.0.1' } })
    expect(tail(run)).toStartWith('exit 0')
    expect(await differences(at.contents, expected)).toEqual([])
  })

  test('a proxy of a kind that is not supported is refused, and said so', async () => {
    const at = await bench(exchange)
    const env = { HTTP_PROXY: 'socks5://127.0.0.1:9', BINANCE_API_URL: `http://${NOWHERE}` }
    const run = await at.klines(flags, { env })
    expect(tail(run)).toStartWith('exit 2\n')
    expect(run.result().errors[0]).toMatch(
      /proxy's protocol is not supported.*http:\/\/ or https:\/\/ proxies/,
    )
  })
})

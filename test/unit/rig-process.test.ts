// The exchange as a process: it listens, obeys, and is gone when it should be.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { archiveReader } from '../rig/archive-reader.ts'
import { scenarios } from '../rig/scenario.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ scenario: 'fewWeeks', graceMs: 0 })
})
afterAll(() => exchange.stop())

const status = (path: string): Promise<number | string> =>
  fetch(exchange.url + path).then(
    async (response) => (await response.text()) && response.status,
    (error: unknown) => String((error as { code?: unknown }).code),
  )

test('serves its scenario, whose clock runs on from where it begins', async () => {
  const { serverTime } = (await (await fetch(`${exchange.url}/api/v3/time`)).json()) as { serverTime: number }
  expect(serverTime - scenarios.fewWeeks.nowMs).toBeLessThan(60_000)
  expect(serverTime).toBeGreaterThanOrEqual(scenarios.fewWeeks.nowMs)
  const symbol = encodeURIComponent('币安人生USDT')
  expect(await status(`/api/v3/klines?symbol=${symbol}&interval=1d`)).toBe(200)
})

test('counts, forgets, fails and tells the time on demand', async () => {
  await exchange.resetCounts()
  await exchange.setNowMs(1_710_000_000_000)
  expect(await status('/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=3')).toBe(200)
  await exchange.setFaults({ rates: { 'error-503': 1 } })
  expect(await status('/fapi/v1/klines?symbol=BTCUSDT&interval=1h&limit=3')).toBe(503)
  await exchange.setFaults({})
  expect(await exchange.counts()).toMatchObject({ requests: 2, rowsServed: 3, byFault: { 'error-503': 1 } })
  const [first] = await exchange.log()
  expect(Math.abs((first?.atMs ?? 0) - 1_710_000_000_000)).toBeLessThan(10_000)
})

test('serves archives as its options and orders say, and counts them', async () => {
  const other = await spawnExchange({ scenario: 'fewWeeks', archives: { headers: 'always' } })
  const read = archiveReader(other.url)
  const key = 'data/spot/monthly/klines/BTCUSDT/1d/BTCUSDT-1d-2024-02.zip'
  expect(await read.csv(key)).toStartWith('open_time,')
  await other.setFaults({ archives: { rules: [{ kind: 'hidden', key }] } })
  expect(await read.status(key)).toBe(404)
  await other.setFaults({})
  await other.setNowMs(Date.parse('2024-03-02Z'))
  expect(await read.status(key)).toBe(404)
  expect((await other.counts()).archives).toMatchObject({
    zips: 3,
    byKey: { [key]: 3 },
    byStatus: { 404: 2 },
  })
  await other.stop()
})

test('an unknown order is refused, and said so', async () => {
  expect(await status('/_rig/nonsense')).toBe(405)
  const response = await fetch(`${exchange.url}/_rig/clock`, { method: 'POST', body: '{}' })
  expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('nowMs')])
})

test('goes down for a while and comes back on the same port', async () => {
  await exchange.down(150)
  await Bun.sleep(50)
  expect(await status('/api/v3/ping')).toMatch(/ConnectionRefused|ECONNREFUSED/)
  const deadlineMs = performance.now() + 5_000
  while ((await status('/api/v3/ping')) !== 200 && performance.now() < deadlineMs) await Bun.sleep(20)
  expect(await status('/api/v3/ping')).toBe(200)
})

test('ends with the standard input of whoever started it', async () => {
  const program = new URL('../rig/exchange-process.ts', import.meta.url).pathname
  const child = Bun.spawn([process.execPath, program, '{}'], { stdin: 'pipe', stdout: 'pipe' })
  const reader = child.stdout.getReader()
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toContain('"url"')
  child.stdin.end()
  expect(await child.exited).toBe(0)
})

test('says what is wrong with its options', async () => {
  const program = new URL('../rig/exchange-process.ts', import.meta.url).pathname
  const child = Bun.spawn([process.execPath, program, '{"scenario":"nope"}'], { stderr: 'pipe' })
  expect(await new Response(child.stderr).text()).toContain('no scenario nope; there are fewWeeks')
  expect(await child.exited).not.toBe(0)
})

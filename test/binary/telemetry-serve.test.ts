// OpenTelemetry while serving: every pass is a trace of its own and nothing else is one, settings count as
// they do everywhere, and a collector that does not answer holds up no stop.
import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { type Collector, startCollector } from '../rig/otlp-collector.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { eventually, servePetrosa } from '../rig/serve-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:30Z')
let exchange: SpawnedExchange
beforeAll(async () => {
  const symbols = ['AAAUSDT', 'BBBUSDT'].map((symbol) => plainSymbol(symbol))
  exchange = await spawnExchange({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

let collector: Collector
afterEach(() => collector.stop())

const words = ['klines', '--serve', '--symbols', 'AAAUSDT,BBBUSDT', '--period', '1h', '--source', 'rest']

test('every pass is a trace, and nothing else is', async () => {
  collector = startCollector()
  const { flags, folder, env } = await bench(exchange)
  const config = join(folder, 'petrosa.yaml')
  await Bun.write(config, 'metrics-per-symbol: true\n')
  const more = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_METRIC_EXPORT_INTERVAL: '500' }
  const serving = await servePetrosa([...words, ...flags, '--config', config], {
    cwd: folder,
    env: { ...env, ...more },
  })
  await serving.passes(1)
  // The probe of the store, and looks at what is stored.
  for (let i = 0; i < 5; i += 1) expect((await serving.get('/ready')).status).toBe(200)
  await eventually(async () => ((await serving.json('/api/status')).series as unknown[]).length === 2)
  expect(tail(await serving.stop())).toStartWith('exit 0')
  const roots = collector.spans.filter(({ parentId }) => parentId === '')
  expect(roots.map(({ name }) => name)).toEqual(roots.map(() => 'pass'))
  expect(roots.length).toBeGreaterThan(0)
  expect(collector.spans.some(({ name }) => name.startsWith('read '))).toBe(true)
  const written = collector.points.filter(({ metric }) => metric === 'petrosa_records_written_total')
  expect([...new Set(written.map(({ labels }) => labels.symbol))].sort()).toEqual(['AAAUSDT', 'BBBUSDT'])
})

test('a collector that does not answer: it serves, and ends on time', async () => {
  collector = startCollector({ silent: true })
  const { flags, folder, env } = await bench(exchange)
  const more = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
  const serving = await servePetrosa([...words, ...flags], { cwd: folder, env: { ...env, ...more } })
  await serving.passes(1)
  expect((await serving.get('/healthz')).status).toBe(200)
  const fromMs = performance.now()
  expect(tail(await serving.stop())).toStartWith('exit 0')
  // Two seconds at most for what is left, and two for a busy machine.
  expect(performance.now() - fromMs).toBeLessThan(4_000)
})

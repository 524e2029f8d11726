// OpenTelemetry, as a collector gets it: traces, metrics and logs of the compiled program, in both encodings;
// and what is left of it where no collector answers, which is nothing that anybody notices.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { type Collector, startCollector } from '../rig/otlp-collector.ts'
import type { SentSpan } from '../rig/otlp-messages.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { below, childrenOf, share, treeText } from '../rig/span-tree.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const symbols = ['AAAUSDT', 'BBBUSDT'].map((symbol) => plainSymbol(symbol))
const flags = ['--symbols', 'AAAUSDT,BBBUSDT', '--period', '1m', '--lookback-hours', '480']
const rows = 2 * 480 * 60

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols, clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

let collector: Collector
afterEach(() => collector.stop())

const rootOf = (spans: readonly SentSpan[]): SentSpan => {
  const found = spans.filter(({ parentId, name }) => name === 'pass' && parentId === '')
  expect(found).toHaveLength(1)
  return found[0] as SentSpan
}

describe('a collector', () => {
  test('gets the gaps that a run fills, and the rows that are missing still', async () => {
    collector = startCollector()
    const at = await bench(exchange)
    for (const range of ['2024-03-20,2024-03-21', '2024-03-21T06:00,2024-03-22']) {
      const [start = '', end = ''] = range.split(',')
      const few = ['--symbols', 'AAAUSDT,BBBUSDT', '--period', '1m', '--start', start, '--end', end]
      expect(tail(await at.klines(few))).toStartWith('exit 0')
    }
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
    const run = await at.run(['gaps', '--fill', '--end', '2024-03-22'], { env })
    expect(run.result()).toMatchObject({ gaps_found: 2, gaps_filled: 2 })
    const names = ['gaps_found_total', 'gaps_filled_total', 'gap_rows']
    const sent = names.map((name) => collector.points.findLast(({ metric }) => metric === `petrosa_${name}`))
    expect(sent.map((point) => point?.value)).toEqual([2, 2, 0])
  })

  test.each(['http/protobuf', 'http/json'])(
    'gets a pass as a tree, its metrics and its log: %s',
    async (protocol) => {
      collector = startCollector()
      const at = await bench(exchange)
      const run = await at.klines([...flags, '--log-level', 'debug'], {
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
          OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=mine',
          OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
        },
      })
      expect(tail(run)).toStartWith('exit 0')
      const { spans, asked, lines, points, resources } = collector
      const root = rootOf(spans)
      const tree = treeText(spans, root)
      const inside = below(spans, root)
      expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1)
      expect(inside).toHaveLength(spans.length - 1)
      const series = inside.filter(({ name }) => name === 'series')
      expect(series.map(({ attributes }) => attributes['petrosa.series']).sort()).toEqual([
        'spot/klines/AAAUSDT/1m',
        'spot/klines/BBBUSDT/1m',
      ])
      for (const one of series) {
        const pages = childrenOf(spans, one)
        expect(pages.map(({ name }) => name)).toEqual(pages.map(() => 'page'))
        expect(pages.reduce((sum, page) => sum + Number(page.attributes['petrosa.rows'] ?? 0), 0)).toBe(
          rows / 2,
        )
        const requests = pages
          .flatMap((page) => childrenOf(spans, page))
          .filter(({ name }) => name === 'request')
        expect(requests.length).toBeGreaterThanOrEqual(5)
        expect(requests[0]?.attributes).toMatchObject({
          'http.response.status_code': 200,
          'url.path': '/api/v3/klines',
        })
      }
      const writes = inside.filter(({ name }) => name === 'write')
      expect(writes.reduce((sum, write) => sum + Number(write.attributes['petrosa.rows']), 0)).toBe(rows)
      // What the pass does itself, between its pieces, is next to nothing.
      const pieces = inside.filter(({ name }) => name !== 'series')
      expect({ tree, accounted: share(root, pieces) >= 0.95 }).toEqual({ tree, accounted: true })
      expect(new Set(asked.map(({ path }) => path))).toEqual(
        new Set(['/v1/traces', '/v1/metrics', '/v1/logs']),
      )
      expect(asked.map(({ headers }) => headers.get('x-tenant'))).toEqual(asked.map(() => 'mine'))
      for (const resource of resources)
        expect(resource).toMatchObject({ 'service.name': 'petrosa', 'deployment.environment': 'test' })
      expect(points.find(({ metric }) => metric === 'petrosa_records_written_total')).toEqual({
        metric: 'petrosa_records_written_total',
        labels: { dataset: 'klines', market: 'spot', period: '1m' },
        value: rows,
      })
      expect(
        points.find(
          ({ metric, labels }) =>
            metric === 'petrosa_api_request_duration_seconds' && labels.endpoint === '/api/v3/klines',
        )?.value,
      ).toBe(58)
      expect(points.find(({ metric }) => metric === 'process_resident_memory_bytes')?.value).toBeGreaterThan(
        1e6,
      )
      const done = lines.find(({ body }) => body === 'klines done')
      expect(done).toMatchObject({
        severity: 'INFO',
        traceId: root.traceId,
        attributes: { rows_written: rows },
      })
      expect(run.log.find(({ message }) => message === 'klines done')).toMatchObject({
        trace_id: root.traceId,
        span_id: done?.spanId ?? '',
      })
      const ids = new Set(spans.map(({ id }) => id))
      for (const { span_id: id } of run.log.filter(({ message }) => message === 'page fetched'))
        expect(ids.has(String(id))).toBe(true)
    },
  )

  test('is told whose work it is: TRACEPARENT comes in, traceparent goes out', async () => {
    collector = startCollector()
    const at = await bench(exchange)
    const outer = { traceId: '0af7651916cd43dd8448eb211c80319c', id: 'b7ad6b7169203331' }
    const asking: (string | null)[] = []
    const onward: Bun.Server<undefined> = Bun.serve({
      port: 0,
      fetch(request): Promise<Response> {
        asking.push(request.headers.get('traceparent'))
        return fetch(request.url.replace(onward.url.origin, exchange.url))
      },
    })
    const run = await at.klines(flags, {
      env: {
        BINANCE_API_URL: onward.url.origin,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
        TRACEPARENT: `00-${outer.traceId}-${outer.id}-01`,
        OTEL_SERVICE_NAME: 'night-shift',
      },
    })
    expect(tail(run)).toStartWith('exit 0')
    await onward.stop(true)
    const { spans, asked, resources } = collector
    const ids = new Set(spans.map(({ id }) => id))
    expect(asking.length).toBeGreaterThan(10)
    for (const header of asking) {
      const [version, traceId, id = '', sampled] = header?.split('-') ?? []
      expect([version, traceId, ids.has(id), sampled]).toEqual(['00', outer.traceId, true, '01'])
    }
    expect(spans.filter(({ name }) => name === 'pass')).toMatchObject([
      { traceId: outer.traceId, parentId: outer.id },
    ])
    expect(resources[0]).toMatchObject({ 'service.name': 'night-shift' })
    expect(new Set(asked.map(({ path }) => path))).toEqual(new Set(['/v1/traces']))
  })

  test('gets nothing where it is not wanted', async () => {
    collector = startCollector()
    const at = await bench(exchange)
    const named = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
    const off = await at.klines(flags, { env: { ...named, OTEL_SDK_DISABLED: 'true' } })
    const none = {
      OTEL_METRICS_EXPORTER: 'none',
      OTEL_LOGS_EXPORTER: 'none',
      OTEL_TRACES_SAMPLER: 'always_off',
    }
    const unsampled = await at.klines(flags, { env: { ...named, ...none } })
    const grpc = await at.klines(flags, { env: { ...named, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' } })
    expect([off.exitCode, unsampled.exitCode, grpc.exitCode]).toEqual([0, 0, 0])
    expect(collector.asked).toEqual([])
    expect(off.log[0]).not.toHaveProperty('trace_id')
    expect(grpc.log[0]).toMatchObject({ level: 'WARNING' })
    expect(grpc.log[0]?.message).toContain('protocol grpc')
  })
})

describe('no collector', () => {
  test.each(['refused', 'silent'])('%s: the same result, and it ends on time', async (how) => {
    collector = startCollector({ silent: true })
    const endpoint = how === 'silent' ? collector.url : 'http://127.0.0.1:9'
    const at = await bench(exchange)
    const endings: number[] = []
    const run = await at.klines(flags, {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      onLine: ({ message }) => {
        if (message === 'klines done') endings.push(performance.now())
      },
    })
    const endedMs = performance.now()
    expect(tail(run)).toStartWith('exit 0')
    expect(run.result()).toMatchObject({ rows_written: rows, errors: [] })
    // Two seconds at most for what is left, and one for a busy machine.
    expect(endedMs - (endings[0] ?? 0)).toBeLessThan(3_000)
    if (how === 'silent') expect(collector.asked.length).toBeGreaterThan(0)
    const told = run.log.filter(({ level }) => level === 'WARNING')
    expect(told.map(({ message }) => message)).toEqual(['telemetry does not arrive'])
    expect(told[0]?.reason).toBe('what was left was not taken within 2 s')
  })

  test('something else listens there: what it says is told, without a stack', async () => {
    collector = startCollector()
    const other = Bun.serve({ port: 0, fetch: () => new Response('what?', { status: 404 }) })
    const at = await bench(exchange)
    const run = await at.klines(flags, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: other.url.origin } })
    await other.stop(true)
    expect(tail(run)).toStartWith('exit 0')
    expect(run.log.filter(({ level }) => level === 'WARNING')).toMatchObject([
      { message: 'telemetry does not arrive', reason: 'Not Found' },
    ])
  })

  test.each(['nonsense', '127.0.0.1:4318', 'collector:4318', 'grpc://127.0.0.1:4317'])(
    '%s is no address of one: it is told once, and nothing is sent anywhere',
    async (endpoint) => {
      collector = startCollector()
      const at = await bench(exchange)
      const run = await at.klines(flags, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } })
      expect(tail(run)).toStartWith('exit 0')
      expect(run.log.filter(({ level }) => level === 'WARNING').map(({ message }) => message)).toEqual([
        'traces, metrics, logs are not sent: OTEL_EXPORTER_OTLP_ENDPOINT is no http:// or https:// address',
      ])
    },
  )
})

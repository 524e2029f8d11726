// The metrics: what each event adds to them, that Prometheus can read them, and that their number is bounded.
import { afterEach, describe, expect, test } from 'bun:test'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Series } from '../../src/core/series.ts'
import { MalformedError, RefusedError, UnavailableError, UserError } from '../../src/errors.ts'
import { metricTable, processTable } from '../../src/observe/metric-table.ts'
import type { Metrics } from '../../src/observe/start-metrics.ts'
import { usageOf } from '../../src/world.ts'
import { type Family, readExposition, sampleValue } from '../rig/exposition.ts'
import { batch, btc, due, eth, metricsRig, ofKlines, stopMetrics } from '../rig/metrics-rig.ts'

afterEach(stopMetrics)

describe('what is counted', () => {
  test('rows fetched and written, by dataset, market and period', async () => {
    const { metrics, read } = metricsRig()
    metrics.tell(due([[btc, null]]))
    expect(sampleValue(await read(), 'petrosa_records_written_total', ofKlines)).toBe(0)
    metrics.tell({ type: 'page-fetched', series: btc, span: { startMs: 0, endMs: 1 }, rows: 1_000 })
    metrics.tell({ type: 'page-fetched', series: eth, span: { startMs: 0, endMs: 1 }, rows: 500 })
    metrics.tell(
      batch(
        [
          [btc, 1_000],
          [eth, 500],
        ],
        1_400,
      ),
    )
    const families = await read()
    expect(sampleValue(families, 'petrosa_records_fetched_total', ofKlines)).toBe(1_500)
    expect(sampleValue(families, 'petrosa_records_written_total', ofKlines)).toBe(1_400)
    expect(sampleValue(families, 'petrosa_store_rows_per_write_sum', ofKlines)).toBe(1_500)
    expect(sampleValue(families, 'petrosa_store_write_duration_seconds_sum', ofKlines)).toBe(0.02)
  })

  test('a write without rows is no write of rows', async () => {
    const { metrics, read } = metricsRig()
    metrics.tell(batch([[btc, 0]], 0))
    expect(sampleValue(await read(), 'petrosa_store_rows_per_write_count', ofKlines)).toBeUndefined()
  })

  test('requests, by host, endpoint and code', async () => {
    const { metrics, read } = metricsRig()
    const request = { type: 'request', host: 'h', endpoint: '/e', weight: 2, durationMs: 40 } as const
    for (const code of [200, 200, 429, 0]) metrics.tell({ ...request, code })
    const families = await read()
    const requests = (code: string) =>
      sampleValue(families, 'petrosa_api_requests_total', { host: 'h', code })
    expect(['200', '429', '0', '500'].map(requests)).toEqual([2, 1, 1, undefined])
    expect(sampleValue(families, 'petrosa_api_request_duration_seconds_sum', { endpoint: '/e' })).toBeCloseTo(
      0.16,
    )
  })

  test('refusals of the exchange are there before the first one, so that alerts see it come', async () => {
    const { metrics, read } = metricsRig()
    const request = { type: 'request', host: 'h', endpoint: '/e', weight: 2, durationMs: 40 } as const
    const refused = async (): Promise<(number | undefined)[]> => {
      const families = await read()
      return ['418', '429'].map((code) => sampleValue(families, 'petrosa_api_requests_total', { code }))
    }
    metrics.tell({ ...request, code: 200 })
    expect(await refused()).toEqual([0, 0])
    metrics.tell({ ...request, code: 418 })
    metrics.tell({ ...request, code: 200 })
    expect(await refused()).toEqual([1, 0])
  })

  test('errors by a few kinds, each there from the beginning', async () => {
    const { metrics, read } = metricsRig()
    const kinds = (await read()).get('petrosa_errors_total')?.samples.map(({ labels }) => labels.kind)
    const told: readonly (readonly [string, PetrosaEvent])[] = [
      ['user', { type: 'failure', error: new UserError('x') }],
      ['unavailable', { type: 'failure', error: new UnavailableError('x') }],
      ['refused', { type: 'failure', error: new RefusedError('x') }],
      ['malformed', { type: 'failure', error: new MalformedError('x') }],
      ['defect', { type: 'defect', error: 'x' }],
      ['retried', { type: 'page-retried', host: 'h', attempt: 1, pauseMs: 1, reason: 'x' }],
      ['paused', { type: 'exchange-paused', host: 'h', untilMs: 1, reason: 'x' }],
      [
        'unsettled',
        { type: 'span-unsettled', unsettled: { series: btc, span: { startMs: 0, endMs: 1 }, reason: 'x' } },
      ],
    ]
    expect(kinds).toEqual(told.map(([kind]) => kind))
    for (const [, event] of told) metrics.tell(event)
    const families = await read()
    for (const [kind] of told)
      expect([kind, sampleValue(families, 'petrosa_errors_total', { kind })]).toEqual([kind, 1])
  })

  test('passes, reads of the store and bytes of archives', async () => {
    const { metrics, read } = metricsRig()
    const pass = { type: 'pass-served', market: 'um', dataset: 'funding', exitCode: 75 } as const
    metrics.tell({ ...pass, durationMs: 1_500 })
    metrics.tell({ type: 'store-read', operation: 'ledger', durationMs: 2 })
    metrics.tell({ type: 'archive-taken', series: btc, bytes: 5_000 })
    const families = await read()
    expect(
      sampleValue(families, 'petrosa_pass_duration_seconds_sum', { dataset: 'funding', market: 'um' }),
    ).toBe(1.5)
    expect(sampleValue(families, 'petrosa_store_read_duration_seconds_count', { operation: 'ledger' })).toBe(
      1,
    )
    expect(sampleValue(families, 'petrosa_archive_bytes_total', ofKlines)).toBe(5_000)
  })

  test('gaps that appear and go away, and the rows that are missing now', async () => {
    const { metrics, read } = metricsRig()
    const look = (series: Series, openGaps: number, gapRows: number): void =>
      metrics.tell({ type: 'series-surveyed', series, openGaps, gapRows, lacksFromMs: null })
    look(btc, 2, 30)
    look(eth, 1, 5)
    look(btc, 2, 30)
    look(btc, 1, 10)
    look(btc, 3, 12)
    const families = await read()
    expect(sampleValue(families, 'petrosa_gaps_found_total', ofKlines)).toBe(5)
    expect(sampleValue(families, 'petrosa_gaps_filled_total', ofKlines)).toBe(1)
    expect(sampleValue(families, 'petrosa_gap_rows', ofKlines)).toBe(17)
  })
})

describe('gauges that are read when they are asked for', () => {
  test('weights and the store', async () => {
    let up: boolean | null = null
    const weights = [{ host: 'h', used: 12, limit: 6_000 }]
    const { read } = metricsRig({ weights: () => weights, storeUp: () => up })
    expect(sampleValue(await read(), 'petrosa_store_up')).toBeUndefined()
    for (const [now, value] of [
      [true, 1],
      [false, 0],
    ] as const) {
      up = now
      expect(sampleValue(await read(), 'petrosa_store_up')).toBe(value)
    }
    expect(sampleValue(await read(), 'petrosa_api_weight_used', { host: 'h' })).toBe(12)
    weights.pop()
    expect(sampleValue(await read(), 'petrosa_api_weight_used', { host: 'h' })).toBeUndefined()
  })

  test('for how long a pass has not ended, also the first one, and that none is due', async () => {
    let pendingMs: number | null = null
    const { read } = metricsRig({ passPendingMs: () => pendingMs })
    const told = async (): Promise<number | undefined> =>
      sampleValue(await read(), 'petrosa_pass_pending_seconds')
    expect(await told()).toBeUndefined()
    for (const [ms, seconds] of [
      [7_200_500, 7_200.5],
      [0, 0],
    ] as const) {
      pendingMs = ms
      expect(await told()).toBe(seconds)
    }
  })

  test('the process, as the system has it', async () => {
    const families = await metricsRig().read()
    const value = (name: keyof typeof processTable): number => sampleValue(families, name) ?? Number.NaN
    const statm = await Bun.file('/proc/self/statm').text()
    const residentBytes = Number(statm.split(' ')[1]) * 4_096
    expect(value('process_resident_memory_bytes') / residentBytes).toBeGreaterThan(0.8)
    expect(value('process_resident_memory_bytes') / residentBytes).toBeLessThan(1.25)
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0)
    expect(Math.abs(value('process_start_time_seconds') - performance.timeOrigin / 1_000)).toBeLessThan(1)
    expect(value('process_open_fds')).toBeGreaterThan(2)
    expect(value('process_max_fds')).toBeGreaterThan(value('process_open_fds'))
    expect(value('nodejs_heap_size_used_bytes')).toBeLessThan(residentBytes)
    expect(value('nodejs_eventloop_lag_p50_seconds')).toBeLessThan(1)
  })

  test('the delay of the event loop is what a blocked loop costs', async () => {
    const { read } = metricsRig()
    const lags = async (): Promise<Record<string, number>> => {
      const families = await read()
      const names = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map((name) => `_${name}`)
      return Object.fromEntries(
        ['', ...names].map((name) => {
          const value = sampleValue(families, `nodejs_eventloop_lag${name}_seconds`)
          return [name, value ?? Number.NaN]
        }),
      )
    }
    // Nothing was looked at yet.
    expect(Object.values(await lags()).every((lag) => lag >= 0 && lag < 1)).toBe(true)
    await Bun.sleep(200)
    const blockedMs = 150
    const fromMs = performance.now()
    while (performance.now() - fromMs < blockedMs);
    await Bun.sleep(50)
    const { _max: longest = 0, _min: shortest = 0, _p50: half = 0, _stddev: deviation = 0 } = await lags()
    // Less what of it was left until the next look.
    expect(longest).toBeGreaterThan(blockedMs / 1_000 - 0.021)
    expect(longest).toBeGreaterThan(shortest)
    expect(half).toBeGreaterThan(0)
    expect(deviation).toBeGreaterThan(0)
  })

  test('what the system does not tell is left out', async () => {
    const usage = { ...usageOf(process), openFiles: null, mostFiles: null }
    expect(sampleValue(await metricsRig({ usage: () => usage }).read(), 'process_open_fds')).toBeUndefined()
  })
})

describe('their number', () => {
  /** A day of events of many symbols. */
  function busy(metrics: Metrics, symbols: number): void {
    const all = Array.from({ length: symbols }, (_, i): Series => ({ ...btc, symbol: `S${i}USDT` }))
    metrics.tell(due(all.map((series) => [series, null])))
    for (const series of all) {
      metrics.tell({ type: 'page-fetched', series, span: { startMs: 0, endMs: 1 }, rows: 10 })
      metrics.tell({ type: 'series-surveyed', series, openGaps: 1, gapRows: 2, lacksFromMs: null })
      metrics.tell({ type: 'archive-taken', series, bytes: 1 })
    }
    metrics.tell(
      batch(
        all.map((series) => [series, 10]),
        10 * symbols,
      ),
    )
    metrics.tell(
      batch(
        all.map((series) => [series, 10]),
        1,
      ),
    )
  }
  const samples = (families: ReadonlyMap<string, Family>): number =>
    [...families.values()].reduce((sum, family) => sum + family.samples.length, 0)

  test('does not grow with the symbols', async () => {
    const [few, many] = [metricsRig(), metricsRig()]
    busy(few.metrics, 2)
    busy(many.metrics, 500)
    expect(samples(await many.read())).toBe(samples(await few.read()))
  })

  test('grows with them where that is asked for, and adds up', async () => {
    const { metrics, read } = metricsRig({ perSymbol: true })
    busy(metrics, 3)
    const families = await read()
    const written = families.get('petrosa_records_written_total')?.samples ?? []
    expect(written.map(({ labels, value }) => [labels.symbol, value])).toEqual([
      ['S0USDT', 10],
      ['S1USDT', 10],
      ['S2USDT', 10],
      // Of three symbols in one write, all that is known is that one row was new.
      ['', 1],
    ])
    expect(sampleValue(families, 'petrosa_gap_rows', { symbol: 'S1USDT' })).toBe(2)
    const perTable = sampleValue(families, 'petrosa_store_rows_per_write_count', ofKlines)
    expect(perTable).toBe(2)
  })

  test('every metric of the table is there, under its name, with its labels and no other', async () => {
    const { metrics, read } = metricsRig({
      perSymbol: true,
      weights: () => [{ host: 'h', used: 1, limit: 2 }],
    })
    busy(metrics, 2)
    const families = await read()
    const named = [...Object.keys(metricTable).map((name) => `petrosa_${name}`), ...Object.keys(processTable)]
    expect([...families.keys()].sort()).toEqual(named.sort())
    for (const [name, facts] of Object.entries(metricTable)) {
      const allowed = new Set([...facts.labels, ...('bySymbol' in facts ? ['symbol'] : []), 'le'])
      for (const { labels } of families.get(`petrosa_${name}`)?.samples ?? [])
        expect(Object.keys(labels).filter((label) => !allowed.has(label))).toEqual([])
    }
  })

  test('a name that is odd is told as it is', async () => {
    const { metrics, read } = metricsRig({ perSymbol: true })
    const odd: Series = { ...btc, symbol: '币安"\\\nUSDT' }
    metrics.tell({ type: 'archive-taken', series: odd, bytes: 7 })
    expect(sampleValue(await read(), 'petrosa_archive_bytes_total', { symbol: odd.symbol })).toBe(7)
  })
})

describe('the reader of the test sees what is wrong', () => {
  const head = '# HELP a b\n# TYPE a counter\n'
  test.each([
    'a 1\n',
    `${head}a 1`,
    `${head}a one\n`,
    `${head}a 1\na 2\n`,
    `${head}b 1\n`,
    `${head}a{x=1} 1\n`,
    `${head}a{x="1",x="2"} 1\n`,
    `${head}${head}`,
    '# HELP h b\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    '# HELP h b\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
  ])('%p', (text) => {
    expect(() => readExposition(text)).toThrow()
  })
})

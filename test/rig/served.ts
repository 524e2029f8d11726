// A program that serves nothing real: what the routes get to see, made by hand, for tests of HTTP alone.
import type { GapVerdict } from '../../src/core/gap.ts'
import { createApp } from '../../src/server/app.ts'
import { type EventStreams, openStreams } from '../../src/server/event-streams.ts'
import { startRateLimit } from '../../src/server/rate-limit.ts'
import type { LineGap, SeriesLine } from '../../src/server/series-line.ts'
import type { JobView, Json, KlinesQuery, Served } from '../../src/server/served.ts'
import { statusPage } from '../../src/server/status-page/page.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'

const START_MS = Date.parse('2024-03-22T00:00:30Z')

export const sampleSummary: Json = {
  command: 'run',
  started_at: '2024-03-22T00:00:03.000Z',
  duration_seconds: 1.25,
  series: 2,
  rows_fetched: 2,
  rows_written: 2,
  rows_changed: 0,
  gaps_found: 0,
  gaps_filled: 0,
  requests: 4,
  weight: 27,
  archives: 0,
  unsettled: [
    {
      series: 'spot/klines/ETHUSDT/1m',
      start: '2024-03-21T23:59:00.000Z',
      end: '2024-03-22T00:00:00.000Z',
      reason: 'refused',
    },
  ],
  errors: ['a <b>bold</b> error'],
}

const sampleSeries: Json = {
  series: 'spot/klines/BTCUSDT/1m',
  settled_until: '2024-03-22T00:00:00.000Z',
  first: '2024-03-21T00:00:00.000Z',
  last: '2024-03-21T23:59:00.000Z',
  rows: 1_439,
  open_gaps: 1,
  gap_rows: 1,
  explained_gaps: 1,
  rows_by_source: { rest: 1_439, archive: 0 },
}

const gap = (verdict: string, minute: string): Json => ({
  series: 'spot/klines/BTCUSDT/1m',
  start: `2024-03-21T12:${minute}:00.000Z`,
  end: `2024-03-21T12:${minute}:59.000Z`,
  rows_missing: 1,
  verdict,
  filled: false,
})

/** The line of the sample: a day, and what is missing of it. */
const sampleLine: SeriesLine = {
  series: 'spot/klines/BTCUSDT/1m',
  span: { startMs: Date.parse('2024-03-21'), endMs: Date.parse('2024-03-22') },
  gaps: [gapOf('missing', Date.parse('2024-03-21T12:01Z')), gapOf('outage', Date.parse('2024-03-21T12:02Z'))],
  totals: [
    { verdict: 'missing', gaps: 1, rows: 1 },
    { verdict: 'outage', gaps: 1, rows: 1 },
  ],
}

function gapOf(verdict: GapVerdict, startMs: number): LineGap {
  return { verdict, startMs, endMs: startMs + 60_000 }
}

const sampleKline: Json = {
  open_time: '2024-03-21T22:00:00.000Z',
  close_time: '2024-03-21T22:00:59.999Z',
  open_price: '40127.25',
  high_price: '40162.42',
  low_price: '40107.89',
  close_price: '40152.25',
  volume: '13.16753',
  quote_asset_volume: '528541.3623175',
  number_of_trades: 16,
  taker_buy_base_asset_volume: '7.59961',
  taker_buy_quote_asset_volume: '305046.4454975',
}

const view = (name: string, facts: Partial<JobView> = {}): JobView => ({
  name,
  schedule: '3 * * * * *',
  pass: {
    ...{ running: false, startedAtMs: START_MS - 27_000, seriesDone: 2, seriesTotal: 2 },
    ...{ rowsWritten: 2, rowsDone: 2, rowsPlanned: 2 },
  },
  nextPassAtMs: START_MS + 33_000,
  lastPass: sampleSummary,
  ...facts,
})

export type ServedRig = {
  /** Asks as a client of `address` would. */
  ask(path: string, init?: RequestInit, address?: string): Promise<Response>
  readonly clock: VirtualClock
  readonly streams: EventStreams
  readonly defects: readonly unknown[]
  /** The requests that met them. */
  readonly met: readonly string[]
  readonly asked: readonly KlinesQuery[]
  readonly started: readonly (readonly [string, string | null])[]
}

const page = await statusPage()

export type ServedGiven = Partial<Served> & { readonly token?: string | null }

/** What serves nothing real; `given` is what a test says of it. */
export function plainServed(given: Partial<Served>): Served {
  return {
    version: '1.2.3',
    command: 'run',
    uptimeMs: () => 12_345,
    unready: async () => [],
    lastUnready: () => [],
    jobs: () => [view('spot klines BTCUSDT 1m'), view('um funding BTCUSDT')],
    weights: () => [
      { host: 'api.test', used: 120, limit: 6_000, pausedUntilMs: null, pausedForMs: null },
      {
        ...{ host: 'fapi.test', used: 1_200, limit: 2_400 },
        ...{ pausedUntilMs: START_MS + 60_000, pausedForMs: 59_500 },
      },
    ],
    stored: () => ({
      series: [sampleSeries],
      gaps: [gap('missing', '01'), gap('outage', '02')],
      gapsLeftOut: 0,
      lines: [sampleLine],
    }),
    surveyedAtMs: () => START_MS,
    nowMs: () => START_MS,
    lags: () => new Map([[sampleLine.series, 2.5]]),
    troubles: () => [{ atMs: START_MS, kind: 'failure', message: 'it broke', count: 2 }],
    klines: async () => [sampleKline],
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' }),
    start: () => ({ known: ['one', 'other'], started: ['other'], leasedSeries: 7 }),
    ...given,
  }
}

/** Routes on top of what a test says; without a token where it is null. */
export function servedRig({ token = 'right', ...given }: ServedGiven = {}): ServedRig {
  const clock = virtualClock({ startMs: START_MS })
  const streams = openStreams(clock)
  const defects: unknown[] = []
  const asked: KlinesQuery[] = []
  const started: (readonly [string, string | null])[] = []
  const served = plainServed({
    nowMs: clock.nowMs,
    klines: async (query) => {
      asked.push(query)
      return [sampleKline]
    },
    start: (kind, name) => {
      started.push([kind, name])
      return { known: ['one', 'other'], started: ['other'], leasedSeries: 7 }
    },
    ...given,
  })
  const limit = startRateLimit(clock.monotonicMs)
  const met: string[] = []
  const defect = (error: unknown, request: string): void => {
    defects.push(error)
    met.push(request)
  }
  const app = createApp({ served, streams, limit, token, defect, page })
  const ask = (path: string, init?: RequestInit, address = '10.0.0.1'): Promise<Response> =>
    app(new Request(`http://petrosa.test${path}`, init), address)
  return { ask, clock, streams, defects, met, asked, started }
}

/** The header of whoever bears a token. */
export const bearing = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

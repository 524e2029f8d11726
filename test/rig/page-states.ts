// What the status page may have to show, made by hand: nothing yet, a busy pass, all well, much that is
// wrong, and a thousand series. Times are of now, as the clock of a browser is.
import { HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import type { Gap, GapVerdict } from '../../src/core/gap.ts'
import { isoTime } from '../../src/core/span.ts'
import { type SeriesLine, seriesLine } from '../../src/server/series-line.ts'
import type { JobView, Json, Served, Stored } from '../../src/server/served.ts'
import { chanceOf } from './chance.ts'

export type PageState = Partial<Served>

const DAY_MS = 24 * HOUR_MS
const nowMs = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS
const bases = ['BTC', 'ETH', 'BNB', 'SOL', 'XRP', 'ADA', 'DOGE', 'AVAX', 'LINK', 'DOT', 'LTC', 'UNI']

type SeriesSpec = {
  readonly key: string
  readonly days: number
  /** Hours ago, how many hours, what: gaps. */
  readonly gaps?: readonly (readonly [agoHours: number, hours: number, verdict: GapVerdict])[]
  readonly lag?: number | null
}

type Drawn = { readonly status: Json; readonly line: SeriesLine; readonly gaps: readonly Json[] }

function drawn({ days, gaps = [], key, lag = 0 }: SeriesSpec): Drawn {
  const startMs = nowMs - days * DAY_MS
  const endMs = nowMs - (lag ?? 0) * 1_000
  const all = gaps.map(([agoHours, hours, verdict]): Gap => {
    const fromMs = nowMs - agoHours * HOUR_MS
    return { span: { startMs: fromMs, endMs: fromMs + hours * HOUR_MS }, rowsMissing: hours * 60, verdict }
  })
  const isOpen = ({ verdict }: Gap): boolean => ['missing', 'lost', 'unpublished'].includes(verdict)
  const missing = all.reduce((sum, gap) => sum + gap.rowsMissing, 0)
  const rows = Math.round((endMs - startMs) / MINUTE_MS - missing)
  const status: Json = {
    series: key,
    ...{ first: isoTime(startMs), last: isoTime(endMs - MINUTE_MS), settled_until: isoTime(endMs), rows },
    open_gaps: all.filter(isOpen).length,
    gap_rows: all.filter(isOpen).reduce((sum, gap) => sum + gap.rowsMissing, 0),
    explained_gaps: all.length - all.filter(isOpen).length,
    rows_by_source: { archive: rows - 1_000, rest: 1_000 },
  }
  const listed = all.map(({ rowsMissing, span, verdict }) => ({
    ...{ series: key, start: isoTime(span.startMs), end: isoTime(span.endMs) },
    ...{ rows_missing: rowsMissing, verdict, filled: false },
  }))
  return { status, line: seriesLine(key, startMs, endMs, all), gaps: listed }
}

/** The state of a store that holds these series. */
function storing(specs: readonly SeriesSpec[]): Pick<Served, 'stored' | 'lags' | 'nowMs' | 'klines'> {
  const all = specs.map(drawn)
  const stored: Stored = {
    series: all.map(({ status }) => status),
    gaps: all.flatMap(({ gaps }) => gaps),
    gapsLeftOut: 0,
    lines: all.map(({ line }) => line),
  }
  const lags = new Map(specs.flatMap(({ key, lag = 0 }) => (lag === null ? [] : [[key, lag] as const])))
  return { stored: () => stored, lags: () => lags, nowMs: () => nowMs, klines: async () => candles() }
}

/** Four hours of candles by the minute, with half an hour missing. */
function candles(): Json[] {
  const { between } = pricesOf(5)
  return Array.from({ length: 240 }, (_, i) => i)
    .filter((i) => i < 120 || i >= 150)
    .map((i) => between(nowMs - (240 - i) * MINUTE_MS))
}

function pricesOf(seed: number): { between: (openMs: number) => Json } {
  const chance = chanceOf(seed)
  let price = 4_012_725
  const text = (cents: number): string => (cents / 100).toFixed(2)
  const between = (openMs: number): Json => {
    const open = price
    price += chance.whole(-900, 920)
    const [low, high] = [Math.min(open, price), Math.max(open, price)]
    return {
      ...{ open_time: isoTime(openMs), close_time: isoTime(openMs + MINUTE_MS - 1) },
      ...{ open_price: text(open), close_price: text(price) },
      ...{ high_price: text(high + chance.whole(0, 400)), low_price: text(low - chance.whole(0, 400)) },
      ...{ volume: text(chance.whole(100, 5_000)), quote_asset_volume: text(chance.whole(1_000, 90_000)) },
      ...{ number_of_trades: chance.whole(1, 400) },
      ...{ taker_buy_base_asset_volume: '1.5', taker_buy_quote_asset_volume: '3.25' },
    }
  }
  return { between }
}

const summary = (facts: Json = {}): Json => ({
  ...{ command: 'run', started_at: isoTime(nowMs + 3_000), duration_seconds: 0.84, series: 24 },
  ...{ rows_fetched: 24, rows_written: 24, rows_changed: 0, gaps_found: 0, gaps_filled: 0 },
  ...{ requests: 24, weight: 48, archives: 0, unsettled: [], errors: [], ...facts },
})

function job(name: string, facts: Partial<JobView> = {}): JobView {
  return {
    ...{ name, schedule: '3 * * * * *', nextPassAtMs: Date.now() + 27_000, lastPass: summary() },
    pass: {
      ...{ running: false, startedAtMs: nowMs + 3_000, seriesDone: 24, seriesTotal: 24 },
      ...{ rowsWritten: 24, rowsDone: 24, rowsPlanned: 24 },
    },
    ...facts,
  }
}

const key = (base: string, period: string): string => `spot/klines/${base}USDT/${period}`
const minutes: readonly SeriesSpec[] = bases.map((base, i) => ({ key: key(base, '1m'), days: 90 - i * 4 }))
const hours: readonly SeriesSpec[] = bases.map((base) => ({ key: key(base, '1h'), days: 90 }))
const outage = [60 * 24, 30, 'outage'] as const
const host = (used: number, pausedUntilMs: number | null = null) => ({
  ...{ host: 'api.binance.com', used, limit: 6_000, pausedUntilMs },
  pausedForMs: pausedUntilMs === null ? null : pausedUntilMs - Date.now(),
})

const calm: PageState = {
  ...storing([...minutes, ...hours].map((one) => ({ ...one, gaps: one.days > 62 ? [outage] : [] }))),
  jobs: () => [job('spot klines BTCUSDT,ETHUSDT,… 1m'), job('um funding all', { schedule: '3 1 * * * *' })],
  weights: () => [host(480)],
  troubles: () => [],
}

const empty: PageState = {
  ...storing([]),
  jobs: () => [
    job('spot klines *USDT 1m', {
      lastPass: null,
      nextPassAtMs: null,
      pass: {
        ...{ running: true, startedAtMs: Date.now() - 3_000, seriesDone: 0, seriesTotal: 412 },
        ...{ rowsWritten: 0, rowsDone: 0, rowsPlanned: 593_280 },
      },
    }),
  ],
  weights: () => [],
  troubles: () => [],
}

const busy: PageState = {
  ...storing([
    ...minutes.map((one, i) => ({ ...one, lag: i % 3 === 0 ? 86_400 * (i + 1) : 0, gaps: [outage] })),
    ...hours,
  ]),
  jobs: () => [
    job('spot klines *USDT 1m', {
      nextPassAtMs: null,
      pass: {
        ...{ running: true, startedAtMs: Date.now() - 251_000, seriesDone: 9, seriesTotal: 24 },
        ...{ rowsWritten: 1_204_118, rowsDone: 1_204_118, rowsPlanned: 3_110_400 },
      },
    }),
    job('um funding all', { schedule: '3 1 * * * *' }),
  ],
  weights: () => [host(4_910), { ...host(310), host: 'fapi.binance.com', limit: 2_400 }],
  troubles: () => [
    { atMs: Date.now() - 61_000, kind: 'retried', message: 'api.binance.com: no answer in 10 s', count: 3 },
  ],
}

const refused = 'postgresql://petrosa@db:5432/binance is out of reach: connection refused; start it'

const broken: PageState = {
  ...storing([
    ...minutes.map((one, i) => ({
      ...one,
      lag: 4_380,
      gaps:
        i === 0
          ? [[900, 60, 'missing'] as const, [400, 7, 'lost'] as const, outage, [3, 1, 'unpublished'] as const]
          : i === 3
            ? [[300, 90, 'missing'] as const, [1_200, 140, 'no-trades'] as const]
            : [outage],
    })),
    ...hours.map((one, i) => ({ ...one, gaps: i === 2 ? [[1_500, 400, 'unlisted'] as const] : [] })),
    { key: 'spot/klines/LUNAUSDT/1h', days: 80, lag: null, gaps: [[900, 890, 'delisted'] as const] },
  ]),
  lastUnready: () => [`the store does not answer: ${refused}`],
  jobs: () => [
    job('spot klines *USDT 1m', {
      lastPass: summary({
        errors: ['api.binance.com asks for a pause of 42 min (418); try again then'],
        unsettled: [
          {
            ...{ series: key('BTC', '1m'), start: isoTime(nowMs - HOUR_MS), end: isoTime(nowMs) },
            reason: 'the exchange refuses the page: 400 <b>bad request</b>',
          },
        ],
      }),
    }),
    job('um funding all', { schedule: '3 1 * * * *' }),
  ],
  weights: () => [host(6_012, Date.now() + 42 * MINUTE_MS)],
  troubles: () => [
    { atMs: Date.now() - 5_000, kind: 'failure', message: refused, count: 14 },
    { atMs: Date.now() - 65_000, kind: 'paused', message: 'api.binance.com: banned (418)', count: 1 },
    { atMs: Date.now() - 65_000, kind: 'unsettled', message: `${key('BTC', '1m')}: <b>400</b>`, count: 2 },
    { atMs: Date.now() - 600_000, kind: 'warning', message: 'the settings stay as they were', count: 1 },
  ],
}

function thousand(): PageState {
  const chance = chanceOf(11)
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
  const named = (i: number): string => `${letters[i % 26]}${letters[Math.floor(i / 26) % 26]}${i}`
  const specs = Array.from(
    { length: 1_000 },
    (_, i): SeriesSpec => ({
      key: key(named(i), '1m'),
      days: chance.whole(3, 90),
      gaps: i % 41 === 0 ? [[60, chance.whole(1, 10), 'missing']] : i % 3 === 0 ? [[50, 4, 'outage']] : [],
    }),
  )
  return { ...calm, ...storing(specs) }
}

/** The states by their names. */
export const pageStates = { calm, empty, busy, broken, thousand: thousand() } as const

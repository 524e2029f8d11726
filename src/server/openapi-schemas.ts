// The shapes of the answers as JSON Schema, for openapi.ts; a test holds the real answers against them.
import type { Json } from './served.ts'

const text = { type: 'string' } as const
const whole = { type: 'integer', minimum: 0 } as const
const yesNo = { type: 'boolean' } as const
const time = {
  type: 'string',
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$',
  description: 'ISO 8601, UTC',
} as const
const decimal = { type: 'string', pattern: '^-?\\d+(\\.\\d+)?$', description: 'an exact decimal' } as const
const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: 'null' }] })
const list = (items: Json): Json => ({ type: 'array', items })
export const ref = (name: string): Json => Object.fromEntries([['$ref', `#/components/schemas/${name}`]])

/** An object with all of `properties`, perhaps those of `optional`, and nothing else. */
function object(properties: Json, optional: Json = {}): Json {
  return {
    type: 'object',
    properties: { ...properties, ...optional },
    required: Object.keys(properties),
    additionalProperties: false,
  }
}

const pass = object({
  running: yesNo,
  started_at: orNull(time),
  series_done: whole,
  series_total: whole,
  rows_written: whole,
  rows_done: whole,
  rows_planned: orNull(whole),
})

const summary = object({
  command: text,
  started_at: time,
  duration_seconds: { type: 'number', minimum: 0 },
  series: whole,
  rows_fetched: whole,
  rows_written: whole,
  rows_changed: whole,
  gaps_found: whole,
  gaps_filled: whole,
  requests: whole,
  weight: whole,
  archives: whole,
  unsettled: list(object({ series: text, start: time, end: time, reason: text })),
  errors: list(text),
})

const series = object({
  series: { type: 'string', description: 'market/dataset/symbol/period' },
  first: orNull(time),
  last: orNull(time),
  settled_until: orNull(time),
  rows: whole,
  open_gaps: whole,
  gap_rows: whole,
  explained_gaps: whole,
  rows_by_source: object({ rest: whole, archive: whole }),
})

const gapVerdicts = ['missing', 'lost', 'unpublished', 'outage', 'unlisted', 'delisted', 'no-trades']

const gap = object(
  {
    series: text,
    start: time,
    end: time,
    rows_missing: whole,
    verdict: { enum: gapVerdicts },
    filled: yesNo,
  },
  { first_id: text, last_id: text },
)

const timeline = object({
  series: text,
  lag_seconds: {
    ...orNull({ type: 'number', minimum: 0 }),
    description: 'for how long its next row is waited for; null where no job follows the series',
  },
  runs: {
    ...list(object({ verdict: { enum: [...gapVerdicts, 'rows', 'behind', 'none'] }, cells: whole })),
    description: 'the cells from left to right: neighbours of one verdict are one run',
  },
  gaps: list(object({ verdict: { enum: gapVerdicts }, gaps: whole, rows: whole })),
})

const kline = object({
  open_time: time,
  close_time: time,
  open_price: decimal,
  high_price: decimal,
  low_price: decimal,
  close_price: decimal,
  volume: decimal,
  quote_asset_volume: decimal,
  number_of_trades: whole,
  taker_buy_base_asset_volume: decimal,
  taker_buy_quote_asset_volume: decimal,
})

const job = object({
  name: text,
  schedule: { type: 'string', description: 'a cron expression, UTC' },
  pass: ref('pass'),
  last_pass: orNull(ref('summary')),
  next_pass_at: orNull(time),
})

/** The shapes by their names. */
export const schemas: Readonly<Record<string, Json>> = {
  pass,
  summary,
  series,
  gap,
  timeline,
  kline,
  job,
  problem: object({ error: text }),
  about: object({
    name: text,
    version: text,
    command: text,
    uptime_seconds: { type: 'number' },
    routes: list(text),
  }),
  health: object({ status: { const: 'ok' } }),
  readiness: object({ ready: yesNo, reasons: list(text) }),
  status: object({
    version: text,
    uptime_seconds: { type: 'number', minimum: 0 },
    command: text,
    not_ready: { ...list(text), description: 'why it is not ready, as last seen' },
    pass: ref('pass'),
    last_pass: orNull(ref('summary')),
    next_pass_at: orNull(time),
    exchange: object({
      weight_used: whole,
      weight_limit: whole,
      banned_until: orNull(time),
      hosts: list(
        object({
          host: text,
          weight_used: whole,
          weight_limit: whole,
          paused_until: orNull(time),
          pause_seconds: orNull(whole),
        }),
      ),
    }),
    jobs: list(ref('job')),
    surveyed_at: { ...orNull(time), description: 'when series and gaps were last looked at' },
    series: list(ref('series')),
  }),
  gaps: object({ gaps: list(ref('gap')), left_out: whole }),
  timelines: object({ start: orNull(time), end: time, cells: whole, series: list(ref('timeline')) }),
  errors: object({ errors: list(object({ at: time, kind: text, message: text, count: whole })) }),
  klines: object({ series: text, klines: { ...list(ref('kline')), maxItems: 1_500 } }),
  started: object({
    started: { ...list(text), minItems: 1 },
    leased_series: {
      ...orNull(whole),
      description:
        'how many series this replica has leases of now: it works on those; null where nothing is shared',
    },
  }),
  document: { type: 'object', required: ['openapi', 'info', 'paths', 'components'] },
}

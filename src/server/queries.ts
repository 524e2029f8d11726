// What a request may say, checked at the door: a query or a body that makes no sense is answered with what is
// wrong with it, and goes no further.
import * as v from 'valibot'
import { markets, periods } from '../core/series.ts'
import { readIsoTime } from '../core/span.ts'
import type { KlinesQuery, TimelineQuery } from './served.ts'

/** Cells of a timeline: more than the pixels of a page show, and what a page draws. */
const MOST_CELLS = 400
const USUAL_CELLS = 120

/** A request that cannot be answered as it is; the message says why, for whoever made it. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

/** Names of symbols: letters and digits of any script, as the exchange lists them. */
const symbol = v.pipe(
  v.string('is needed'),
  v.regex(/^[\p{L}\p{N}_.-]{1,64}$/u, 'takes the name of a symbol, such as BTCUSDT'),
)
/** As everywhere in the program, but for times that are said by how long ago they are. */
const readTime = (text: string): number | null =>
  /^\d{12,14}$/.test(text) ? Number(text) : readIsoTime(text)
const time = v.pipe(
  v.string(),
  v.transform(readTime),
  v.number('takes a time that the calendar has, such as 2024-01-31 or 2024-01-31T12:00Z, or epoch ms'),
)

/** A whole number from 1, as a query writes it. */
const whole = v.pipe(
  v.string(),
  v.regex(/^[1-9]\d{0,8}$/, 'takes a whole number from 1'),
  v.transform(Number),
)

const klinesSchema = v.pipe(
  v.strictObject({
    market: v.optional(v.picklist(markets, `takes ${markets.join(', ')}`), 'spot'),
    symbol,
    period: v.picklist(periods, `is needed: one of ${periods.join(' ')}`),
    start: v.optional(time),
    end: v.optional(time),
  }),
  v.check(
    ({ start, end }) => start === undefined || end === undefined || start <= end,
    'start lies after end',
  ),
)

/** The query of /api/klines. Throws BadRequest. */
export function klinesQuery(query: URLSearchParams): KlinesQuery {
  const { start, end, ...rest } = check(klinesSchema, single(query))
  return { ...rest, startMs: start ?? null, endMs: end ?? null }
}

const gapsSchema = v.strictObject({
  series: v.optional(v.pipe(v.string(), v.maxLength(128, 'takes the key of a series'))),
  open: v.optional(v.picklist(['true', 'false'], 'takes true or false')),
  limit: v.optional(whole),
})
export type GapsQuery = {
  readonly series: string | null
  readonly openOnly: boolean
  readonly limit: number | null
}

/** The query of /api/gaps. Throws BadRequest. */
export function gapsQuery(query: URLSearchParams): GapsQuery {
  const { series, open, limit } = check(gapsSchema, single(query))
  return { series: series ?? null, openOnly: open === 'true', limit: limit ?? null }
}

const timelineSchema = v.pipe(
  v.strictObject({
    start: v.optional(time),
    end: v.optional(time),
    cells: v.optional(v.pipe(whole, v.maxValue(MOST_CELLS, `takes at most ${MOST_CELLS}`))),
  }),
  v.check(
    ({ start, end }) => start === undefined || end === undefined || start < end,
    'start lies after end',
  ),
)

/** The query of /api/timeline. Throws BadRequest. */
export function timelineQuery(query: URLSearchParams): TimelineQuery {
  const { start, end, cells } = check(timelineSchema, single(query))
  return { startMs: start ?? null, endMs: end ?? null, cells: cells ?? USUAL_CELLS }
}

/** The query of a route that takes none. Throws BadRequest. */
export function noQuery(query: URLSearchParams): void {
  check(v.strictObject({}), single(query))
}

const startSchema = v.strictObject({
  job: v.optional(v.pipe(v.string('takes the name of a job'), v.maxLength(1_000, 'takes the name of a job'))),
})

/** The job that the body of a POST names; null where it names none. Throws BadRequest. */
export function startBody(text: string): string | null {
  if (text.trim() === '') return null
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new BadRequest('the body is no JSON object')
  }
  if (Array.isArray(body)) throw new BadRequest('the body is no JSON object')
  return check(startSchema, body).job ?? null
}

/** The values by name. Throws BadRequest where one is said twice. */
function single(query: URLSearchParams): Record<string, string> {
  const names = [...query.keys()]
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new BadRequest(`${twice} is said twice`)
  return Object.fromEntries(query)
}

function check<S extends v.GenericSchema>(schema: S, input: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, input)
  if (result.success) return result.output
  const [issue] = result.issues
  const key = issue.path?.map((part) => String(part.key)).join('.') ?? ''
  if (issue.type === 'strict_object')
    throw new BadRequest(key === '' ? issue.message : unexpected(key, issue))
  throw new BadRequest(`${key} ${issue.message}`.trim())
}

/** valibot says of a key too many what of one too few; only the one too few is expected by its name. */
function unexpected(key: string, issue: v.BaseIssue<unknown>): string {
  return issue.expected === 'never' ? `${key} means nothing here` : `${key} is needed`
}

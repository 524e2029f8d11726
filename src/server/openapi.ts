// The description of the routes as an OpenAPI document. A test holds it against the real answers, and
// against the routes that are there.
import { markets, periods } from '../core/series.ts'
import { ref, schemas } from './openapi-schemas.ts'
import type { Json } from './served.ts'

export type OpenApi = {
  readonly openapi: string
  readonly info: Json
  readonly paths: Readonly<Record<string, Json>>
  readonly components: Json
}

const text = { type: 'string' } as const
const whole = { type: 'integer', minimum: 1 } as const
const at = { type: 'string', description: 'ISO 8601 date or time in UTC, or epoch milliseconds' } as const

const query = (name: string, schema: Json, description: string, required = false): Json => ({
  name,
  in: 'query',
  required,
  description,
  schema,
})

/** By status: the schema of a JSON body, or the whole of it where it may be something else. */
type Answers = Readonly<Record<string, string | Json>>

/** What each status says, where it is not the answer itself. */
const sayings: Readonly<Record<string, string>> = {
  '202': 'it began',
  '400': 'the query or the body makes no sense',
  '401': 'the token is missing or wrong',
  '404': 'there is no such job',
  '409': 'it runs already',
  '413': 'the body is too large',
  '429': 'too many requests of this address; Retry-After says when to come again',
  '503': 'not now; the answer says why',
}

function operation(summary: string, answers: Answers, more: Json = {}): Json {
  const responses = Object.entries(answers).map(([status, answer]) => {
    const description = sayings[status] ?? summary
    if (typeof answer !== 'string') return [status, { description, ...answer }]
    return [status, { description, content: { 'application/json': { schema: ref(answer) } } }]
  })
  return { summary, ...more, responses: Object.fromEntries(responses) }
}

const limitedTo = (answers: Answers): Answers => ({ ...answers, '400': 'problem', '429': 'problem' })

const plain = (type: string, description: string): Json => ({
  description,
  content: { [type]: { schema: text } },
})

const reading: Readonly<Record<string, Json>> = {
  '/': {
    get: operation('What answers here; a browser gets the page of /status', {
      '200': {
        content: { 'application/json': { schema: ref('about') }, 'text/html': { schema: text } },
      },
    }),
  },
  '/healthz': {
    get: operation('200 while the process can answer, whatever the store and the exchange do', {
      '200': 'health',
    }),
  },
  '/ready': {
    get: operation('Whether the store answers and the first pass is under way', {
      '200': 'readiness',
      '503': 'readiness',
    }),
  },
  '/metrics': {
    get: {
      summary: 'Metrics as Prometheus reads them',
      responses: { '200': plain('text/plain', 'one metric a line') },
    },
  },
  '/api/status': {
    get: operation(
      'What runs, what came of the last pass, and every stored series',
      limitedTo({ '200': 'status' }),
    ),
  },
  '/api/gaps': {
    get: operation(
      'Every gap that the last look at the store found, explained ones too',
      limitedTo({ '200': 'gaps' }),
      {
        parameters: [
          query('series', text, 'only those of one series, such as spot/klines/BTCUSDT/1m'),
          query('open', { enum: ['true', 'false'] }, 'only those that nothing explains'),
          query('limit', whole, 'at most so many; left_out counts the others too'),
        ],
      },
    ),
  },
  '/api/timeline': {
    get: operation(
      'For each series whether it is complete, cell by cell of one span of time for all',
      limitedTo({ '200': 'timelines' }),
      {
        parameters: [
          query('start', at, 'the left edge; the first stored row of all where it is not given'),
          query('end', at, 'the right edge; now where it is not given'),
          query('cells', { ...whole, minimum: 1, maximum: 400, default: 120 }, 'how many cells'),
        ],
      },
    ),
  },
  '/api/errors': {
    get: operation('What went wrong lately, the newest first', limitedTo({ '200': 'errors' })),
  },
  '/api/klines': {
    get: operation(
      'Stored candles in order of time, at most 1,500; without start those of the 1,500 places before end',
      limitedTo({ '200': 'klines', '503': 'problem' }),
      {
        parameters: [
          query('market', { enum: markets, default: 'spot' }, 'the market'),
          query('symbol', text, 'the symbol', true),
          query('period', { enum: periods }, 'the period', true),
          query('start', at, 'first open time wanted'),
          query('end', at, 'end of what is wanted, itself excluded; now where it is not given'),
        ],
      },
    ),
  },
  '/events': {
    get: operation(
      "Server-sent events: the program's own, and how far the pass is",
      limitedTo({ '200': plain('text/event-stream', 'events without end'), '503': 'problem' }),
    ),
  },
  '/status': {
    get: {
      summary: 'All of it as a page for people: what is complete, what is missing and why',
      responses: { '200': plain('text/html', 'a page') },
    },
  },
  '/openapi.json': { get: operation('All of this, as an OpenAPI document', { '200': 'document' }) },
}

const oneJob = {
  content: {
    'application/json': {
      schema: { type: 'object', properties: { job: text }, additionalProperties: false },
      example: { job: 'the name of a job, as /api/status has it; every job where none is named' },
    },
  },
} as const

const starting = {
  '202': 'started',
  '400': 'problem',
  '401': 'problem',
  '404': 'problem',
  '409': 'problem',
  '413': 'problem',
  '429': 'problem',
}
const withToken = {
  description:
    'Where replicas share the work only the one that is asked begins, with the series it has leases of.',
  security: [{ token: [] }],
  requestBody: oneJob,
} as const

const changing: Readonly<Record<string, Json>> = {
  '/api/run': { post: operation('Starts a pass now', starting, withToken) },
  '/api/gaps/fill': { post: operation('Looks for gaps and fills them now', starting, withToken) },
}

/** The document; routes that change something are in it only where a token is set. */
export function openApi(version: string, hasToken: boolean): OpenApi {
  return {
    openapi: '3.1.0',
    info: {
      title: 'petrosa',
      version,
      description: 'Binance market data into a database: what runs, what is stored, what is missing.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths: hasToken ? { ...reading, ...changing } : reading,
    components: {
      schemas,
      ...(hasToken ? { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } } : {}),
    },
  }
}

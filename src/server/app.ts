// The routes of serve mode (interface.md, section 6). Hono carries them; this is its only door. What they
// say comes from `Served`; what a request says is checked in queries.ts.
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { secureHeaders } from 'hono/secure-headers'
import { errorLine, PetrosaError } from '../errors.ts'
import {
  aboutAnswer,
  errorsAnswer,
  exchangeAnswer,
  passAnswer,
  readyAnswer,
  statusAnswer,
} from './answers.ts'
import type { EventStreams } from './event-streams.ts'
import { openApi } from './openapi.ts'
import { BadRequest, gapsQuery, klinesQuery, noQuery, startBody, timelineQuery } from './queries.ts'
import type { RateLimit } from './rate-limit.ts'
import { bodyText } from './request-body.ts'
import type { JobKind, Json, Served } from './served.ts'
import type { Page } from './status-page/page.ts'
import { timelinesAnswer } from './timeline.ts'
import { bearsToken } from './token.ts'

/** Candles of one answer. */
export const MOST_KLINES = 1_500

export type AppOptions = {
  readonly served: Served
  readonly streams: EventStreams
  readonly limit: RateLimit
  /** The token of the routes that change something; null: there are none. */
  readonly token: string | null
  /** The page for people. */
  readonly page: Page
  /** What to do with a defect in a route, and the request that met it. */
  readonly defect: (error: unknown, met: string) => void
}

/** Answers a request that came from `address`; a defect is answered with 500, and told. */
export type App = (request: Request, address: string) => Promise<Response>

type Bound = Record<'Bindings', { readonly address: string }>
type Routes = Hono<Bound>

/** The routes as one function. */
export function createApp(options: AppOptions): App {
  const app: Routes = new Hono<Bound>()
  app.use(headers)
  app.use(methodNotAllowed({ app, onMethodNotAllowed: wrongMethod }))
  app.use('/api/*', limited(options))
  app.use('/events', limited(options))
  lifeRoutes(app, options)
  readRoutes(app, options)
  if (options.token !== null) changeRoutes(app, options, options.token)
  app.notFound((c) => problem(c, 404, `there is no ${c.req.path}`))
  app.onError((error, c) => {
    if (error instanceof BadRequest) return problem(c, 400, error.message)
    if (error instanceof PetrosaError) return problem(c, 503, errorLine(error))
    options.defect(error, `${c.req.method} ${c.req.path}`)
    return problem(c, 500, 'a defect of petrosa; its log says more')
  })
  return async (request, address) => app.fetch(request, { address })
}

/** Nothing may be loaded, framed or sent on from here; a page of its own says what it needs. */
const headers: MiddlewareHandler = secureHeaders({
  overwrite: false,
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
  },
  xFrameOptions: 'DENY',
  // Whether there is TLS is the business of whoever stands before it.
  strictTransportSecurity: false,
})

const problem = (
  c: Context,
  status: 400 | 401 | 404 | 405 | 409 | 413 | 429 | 500 | 503,
  error: string,
): Response => c.json({ error }, status)

function wrongMethod(c: Context, methods: readonly string[]): Response {
  const allowed = methods.join(', ')
  c.header('allow', allowed)
  return problem(c, 405, `${c.req.path} takes ${allowed}`)
}

function limited({ limit }: AppOptions): MiddlewareHandler<Bound> {
  return async (c, next) => {
    const waitSeconds = limit.spend(c.env.address)
    if (waitSeconds === 0) return next()
    c.header('retry-after', String(waitSeconds))
    return problem(c, 429, 'too many requests of this address')
  }
}

/** What those ask who run it: none of these depends on anything that may be down. */
function lifeRoutes(app: Routes, { served }: AppOptions): void {
  app.get('/healthz', (c) => fresh(c, { status: 'ok' }))
  app.get('/ready', async (c) => {
    const reasons = await served.unready()
    return fresh(c, readyAnswer(reasons), reasons.length === 0 ? 200 : 503)
  })
  app.get('/metrics', async (c) => {
    const { contentType, text } = await served.metrics()
    return c.body(text, 200, { 'content-type': contentType, 'cache-control': 'no-store' })
  })
}

function readRoutes(app: Routes, options: AppOptions): void {
  const { served, streams, token } = options
  const paths = (): string[] => Object.keys(openApi(served.version, token !== null).paths)
  const page = (c: Context): Response => {
    const { html, policy } = options.page
    return c.html(html, 200, { 'content-security-policy': policy, 'cache-control': 'no-store' })
  }
  app.get('/', (c) => {
    c.header('vary', 'accept')
    const isBrowser = /\btext\/html\b/.test(c.req.header('accept') ?? '')
    return isBrowser ? page(c) : fresh(c, aboutAnswer(served, paths()))
  })
  app.get('/status', page)
  app.get('/openapi.json', (c) => c.json(openApi(served.version, token !== null)))
  app.get('/api/status', (c) => {
    noQuery(queryOf(c))
    return fresh(c, statusAnswer(served))
  })
  app.get('/api/gaps', (c) => {
    const { series, openOnly, limit } = gapsQuery(queryOf(c))
    const { gaps, gapsLeftOut } = served.stored()
    const wanted = gaps.filter(
      (gap) =>
        (series === null || gap.series === series) &&
        (!openOnly || ['missing', 'lost', 'unpublished'].includes(String(gap.verdict))),
    )
    const listed = limit === null ? wanted : wanted.slice(0, limit)
    return fresh(c, { gaps: listed, left_out: gapsLeftOut + wanted.length - listed.length })
  })
  app.get('/api/timeline', (c) =>
    fresh(
      c,
      timelinesAnswer(timelineQuery(queryOf(c)), served.stored().lines, served.lags(), served.nowMs()),
    ),
  )
  app.get('/api/errors', (c) => {
    noQuery(queryOf(c))
    return fresh(c, errorsAnswer(served.troubles()))
  })
  app.get('/api/klines', async (c) => {
    const query = klinesQuery(queryOf(c))
    const klines = await served.klines(query, MOST_KLINES)
    return fresh(c, { series: `${query.market}/klines/${query.symbol}/${query.period}`, klines })
  })
  app.get('/events', (c) => {
    noQuery(queryOf(c))
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
    // Hono answers HEAD as GET and drops the body: nobody would ever close the stream.
    if (c.req.method === 'HEAD') return c.body(null, 200, headers)
    const stream = streams.open([
      { event: 'pass', data: passAnswer(served.jobs()) },
      { event: 'exchange', data: exchangeAnswer(served.weights()) },
    ])
    if (!stream) return problem(c, 503, 'too many listen already')
    return c.body(stream, 200, headers)
  })
}

/** The routes that change something: there only with a token, and only for those who bear it. */
function changeRoutes(app: Routes, { served }: AppOptions, token: string): void {
  const start = (kind: JobKind) => async (c: Context) => {
    if (!bearsToken(c.req.header('authorization') ?? null, token)) {
      c.header('www-authenticate', 'Bearer')
      return problem(c, 401, 'it takes the header Authorization: Bearer, with the value of API_TOKEN')
    }
    noQuery(queryOf(c))
    const body = await bodyText(c.req.raw)
    if (body === null) return problem(c, 413, 'the body is too large')
    const name = startBody(body)
    const { known, leasedSeries, started } = served.start(kind, name)
    if (known.length === 0) {
      const what = kind === 'gaps' ? 'nothing here fills gaps' : 'no such job'
      return problem(c, 404, name === null ? what : `${what}: ${name}`)
    }
    if (started.length === 0) return problem(c, 409, `it runs already: ${known.join('; ')}`)
    return fresh(c, { started, leased_series: leasedSeries }, 202)
  }
  app.post('/api/run', start('fetch'))
  app.post('/api/gaps/fill', start('gaps'))
}

const queryOf = (c: Context): URLSearchParams => new URL(c.req.url).searchParams

/** An answer that is true now and not a moment later. */
function fresh(c: Context, body: Json, status: 200 | 202 | 503 = 200): Response {
  return c.json(body, status, { 'cache-control': 'no-store' })
}

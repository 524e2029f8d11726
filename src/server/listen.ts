// The socket of serve mode. Bun ends connections that are silent for a while, whatever their handler does:
// streams are excepted. A stop lets requests that are being answered finish, within bounds.
import { lookup } from 'node:dns/promises'
import type { Clock } from '../core/retry.ts'
import { UserError } from '../errors.ts'
import type { App } from './app.ts'

/** A connection on which nothing happens is closed after so long, seconds. */
const IDLE_SECONDS = 60
/** Bun's own limit of a body, above the one of the routes, which answers in our words. */
const BODY_BYTES = 1024 * 1024
/** How long a stop waits for requests that are being answered, ms. */
const STOP_MS = 1_500

export type Listening = {
  readonly url: string
  stop(): Promise<void>
}

export type ListenOptions = {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly clock: Clock
  /** What to do with a defect that the routes did not see. */
  readonly defect: (error: unknown, met: string) => void
}

/** Listens. Throws UserError where that cannot be; else it has waited for nothing. */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const { host, port, clock, defect } = options
  const open = (): Bun.Server<undefined> =>
    Bun.serve({
      hostname: host,
      port,
      idleTimeout: IDLE_SECONDS,
      maxRequestBodySize: BODY_BYTES,
      development: false,
      // Outside of development Bun lets several processes listen on one port, unless it is told otherwise.
      reusePort: false,
      fetch(asked, server) {
        const request = addressed(asked)
        if (new URL(request.url).pathname === '/events') server.timeout(asked, 0)
        return app(request, server.requestIP(asked)?.address ?? '')
      },
      // Bun's own answer would be a page, and a stack among the lines of the log.
      error(error) {
        defect(error, 'a request')
        return new Response(null, { status: 500 })
      },
    })
  let server: Bun.Server<undefined>
  try {
    server = open()
  } catch (error) {
    throw await cannotListen(error, host, port)
  }
  const name = host.includes(':') ? `[${host}]` : host
  return {
    url: `http://${name}:${server.port}`,
    async stop() {
      const over = new AbortController()
      const late = clock.wait(STOP_MS, over.signal).catch(() => undefined)
      await Promise.race([server.stop(), late])
      over.abort()
      await server.stop(true)
    },
  }
}

/**
 * `request` with a whole address: Bun leaves it in parts where there is no Host, as in the checks of some
 * load balancers, or none that could be one. Who was meant makes no difference here.
 */
function addressed(request: Request): Request {
  if (URL.canParse(request.url)) return request
  const path = request.url.replace(/^http:\/\/[^/]*/, '')
  return new Request(`http://localhost${path.startsWith('/') ? path : '/'}`, request)
}

async function cannotListen(error: unknown, host: string, port: number): Promise<UserError> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  const options = { cause: error }
  const others = 'choose another --host; 0.0.0.0 is every address of this machine'
  // Of a name that nobody knows Bun says whatever went wrong last, such as a port in use.
  const isKnown = await lookup(host.replace(/^\[(.*)\]$/, '$1')).then(
    () => true,
    () => false,
  )
  if (!isKnown) return new UserError(`the host name ${host} is not known here`, others, options)
  if (code === 'EADDRNOTAVAIL') return new UserError(`${host} is no address of this machine`, others, options)
  if (code === 'EADDRINUSE')
    return new UserError(
      `port ${port} of ${host} is in use`,
      'end what listens there, or choose another --port',
      options,
    )
  if (code === 'EACCES')
    return new UserError(`this user may not listen on port ${port}`, 'choose a --port above 1023', options)
  return new UserError(
    `nobody can listen on ${host}, port ${port} (${code})`,
    'check --host and --port',
    options,
  )
}

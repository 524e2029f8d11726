// A small proxy of the kind that stands before many networks: plain http by the whole address, https by
// CONNECT. Whatever host is asked for, it leads to one place, so that only what went through it can arrive.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'

export type LocalProxy = {
  readonly url: string
  /** What was asked of it: `GET http://host/path`, or `CONNECT host:443`. */
  readonly asked: readonly string[]
  stop(): void
}

const HOST = '127.0.0.1'

/** Hands a request on to `target`, with its path, and its answer back. */
function forward(target: URL, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const path = incoming.url?.startsWith('http') ? incoming.url.replace(/^https?:\/\/[^/]+/, '') : incoming.url
  const { host: _host, 'proxy-connection': _proxy, ...headers } = incoming.headers
  const onward = request({ host: target.hostname, port: target.port, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(outgoing)
  })
  onward.on('error', () => outgoing.destroy())
  onward.end()
}

/**
 * Starts a proxy before `target`. `certificate` (PEM, key and certificate) is what it shows to those who ask
 * for https, since the target itself speaks plain http.
 */
export async function startProxy(
  target: string,
  certificate: { readonly key: string; readonly cert: string } | null = null,
): Promise<LocalProxy> {
  const onward = new URL(target)
  const asked: string[] = []
  const inside = certificate
    ? createTlsServer(certificate, (incoming, outgoing) => forward(onward, incoming, outgoing))
    : null
  const insidePort = inside ? await listen(inside) : 0
  const server = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${incoming.url?.split('?')[0]}`)
    forward(onward, incoming, outgoing)
  })
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${incoming.url}`)
    const tunnel = connect(insidePort, HOST, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      tunnel.pipe(socket)
      socket.pipe(tunnel)
    })
    tunnel.on('error', () => socket.destroy())
    socket.on('error', () => tunnel.destroy())
  })
  const port = await listen(server)
  return {
    url: `http://${HOST}:${port}`,
    asked,
    stop() {
      for (const each of [server, inside]) {
        each?.close()
        each?.closeAllConnections()
      }
    },
  }
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, HOST, () => resolve((server.address() as AddressInfo).port))
  })
}

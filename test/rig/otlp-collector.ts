// A small collector of OpenTelemetry: takes OTLP over HTTP in both encodings and keeps what it got, or, as a
// black hole, takes connections and never answers.
import { gunzipSync } from 'bun'
import { readJson } from './otlp-json.ts'
import { readProtobuf, type Sent, type SentLine, type SentPoint, type SentSpan } from './otlp-messages.ts'

export type Asked = { readonly path: string; readonly type: string; readonly headers: Headers }

export type Collector = {
  readonly url: string
  readonly asked: readonly Asked[]
  readonly spans: readonly SentSpan[]
  readonly points: readonly SentPoint[]
  readonly lines: readonly SentLine[]
  readonly resources: Sent['resources']
  stop(): void
}

/** Starts a collector on a free port of this machine. */
export function startCollector({ silent = false } = {}): Collector {
  const asked: Asked[] = []
  const got = {
    spans: [] as SentSpan[],
    points: [] as SentPoint[],
    lines: [] as SentLine[],
    resources: [] as Sent['resources'][number][],
  }
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 255,
    async fetch(request) {
      const path = new URL(request.url).pathname
      const type = request.headers.get('content-type') ?? ''
      asked.push({ path, type, headers: request.headers })
      if (silent) return new Promise<Response>(() => undefined)
      const signal = path.split('/').at(-1) ?? ''
      const raw = new Uint8Array(await request.arrayBuffer())
      const body = request.headers.get('content-encoding') === 'gzip' ? gunzipSync(raw) : raw
      const sent = type.includes('json') ? readJson(signal, body) : readProtobuf(signal, body)
      got.spans.push(...sent.spans)
      got.points.push(...sent.points)
      got.lines.push(...sent.lines)
      got.resources.push(...sent.resources)
      const json = type.includes('json')
      return new Response(json ? '{}' : new Uint8Array(), { headers: { 'content-type': type } })
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, asked, ...got, stop: () => void server.stop(true) }
}

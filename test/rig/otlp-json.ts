// What an OTLP request in JSON holds: the same as test/rig/otlp-messages.ts reads from protobuf. Ids are
// hexadecimal, times and whole numbers text (opentelemetry-proto, "JSON Protobuf Encoding").
import type { Sent, SentPoint, Value, Values } from './otlp-messages.ts'

type Json = { readonly [name: string]: Json | undefined }

/** What a body in JSON holds, by the last part of the path: traces, metrics or logs. */
export function readJson(signal: string, body: Uint8Array): Sent {
  const message = JSON.parse(new TextDecoder().decode(body)) as Json
  const outer = { traces: 'Spans', metrics: 'Metrics', logs: 'Logs' }[signal] ?? ''
  const all = list(message[`resource${outer}`])
  const items = all.flatMap((one) =>
    list(one[`scope${outer}`]).flatMap((scope) => list(scope.spans ?? scope.metrics ?? scope.logRecords)),
  )
  return {
    resources: all.map((one) => attributes(one.resource?.attributes)),
    spans: signal === 'traces' ? items.map(span) : [],
    points: signal === 'metrics' ? items.flatMap(points) : [],
    lines: signal === 'logs' ? items.map(line) : [],
  }
}

const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? value : [])
const text = (value: unknown): string => (value === undefined ? '' : String(value))
const milliseconds = (value: unknown): number => Number(value ?? 0) / 1e6

function span(one: Json): Sent['spans'][number] {
  return {
    traceId: text(one.traceId),
    id: text(one.spanId),
    parentId: text(one.parentSpanId),
    name: text(one.name),
    startMs: milliseconds(one.startTimeUnixNano),
    endMs: milliseconds(one.endTimeUnixNano),
    attributes: attributes(one.attributes),
    failed: Number(one.status?.code ?? 0) === 2,
  }
}

function line(one: Json): Sent['lines'][number] {
  return {
    severity: text(one.severityText),
    body: anyValue(one.body),
    attributes: attributes(one.attributes),
    traceId: text(one.traceId),
    spanId: text(one.spanId),
  }
}

function points(one: Json): SentPoint[] {
  const metric = text(one.name)
  const numbers = list((one.gauge ?? one.sum)?.dataPoints)
  const histograms = list(one.histogram?.dataPoints)
  return [
    ...numbers.map((point) => ({
      metric,
      labels: attributes(point.attributes),
      value: Number(point.asDouble ?? point.asInt),
    })),
    ...histograms.map((point) => ({
      metric,
      labels: attributes(point.attributes),
      value: Number(point.count),
    })),
  ]
}

function attributes(pairs: unknown): Values {
  return Object.fromEntries(list(pairs).map(({ key, value }) => [text(key), anyValue(value)]))
}

function anyValue(value: Json | undefined): Value {
  if (value === undefined) return null
  if (value.intValue !== undefined) return Number(value.intValue)
  if (value.arrayValue !== undefined) return list(value.arrayValue.values).map(anyValue)
  const [plain = null] = Object.values(value)
  return plain as unknown as Value
}

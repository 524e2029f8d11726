// What an OTLP request holds, read from its bytes in either encoding (opentelemetry-proto: trace, metrics and
// logs, v1): spans, points of metrics, lines of a log, each with the attributes of whoever sent it.
import { doubleOf, type Field, fieldsOf, hexOf, messages, numberOf, textOf } from './protobuf.ts'

export type Value = string | number | boolean | readonly Value[] | null
export type Values = Readonly<Record<string, Value>>

export type SentSpan = {
  readonly traceId: string
  readonly id: string
  /** Empty for the outermost span. */
  readonly parentId: string
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Values
  readonly failed: boolean
}
export type SentPoint = { readonly metric: string; readonly labels: Values; readonly value: number }
export type SentLine = {
  readonly severity: string
  readonly body: Value
  readonly attributes: Values
  readonly traceId: string
  readonly spanId: string
}
export type Sent = {
  readonly spans: readonly SentSpan[]
  readonly points: readonly SentPoint[]
  readonly lines: readonly SentLine[]
  readonly resources: readonly Values[]
}

const STATUS_ERROR = 2

/** What a body in protobuf holds, by the last part of the path: traces, metrics or logs. */
export function readProtobuf(signal: string, body: Uint8Array): Sent {
  const all = messages(fieldsOf(body), 1).map(fieldsOf)
  const resources = all.map((one) => pairs(messages(one, 1)[0], 1))
  const items = all.flatMap((one) =>
    messages(one, 2).flatMap((scope) => messages(fieldsOf(scope), 2).map(fieldsOf)),
  )
  return {
    resources,
    spans: signal === 'traces' ? items.map(spanOf) : [],
    points: signal === 'metrics' ? items.flatMap(pointsOf) : [],
    lines: signal === 'logs' ? items.map(lineOf) : [],
  }
}

const milliseconds = (nanoseconds: bigint): number => Number(nanoseconds) / 1e6

function spanOf(fields: readonly Field[]): SentSpan {
  const status = messages(fields, 15)[0]
  return {
    traceId: hexOf(fields, 1),
    id: hexOf(fields, 2),
    parentId: hexOf(fields, 4),
    name: textOf(fields, 5),
    startMs: milliseconds(numberOf(fields, 7)),
    endMs: milliseconds(numberOf(fields, 8)),
    attributes: attributesOf(fields, 9),
    failed: status !== undefined && numberOf(fieldsOf(status), 3) === BigInt(STATUS_ERROR),
  }
}

function lineOf(fields: readonly Field[]): SentLine {
  return {
    severity: textOf(fields, 3),
    body: anyValue(messages(fields, 5)[0]),
    attributes: attributesOf(fields, 6),
    traceId: hexOf(fields, 9),
    spanId: hexOf(fields, 10),
  }
}

/** The points of a gauge (5), a sum (7) or a histogram (9); of the last the number of values counts. */
function pointsOf(fields: readonly Field[]): SentPoint[] {
  const metric = textOf(fields, 1)
  const numbers = [5, 7]
    .flatMap((kind) => messages(fields, kind))
    .flatMap((one) => messages(fieldsOf(one), 1))
  const histograms = messages(fields, 9).flatMap((one) => messages(fieldsOf(one), 1))
  return [
    ...numbers.map(fieldsOf).map((point) => ({
      metric,
      labels: attributesOf(point, 7),
      value: point.some(({ number }) => number === 4) ? doubleOf(point, 4) : Number(numberOf(point, 6)),
    })),
    ...histograms
      .map(fieldsOf)
      .map((point) => ({ metric, labels: attributesOf(point, 9), value: Number(numberOf(point, 4)) })),
  ]
}

const pairs = (message: Uint8Array | undefined, number: number): Values =>
  message ? attributesOf(fieldsOf(message), number) : {}

function attributesOf(fields: readonly Field[], number: number): Values {
  return Object.fromEntries(
    messages(fields, number)
      .map(fieldsOf)
      .map((pair) => [textOf(pair, 1), anyValue(messages(pair, 2)[0])]),
  )
}

/** An AnyValue: text (1), yes or no (2), a whole number (3), a double (4), a list (5). */
function anyValue(message: Uint8Array | undefined): Value {
  if (!message) return null
  const fields = fieldsOf(message)
  switch (fields[0]?.number) {
    case 1:
      return textOf(fields, 1)
    case 2:
      return numberOf(fields, 2) === 1n
    case 3:
      return Number(BigInt.asIntN(64, numberOf(fields, 3)))
    case 4:
      return doubleOf(fields, 4)
    case 5:
      return messages(fieldsOf(messages(fields, 5)[0] ?? new Uint8Array()), 1).map(anyValue)
    default:
      return null
  }
}

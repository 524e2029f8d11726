// Spans, by hand: what the program follows becomes one, with whatever runs inside of it below it, and so do
// the events that say how long something took.
import {
  type Context,
  context,
  type Attributes as SpanAttributes,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { PetrosaEvent, Tell } from '../../core/events.ts'
import { seriesKey } from '../../core/series.ts'
import { isoTime } from '../../core/span.ts'
import type { Trace } from '../../core/trace.ts'
import { StoppedError } from '../../errors.ts'

/** So far the two clocks may be apart, ms: one may be set, the other stands still while a machine sleeps. */
const MOST_DRIFT_MS = 50
let originMs = performance.timeOrigin

/** Epoch ms with fractions: the SDK's own starts have none, and a page takes only a few. */
const epochMs = (): number => originMs + performance.now()

/** Once for each trace: within one, time never jumps. */
function followClock(): void {
  if (Math.abs(Date.now() - epochMs()) > MOST_DRIFT_MS) originMs = Date.now() - performance.now()
}

/** Spans of `tracer` around whatever is followed; `outer` is what the outermost ones are a part of. */
export function tracing(tracer: Tracer, outer: Context): Trace {
  return (name, attributes, work) => {
    const active = context.active()
    const isInner = trace.getSpan(active) !== undefined
    if (!isInner) followClock()
    const around = isInner ? active : outer
    return tracer.startActiveSpan(name, { attributes, startTime: epochMs() }, around, async (span) => {
      try {
        return await work((more) => void span.setAttributes(more))
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        // That somebody asked the program to stop is no fault of the work.
        if (error instanceof StoppedError) span.setAttribute('petrosa.stopped', true)
        else span.setStatus({ code: SpanStatusCode.ERROR, message })
        throw error
      } finally {
        span.end(epochMs())
      }
    })
  }
}

/**
 * Makes a span of every event that tells how long something took, below the work that told it. What is told
 * outside of any, as by those who only look while serving, is no work that is followed.
 */
export function eventSpans(tracer: Tracer): Tell {
  const add = (name: string, durationMs: number, attributes: SpanAttributes, kind: SpanKind): void => {
    if (!trace.getActiveSpan()) return
    const endMs = epochMs()
    const span = tracer.startSpan(name, { kind, attributes, startTime: endMs - durationMs }, context.active())
    if (attributes['petrosa.failed'] === true) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end(endMs)
  }
  return (event) => {
    if (event.type === 'request') add('request', event.durationMs, requested(event), SpanKind.CLIENT)
    else if (event.type === 'batch-written') add('write', event.durationMs, written(event), SpanKind.CLIENT)
    else if (event.type === 'store-read')
      add(`read ${event.operation}`, event.durationMs, {}, SpanKind.CLIENT)
    else noted(event)
  }
}

type Told<T extends PetrosaEvent['type']> = Extract<PetrosaEvent, { type: T }>

function requested({ host, endpoint, code, weight }: Told<'request'>): SpanAttributes {
  const answer = code === 0 ? {} : { 'http.response.status_code': code }
  const failed = code < 200 || code >= 400
  return {
    'http.request.method': 'GET',
    'server.address': host,
    'url.path': endpoint,
    'petrosa.weight': weight,
    ...answer,
    ...(failed ? { 'petrosa.failed': true } : {}),
  }
}

function written({ rows, written: fresh, changed, parts }: Told<'batch-written'>): SpanAttributes {
  return {
    'petrosa.rows': rows,
    'petrosa.rows_written': fresh,
    'petrosa.rows_changed': changed,
    'petrosa.series': [...new Set(parts.map(({ series }) => seriesKey(series)))],
  }
}

/** What happens at a point in time, as an event of the span that it happens in. */
function noted(event: PetrosaEvent): void {
  if (event.type === 'page-retried')
    trace.getActiveSpan()?.addEvent('asked again', { reason: event.reason, pause_ms: event.pauseMs })
  else if (event.type === 'exchange-paused')
    trace.getActiveSpan()?.addEvent('paused', { reason: event.reason, until: isoTime(event.untilMs) })
}

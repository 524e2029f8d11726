// The parts of OpenTelemetry's SDK that are used, put together. It reads its standard variables by itself:
// where to send, how often, which part of the traces, and what the process is called.
import {
  type Context,
  context,
  DiagLogLevel,
  defaultTextMapGetter,
  defaultTextMapSetter,
  diag,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api'
import { SeverityNumber } from '@opentelemetry/api-logs'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs'
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import type { LogLevel, PetrosaEvent, Tell } from '../../core/events.ts'
import { untraced } from '../../core/trace.ts'
import type { World } from '../../world.ts'
import { type Counting, startCounting } from '../counting.ts'
import type { Fields } from '../log.ts'
import type { Sending, Telemetry, TelemetryStart } from '../tracing.ts'
import { logExporter, metricExporter, spanExporter } from './exporters.ts'
import { openMeter } from './meter.ts'
import { eventSpans, tracing } from './spans.ts'

/** What is left is sent for so long at exit; a collector that is dead then loses it. */
const FLUSH_MS = 2_000

/** Spans that wait to be sent: pages come faster than the SDK's own 2,048 allow. */
const MOST_SPANS = 8_192

/** How often metrics are sent where the variables do not say, and how long that may take (as specified). */
const METRIC_INTERVAL_MS = 60_000
const METRIC_TIMEOUT_MS = 30_000

/** Letters of a reason that are told. */
const MOST_REASON = 300

const SCOPE = 'petrosa'

/** Why something is lost that the SDK had not given up. */
const LATE = `what was left was not taken within ${FLUSH_MS / 1_000} s`

const quiet = (): void => undefined

/** While it stays up no outer work is what its passes are a part of. */
export type TelemetryOptions = TelemetryStart & { readonly world: World; readonly sending: Sending }

/** Starts to send what `sending` names. */
export async function openTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { world, sending, tell } = options
  const failed = tellFailures(tell)
  const contexts = new AsyncLocalStorageContextManager().enable()
  context.setGlobalContextManager(contexts)
  const resource = resourceOf(world)
  const traces = sending.traces ? await openTraces(options, resource) : null
  const logs = sending.logs ? await openLogs(options, resource) : null
  const metrics = sending.metrics ? await openMetrics(options, resource) : null
  const listeners = [traces?.tell, metrics?.tell].filter((one) => one !== undefined)
  const stopping = [traces, logs, metrics].flatMap((one) => (one ? [one.stop] : []))
  return {
    trace: traces?.trace ?? untraced,
    ids() {
      const active = trace.getActiveSpan()?.spanContext()
      return active ? { trace_id: active.traceId, span_id: active.spanId } : null
    },
    headers: traces?.headers ?? (() => ({})),
    log: logs?.log ?? (() => undefined),
    tell: (event) => {
      for (const listener of listeners) listener(event)
    },
    async stop() {
      const over = new AbortController()
      const sent = Promise.all(stopping.map((stop) => stop().catch((error) => failed(String(error)))))
      // The SDK asks again for longer than that, and says nothing before it has given up.
      const late = world.wait(FLUSH_MS, over.signal).then(() => failed(LATE), quiet)
      await Promise.race([sent, late])
      over.abort()
      diag.disable()
      context.disable()
    },
  }
}

/**
 * Says once that the collector does not take what is sent: more of it would help nobody. Answers what says
 * it of a failure that the SDK keeps to itself.
 */
function tellFailures(tell: Tell): (reason: string) => void {
  let hasTold = false
  const failed = (message: string): void => {
    if (hasTold) return
    hasTold = true
    tell({
      type: 'warning',
      message: 'telemetry does not arrive',
      fields: {
        reason: plainReason(message).slice(0, MOST_REASON),
        advice: 'check OTEL_EXPORTER_OTLP_ENDPOINT and the collector; nothing else is affected',
      },
    })
  }
  const logger = { error: failed, warn: quiet, info: quiet, debug: quiet, verbose: quiet }
  diag.setLogger(logger, { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true })
  return failed
}

/** What an error says that the SDK has made JSON of, with its stack; any other text as it is. */
function plainReason(text: string): string {
  try {
    const { message }: { message?: unknown } = Object(JSON.parse(text))
    return typeof message === 'string' && message !== '' ? message : text
  } catch {
    return text
  }
}

/** Who sends: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES over our own name. */
function resourceOf(world: World): Resource {
  const own = resourceFromAttributes({ 'service.name': 'petrosa', 'service.version': world.version })
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }))
}

async function openTraces({ world, sending, isServing }: TelemetryOptions, resource: Resource) {
  const exporter = await spanExporter(sending.traces ?? 'http/protobuf')
  const more = world.env.OTEL_BSP_MAX_QUEUE_SIZE ? {} : { maxQueueSize: MOST_SPANS }
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(exporter, more)],
  })
  const tracer = provider.getTracer(SCOPE, world.version)
  const propagator = new W3CTraceContextPropagator()
  return {
    trace: tracing(tracer, isServing ? ROOT_CONTEXT : outerContext(propagator, world)),
    tell: eventSpans(tracer),
    headers: (): Record<string, string> => {
      const headers: Record<string, string> = {}
      propagator.inject(context.active(), headers, defaultTextMapSetter)
      return headers
    },
    stop: () => provider.shutdown(),
  }
}

/** The work that the whole run is a part of, as TRACEPARENT and TRACESTATE name it. */
function outerContext(propagator: W3CTraceContextPropagator, { env }: World): Context {
  const carrier = { traceparent: env.TRACEPARENT, tracestate: env.TRACESTATE }
  return propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter)
}

async function openLogs({ world, command, sending }: TelemetryOptions, resource: Resource) {
  const exporter = await logExporter(sending.logs ?? 'http/protobuf')
  const provider = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter })] })
  const logger = provider.getLogger(`${SCOPE}.${command}`, world.version)
  return {
    log: (level: LogLevel, message: string, fields: Fields): void =>
      logger.emit({
        severityText: level.toUpperCase(),
        severityNumber: severities[level],
        body: message,
        attributes: textFields(fields),
      }),
    stop: () => provider.shutdown(),
  }
}

const severities: Readonly<Record<LogLevel, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warning: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  critical: SeverityNumber.FATAL,
}

/** Fields as attributes: numbers and yes or no as they are, all else as text. */
function textFields(fields: Fields): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [
        name,
        typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
          ? value
          : (JSON.stringify(value) ?? ''),
      ]),
  )
}

async function openMetrics({ world, sending, perSymbol }: TelemetryOptions, resource: Resource) {
  const exporter = await metricExporter(sending.metrics ?? 'http/protobuf')
  const reader = new PeriodicExportingMetricReader({ exporter, ...intervals(world.env) })
  const provider = new MeterProvider({ resource, readers: [reader] })
  const weights = new Map<string, { host: string; used: number; limit: number }>()
  const counting: Counting = startCounting(
    {
      clock: world,
      version: world.version,
      usage: world.usage,
      perSymbol,
      weights: () => [...weights.values()],
      storeUp: () => null,
      passPendingMs: () => null,
    },
    openMeter(provider.getMeter(SCOPE, world.version), () => counting.refresh()),
  )
  return {
    tell: (event: PetrosaEvent): void => {
      if (event.type === 'weight') weights.set(event.host, event)
      counting.tell(event)
    },
    async stop() {
      await provider.shutdown()
      counting.stop()
    },
  }
}

/** How often metrics are sent; the SDK's own defaults where the variables do not say, or nonsense. */
function intervals(env: World['env']): { exportIntervalMillis: number; exportTimeoutMillis: number } {
  const read = (name: string, otherwise: number): number => {
    const value = Number(env[name] ?? '')
    return Number.isFinite(value) && value > 0 ? value : otherwise
  }
  const exportIntervalMillis = read('OTEL_METRIC_EXPORT_INTERVAL', METRIC_INTERVAL_MS)
  const timeout = read('OTEL_METRIC_EXPORT_TIMEOUT', METRIC_TIMEOUT_MS)
  return { exportIntervalMillis, exportTimeoutMillis: Math.min(timeout, exportIntervalMillis) }
}

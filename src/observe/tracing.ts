// OpenTelemetry, loaded only where one of its standard variables names a collector: traces, metrics and logs
// over OTLP/HTTP. Without one nothing of it is loaded and nothing is followed.
import type { LogLevel, Tell } from '../core/events.ts'
import type { Trace } from '../core/trace.ts'
import type { World } from '../world.ts'
import type { Fields } from './log.ts'

/** What the collector gets: each has variables of its own. */
export const signals = ['traces', 'metrics', 'logs'] as const
export type Signal = (typeof signals)[number]

const protocols = ['http/protobuf', 'http/json'] as const
export type Protocol = (typeof protocols)[number]

/** How each signal is sent; one that is not named is not sent. */
export type Sending = Readonly<Partial<Record<Signal, Protocol>>>

/** What `trace_id` and `span_id` of a line of the log are. */
export type TraceIds = { readonly trace_id: string; readonly span_id: string }

export type Telemetry = {
  readonly trace: Trace
  /** The piece of work that runs; null outside of any. */
  readonly ids: () => TraceIds | null
  /** Sends a line of the log too. */
  readonly log: (level: LogLevel, message: string, fields: Fields) => void
  readonly tell: Tell
  /** The headers that tell the other side which piece of work asks (W3C Trace Context). */
  readonly headers: () => Readonly<Record<string, string>>
  /** Sends what is left, within 2 s; never throws. */
  stop(): Promise<void>
}

export type TelemetryStart = {
  readonly command: string
  /** Whether it stays up, and runs one pass after the other. */
  readonly isServing: boolean
  /** Whether metrics have the symbol as a label. */
  readonly perSymbol: boolean
  readonly tell: Tell
}

/** Starts what the variables ask for; null where that is nothing. `tell` is told what is wrong. */
export async function startTelemetry(
  world: World,
  { tell, ...rest }: TelemetryStart,
): Promise<Telemetry | null> {
  const sending = sendingOf(world.env, tell)
  if (Object.keys(sending).length === 0) return null
  const { openTelemetry } = await import('./tracing/telemetry.ts')
  return openTelemetry({ world, sending, tell, ...rest })
}

/** What the standard variables ask for; `tell` is told what of it cannot be. */
export function sendingOf(env: World['env'], tell: Tell): Sending {
  const value = (name: string): string => env[name]?.trim() ?? ''
  if (value('OTEL_SDK_DISABLED').toLowerCase() === 'true') return {}
  const sending: Partial<Record<Signal, Protocol>> = {}
  const misplaced = new Map<string, Signal[]>()
  for (const signal of signals) {
    const own = (name: string): string => value(`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${name}`)
    const place = own('ENDPOINT') || value('OTEL_EXPORTER_OTLP_ENDPOINT')
    const exporter = value(`OTEL_${signal.toUpperCase()}_EXPORTER`) || 'otlp'
    if (place === '' || exporter === 'none') continue
    const asked = own('PROTOCOL') || value('OTEL_EXPORTER_OTLP_PROTOCOL') || 'http/protobuf'
    const protocol = protocols.find((known) => known === asked)
    if (!protocol || exporter !== 'otlp')
      tell(refusal(signal, protocol ? `exporter ${exporter}` : `protocol ${asked}`))
    else if (isAddress(place)) sending[signal] = protocol
    else {
      const name = `OTEL_EXPORTER_OTLP_${own('ENDPOINT') ? `${signal.toUpperCase()}_` : ''}ENDPOINT`
      misplaced.set(name, [...(misplaced.get(name) ?? []), signal])
    }
  }
  for (const [name, them] of misplaced) tell(noPlace(name, them))
  return sending
}

/** Whether something can be sent there. In place of what is no address the SDK would take one of its own. */
function isAddress(text: string): boolean {
  return URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)
}

function noPlace(name: string, them: readonly Signal[]): Parameters<Tell>[0] {
  const message = `${them.join(', ')} are not sent: ${name} is no http:// or https:// address`
  const advice = 'set it to where the collector listens, such as http://localhost:4318'
  return { type: 'warning', message, fields: { advice } }
}

function refusal(signal: Signal, what: string): Parameters<Tell>[0] {
  const message = `${signal} are not sent: there is no OpenTelemetry ${what} in this program`
  const advice = `use otlp with OTEL_EXPORTER_OTLP_PROTOCOL=${protocols.join(' or ')}, port 4318`
  return { type: 'warning', message, fields: { advice } }
}

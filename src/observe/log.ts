// The log: one JSON object a line, or lines for people, on standard error. consola carries it; this is its
// only door.
import { type ConsolaInstance, createConsola, type LogObject, type LogType } from 'consola'
import { type LogLevel, logLevels } from '../core/events.ts'
import { isoTime } from '../core/span.ts'
import { withoutPasswords } from '../errors.ts'
import { type Terminal, wrapToWidth } from './terminal.ts'

export type Fields = Readonly<Record<string, unknown>>
export type Log = { readonly [K in LogLevel]: (message: string, fields?: Fields) => void }

/** A log whose level can be changed: what is less is left out from then on. */
export type AdjustableLog = Log & { readonly setLevel: (level: LogLevel) => void }

/** consola's type and level of each of our levels; it has none between error and fatal. */
const consolaTypes: Readonly<Record<LogLevel, { readonly type: LogType; readonly level: number }>> = {
  critical: { type: 'fatal', level: 0 },
  error: { type: 'error', level: 0 },
  warning: { type: 'warn', level: 1 },
  info: { type: 'info', level: 3 },
  debug: { type: 'debug', level: 4 },
}

const levelOfType = new Map(logLevels.map((level) => [consolaTypes[level].type, level]))

export type LogOptions = {
  readonly level: LogLevel
  readonly format: 'pretty' | 'json'
  readonly logger: string
  readonly nowMs: () => number
  /** Fields that every line bears while they are known: where it was said. */
  readonly place?: () => Fields | null
  /** Gets every line too. */
  readonly also?: (level: LogLevel, message: string, fields: Fields) => void
}

/** A log that prints to `terminal`. */
export function startLog(terminal: Terminal, options: LogOptions): AdjustableLog {
  let { level: least } = options
  const consola: ConsolaInstance = createConsola({
    level: consolaTypes[least].level,
    // consola would drop repeated lines; a log that leaves lines out is no log.
    throttle: -1,
    reporters: [
      {
        log: (entry) => {
          if (least === 'critical' && entry.type !== 'fatal') return
          options.also?.(...partsOf(entry))
          terminal.print(
            options.format === 'json'
              ? jsonLine(entry, options)
              : prettyLine(entry, options, terminal.columns),
          )
        },
      },
    ],
  })
  const at =
    (level: LogLevel) =>
    (message: string, fields: Fields = {}): void => {
      consola[consolaTypes[level].type](message, fields)
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    critical: at('critical'),
    setLevel(level) {
      least = level
      consola.level = consolaTypes[level].level
    },
  }
}

function partsOf(entry: LogObject): readonly [LogLevel, string, Fields] {
  const [message, fields] = entry.args as [string, Fields]
  const shown = Object.entries(fields).map(([name, value]) => [name, shownValue(value)])
  return [levelOfType.get(entry.type) ?? 'info', withoutPasswords(message), Object.fromEntries(shown)]
}

/** No address leaves with its password, whoever wrote the line. */
function shownValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shownValue)
  return typeof value === 'string' ? withoutPasswords(value) : value
}

function jsonLine(entry: LogObject, options: LogOptions): string {
  const [level, message, fields] = partsOf(entry)
  return JSON.stringify({
    timestamp: isoTime(options.nowMs()),
    level: level.toUpperCase(),
    logger: options.logger,
    message,
    ...fields,
    ...options.place?.(),
  })
}

/** Further lines of an entry stand below its message, not below its time. */
const MESSAGE_COLUMN = 18

function prettyLine(entry: LogObject, options: LogOptions, columns: number): string {
  const [level, message, fields] = partsOf(entry)
  const time = isoTime(options.nowMs()).slice(11, 19)
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`)
  const line = [`${time} ${level.toUpperCase().padEnd(8)} ${message}`, ...rest].join('  ')
  return wrapToWidth(line, columns, MESSAGE_COLUMN).join('\n')
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(fieldText).join(', ')
  return JSON.stringify(value) ?? 'undefined'
}

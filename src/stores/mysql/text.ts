// How values travel as text: times as UTC date and time, names in backticks, text of a bulk load escaped.
// Text has no zone and no float in it, so nothing is left to the driver's or the server's judgement.
import { DAY_MS } from '../../core/calendar.ts'
import type { Column, Table, Value } from '../../core/dataset.ts'
import { FRACTION_DIGITS } from '../../core/decimal.ts'
import type { OwnTable } from '../schema.ts'

/** Days whose text is kept; a pass walks through few at a time. */
const DAYS_KEPT = 4_096
const MINUTE_MS = 60_000
const MINUTES_A_DAY = 1_440

const padded = (value: number, digits: number): string => String(value).padStart(digits, '0')
const minutes = Array.from(
  { length: MINUTES_A_DAY },
  (_, i) => ` ${padded(Math.floor(i / 60), 2)}:${padded(i % 60, 2)}:`,
)
const secondsText = Array.from({ length: 60 }, (_, i) => `${padded(i, 2)}.`)
const millis = Array.from({ length: 1_000 }, (_, i) => padded(i, 3))
const days = new Map<number, string>()

/** `2024-02-29 23:59:59.999` for an epoch time in ms: what `datetime(3)` takes, in UTC. */
export function timeText(timeMs: number): string {
  const day = Math.floor(timeMs / DAY_MS)
  const restMs = timeMs - day * DAY_MS
  const inMinuteMs = restMs % MINUTE_MS
  const ms = inMinuteMs % 1_000
  const minute = minutes[(restMs - inMinuteMs) / MINUTE_MS]
  return `${dayText(day)}${minute}${secondsText[(inMinuteMs - ms) / 1_000]}${millis[ms]}`
}

function dayText(day: number): string {
  const known = days.get(day)
  if (known !== undefined) return known
  if (days.size >= DAYS_KEPT) days.clear()
  const text = new Date(day * DAY_MS).toISOString().slice(0, 10)
  days.set(day, text)
  return text
}

/** A name in backticks, since `rows` is a reserved word and a database may be called anything. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/**
 * The select list of `columns`: times as epoch ms and ids as text, so that no zone and no double comes near
 * them.
 */
export function selectList(columns: readonly Column[]): string {
  return columns.map((column) => `${selected(column)} AS ${quoted(column.name)}`).join(', ')
}

function selected(column: Column): string {
  const name = quoted(column.name)
  return column.kind === 'time' ? epochMs(name) : name
}

/**
 * SQL that turns a datetime in UTC into epoch ms, whatever the session's zone; UNIX_TIMESTAMP ends in 2038
 * on older servers.
 */
export function epochMs(expression: string): string {
  return `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${expression}) DIV 1000`
}

/** INSERT of `rows` rows into one of the program's own tables, every value a question mark. */
export function insertText({ name, columns }: OwnTable, rows: number): string {
  const row = `(${columns.map(() => '?').join(', ')})`
  const names = columns.map((column) => quoted(column.name)).join(', ')
  return `INSERT INTO ${quoted(name)} (${names}) VALUES ${Array.from({ length: rows }, () => row).join(', ')}`
}

/** Shorter decimals cannot have a digit too many. */
const SUSPECT_LENGTH = FRACTION_DIGITS + 3

/**
 * A value as a statement's parameter: text for everything but integers and flags. Throws when a decimal has
 * more digits after the point than the column: the server would round it, and only note it.
 */
export function parameter(table: Table, column: Column, value: Value): Value {
  if (value === null) return null
  if (column.kind === 'time') return timeText(Number(value))
  if (column.kind === 'decimal') guardDecimal(table, column, String(value))
  return value
}

/**
 * Throws when `text` has more digits after the point than `decimal(38,18)` keeps; the decoder refuses such
 * pages.
 */
export function guardDecimal(table: Table, column: Column, text: string): void {
  if (text.length < SUSPECT_LENGTH) return
  const point = text.indexOf('.')
  if (point < 0 || text.length - point - 1 <= FRACTION_DIGITS) return
  throw new Error(
    `${table.name}.${column.name}: ${text} has more than ${FRACTION_DIGITS} digits after the point`,
  )
}

const special = /[\\\t\n]/g
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n' }

/** Text as a field of LOAD DATA with its defaults: tabs between, backslash before what is special. */
export function loadText(text: string): string {
  return text.replace(special, (character) => escapes[character] ?? character)
}

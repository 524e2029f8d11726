// How each kind of column is kept in PostgreSQL, and how it is read back as the contract wants it.
import type { Column, ColumnKind, Value } from '../../core/dataset.ts'
import { canonicalDecimal, FRACTION_DIGITS, INTEGER_DIGITS } from '../../core/decimal.ts'

/**
 * The type of a column as CREATE TABLE names it. "C": byte order, the same under every locale, and the
 * fastest.
 */
export const columnTypes: Readonly<Record<ColumnKind, string>> = {
  text: 'text COLLATE "C"',
  time: 'timestamptz(3)',
  decimal: 'numeric',
  integer: 'bigint',
  id: 'bigint',
  flag: 'boolean',
}

/** The type of a list of values of a kind. */
export const arrayTypes: Readonly<Record<ColumnKind, string>> = {
  text: 'text[]',
  time: 'timestamptz[]',
  decimal: 'numeric[]',
  integer: 'bigint[]',
  id: 'bigint[]',
  flag: 'boolean[]',
}

/** An expression that reads `name` in a form that loses nothing: epoch ms for times. */
export function readText({ name, kind }: Column): string {
  if (kind === 'time') return `${epochText(name)} AS ${name}`
  return kind === 'flag' ? `${name}::int AS ${name}` : name
}

/** What `infinity` reads as, which no program of ours writes: later than any time that a date can hold. */
const NEVER_MS = 9_000_000_000_000_000

/** Epoch ms of a time expression; null for null. */
export function epochText(expression: string): string {
  return (
    `CASE ${expression} WHEN 'infinity' THEN ${NEVER_MS} WHEN '-infinity' THEN -${NEVER_MS} ` +
    `ELSE round(extract(epoch FROM ${expression}) * 1000)::bigint END`
  )
}

/** A value that readText gave, in the contract's form. */
export function fromServer(kind: ColumnKind, value: unknown): Value {
  if (value === null || value === undefined) return null
  switch (kind) {
    case 'text':
    case 'id':
      return String(value)
    case 'decimal':
      return canonicalDecimal(String(value)) ?? String(value)
    case 'time':
    case 'integer':
    case 'flag':
      return Number(value)
  }
}

/** Whether a column of `type`, as format_type spells it, holds every value of the kind exactly. */
export function holdsKind(type: string, kind: ColumnKind): boolean {
  switch (kind) {
    case 'text':
      return type === 'text' || type === 'character varying'
    case 'time':
      return /^timestamp(\([3-6]\))? with time zone$/.test(type)
    case 'decimal': {
      const [, precision, scale = '0'] = /^numeric\((\d+)(?:,(\d+))?\)$/.exec(type) ?? []
      if (precision === undefined) return type === 'numeric'
      return Number(scale) >= FRACTION_DIGITS && Number(precision) - Number(scale) >= INTEGER_DIGITS
    }
    case 'integer':
    case 'id':
      return type === 'bigint'
    case 'flag':
      return type === 'boolean'
  }
}

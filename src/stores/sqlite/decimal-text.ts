// Decimals that somebody wrote into the file as text with needless zeros behind the point: 1.50 is the number
// 1.5. The program itself writes none, so whoever reads or compares looks at the text as it is first.
import type { ColumnKind, Value } from '../../core/dataset.ts'

const ZERO = 48

/** A stored value without needless zeros behind its point; any other value as it is. */
export function plainDecimal(value: Value): Value {
  if (typeof value !== 'string' || value.charCodeAt(value.length - 1) !== ZERO) return value
  return /\.\d*$/.test(value) ? value.replace(/\.?0+$/, '') : value
}

/**
 * A condition of SQL: the expression `stored` holds another value than `incoming`, which is written as the
 * program writes. By digits and never by floating point; equal text is found equal at once.
 */
export function differsText(kind: ColumnKind, stored: string, incoming: string): string {
  const differs = `${stored} IS NOT ${incoming}`
  if (kind !== 'decimal') return differs
  const pointed = `iif(instr(${incoming}, '.'), ${incoming}, ${incoming} || '.')`
  return `(${differs} AND (rtrim(${stored}, '0') IS NOT ${pointed} OR ${stored} IS ${pointed}))`
}

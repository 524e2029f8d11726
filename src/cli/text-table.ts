// A table for people: columns as wide as their content, numbers to the right, fit for a terminal and for a
// pipe.
import { wrapToWidth } from '../observe/terminal.ts'
import type { Stream } from '../world.ts'

/** The rows under their heads; a column of numbers stands to the right. Ends with a line break. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, i) =>
    Math.max(Bun.stringWidth(name), ...rows.map((row) => Bun.stringWidth(row[i] ?? ''))),
  )
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => /^[\d,.]*$/.test(row[i] ?? '')))
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, i) => {
        const cell = cells[i] ?? ''
        const blanks = ' '.repeat(Math.max(0, width - Bun.stringWidth(cell)))
        return numeric[i] ? blanks + cell : cell + blanks
      })
      .join('  ')
      .trimEnd()
  return `${[line(head), ...rows.map(line)].join('\n')}\n`
}

/** Columns of a terminal that every text for people fits. */
export const COLUMNS = 80
/** A name is cut to no fewer columns. */
const LEAST_NAME = 12

/** Lines of words within the columns; what a line does not hold is indented below it. */
export function wrapped(text: string): string {
  return text
    .split('\n')
    .flatMap((line) => wrapToWidth(line, COLUMNS, 2))
    .join('\n')
}

/** Columns that a table may have: a pipe has no edge, and whoever reads it wants names that are whole. */
export function tableColumns({ columns, isTerminal }: Stream): number {
  return isTerminal ? Math.max(COLUMNS, columns) : Number.POSITIVE_INFINITY
}

/** How many of `columns` are left for a first column beside the others. */
export function roomBeside(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns = COLUMNS,
): number {
  const others = textTable(head, rows)
    .split('\n')
    .map((line) => Bun.stringWidth(line))
  return Math.max(LEAST_NAME, columns - Math.max(...others) - '  '.length)
}

/** A table whose first column are names, cut where the line would have more than `columns`. */
export function namedTable(
  head: readonly [string, ...string[]],
  names: readonly string[],
  rows: readonly (readonly string[])[],
  columns = COLUMNS,
): string {
  const room = roomBeside(head.slice(1), rows, columns)
  return textTable(
    head,
    rows.map((row, i) => [endOf(names[i] ?? '', room), ...row]),
  )
}

/** A name in so many columns: of a series its end says most. */
export function endOf(name: string, columns: number): string {
  if (Bun.stringWidth(name) <= columns) return name
  const characters = [...name]
  while (Bun.stringWidth(characters.join('')) >= columns) characters.shift()
  return `…${characters.join('')}`
}

/** An ISO time to the minute, as tables show it: `2024-03-01 08:37` (UTC). */
export function minuteText(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ')
}

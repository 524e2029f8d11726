// A table for people: columns as wide as their content, numbers to the right, fit for a terminal and for a
// pipe.

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

/** An ISO time to the minute, as tables show it: `2024-03-01 08:37` (UTC). */
export function minuteText(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ')
}

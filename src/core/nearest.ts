// What somebody may have meant: the names nearest to a mistyped one.

/** How many edits (insert, delete, replace, swap of neighbours) turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(
        (rows[i - 1]?.[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (rows[i - 1]?.[j - 1] ?? 0) + cost,
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return rows[a.length]?.[b.length] ?? 0
}

/**
 * The members of `names` near enough to `wanted` to be meant, nearest first, at most `most`; case decides
 * only between equals.
 */
export function nearest(wanted: string, names: readonly string[], most = 3): string[] {
  const lower = wanted.toLowerCase()
  const bound = Math.max(1, Math.floor(wanted.length / 3))
  const scored: { name: string; score: number; exact: number }[] = []
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > bound && !name.toLowerCase().startsWith(lower)) continue
    const distance = editDistance(lower, name.toLowerCase())
    const begins = lower.length > 1 && name.toLowerCase().startsWith(lower)
    if (distance <= bound || begins)
      scored.push({
        name,
        score: begins ? Math.min(distance, bound) : distance,
        exact: editDistance(wanted, name),
      })
  }
  return scored
    .sort((a, b) => a.score - b.score || a.exact - b.exact || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map((entry) => entry.name)
}

/** `; did you mean A or B?`, or nothing when no name is near. */
export function didYouMean(wanted: string, names: readonly string[]): string {
  const near = nearest(wanted, names)
  return near.length === 0 ? '' : `did you mean ${near.join(' or ')}?`
}

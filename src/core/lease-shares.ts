// Who should have which series: what every program works out for itself, and all to the same end.

/** A job's series, as the programs that have the job know them by `name`. */
export type SharedGroup = {
  readonly name: string
  /** Whether it shares only what no group without this is about. */
  readonly takesRest: boolean
  readonly series: readonly string[]
}

/**
 * The series of each group that it alone brings to its share: what several are about must not be given up for
 * one and taken for the other. All programs that have the same groups come to the same.
 */
export function ownSeries<G extends SharedGroup>(groups: readonly G[]): [G, readonly string[]][] {
  const shared = new Set<string>()
  return groups
    .toSorted((a, b) => Number(a.takesRest) - Number(b.takesRest) || (a.name < b.name ? -1 : 1))
    .map((group) => {
      const own = group.series.filter((key) => !shared.has(key))
      for (const key of own) shared.add(key)
      return [group, own]
    })
}

/** How many of `count` series the replica `own` should have: the first ones of `replicas` get one more. */
export function shareOf(count: number, replicas: readonly string[], own: string): number {
  const among = Math.max(1, replicas.length)
  return Math.floor(count / among) + (replicas.indexOf(own) < count % among ? 1 : 0)
}

/** `series` in an order that is another one for each holder. */
export function byLiking(holder: string, series: readonly string[]): string[] {
  return series
    .map((key) => ({ key, rank: mixed(`${holder} ${key}`) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ key }) => key)
}

/** A number that a text gives everywhere (FNV-1a, 32 bits): for spreading, not for secrets. */
export function mixed(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

// The leases, as every store but SQLite uses them since schema 3; SQLite's own locking keeps concurrent runs
// exact, and nobody serves one file from several machines.
import { type Lease, LeaseLostError, lostLeases } from '../core/lease.ts'
import { seriesKey } from '../core/series.ts'
import type { Page } from '../core/store.ts'
import type { OwnTable } from './schema.ts'

export const LEASES_TABLE = 'petrosa_leases'

export const leasesTable: OwnTable = {
  name: LEASES_TABLE,
  columns: [
    { name: 'series', kind: 'text' },
    { name: 'holder', kind: 'text' },
    { name: 'token', kind: 'integer' },
    { name: 'expires_at', kind: 'time' },
  ],
  key: ['series'],
}

/** The leases that `pages` are written under, each once, in the order of their keys. */
export function leasesOf(pages: readonly Page[]): Lease[] {
  const leases = new Map<string, Lease>()
  for (const { series, token } of pages) {
    const key = seriesKey(series)
    if (token !== undefined) leases.set(key, { series: key, token })
  }
  return [...leases.values()].sort((a, b) => (a.series < b.series ? -1 : 1))
}

/** Throws LeaseLostError unless all of `wanted` are as the database has them: `stored`. */
export function refuseLost(wanted: readonly Lease[], stored: readonly Lease[]): void {
  const lost = lostLeases(wanted, stored)
  if (lost.length > 0) throw new LeaseLostError(lost)
}

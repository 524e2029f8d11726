// Leases in memory: the contract of core/lease.ts at its plainest.
import { type Lease, type Leases, REPLICA_PREFIX } from '../../src/core/lease.ts'
import type { MemoryDatabase } from './memory-store.ts'

export type MemoryLease = Lease & { readonly holder: string; readonly expiresAtMs: number }

type Change = <T>(work: (database: MemoryDatabase) => T) => Promise<T>

/** Leases that `change` reaches the database of; `clockMs` is the database's clock. */
export function memoryLeases(change: Change, clockMs: () => number): Leases {
  return {
    claim: ({ holder, series, lastsMs, nowMs = clockMs() }) =>
      change(({ leases }) => {
        for (const key of series) {
          const stored = leases.get(key) ?? { series: key, holder: '', token: 0, expiresAtMs: 0 }
          const isFree = stored.expiresAtMs <= nowMs
          const token = stored.token + (stored.holder === holder ? 0 : 1)
          if (isFree || stored.holder === holder)
            leases.set(key, { series: key, holder, token, expiresAtMs: nowMs + lastsMs })
        }
        return heldOf(leases, holder).filter((lease) => series.includes(lease.series))
      }),
    renew: ({ holder, lastsMs, nowMs = clockMs() }) =>
      change(({ leases }) => {
        for (const lease of [...leases.values()].filter((one) => one.holder === holder))
          leases.set(lease.series, { ...lease, expiresAtMs: nowMs + lastsMs })
        const live = [...leases.values()].filter((lease) => lease.expiresAtMs > nowMs)
        return { held: heldOf(leases, holder), live: live.map(({ series }) => series) }
      }),
    release: ({ holder, series }) =>
      change(({ leases }) => {
        for (const lease of [...leases.values()].filter((one) => one.holder === holder)) {
          if (series !== null && !series.includes(lease.series)) continue
          if (lease.series.startsWith(REPLICA_PREFIX)) leases.delete(lease.series)
          else leases.set(lease.series, { ...lease, holder: '', expiresAtMs: 0 })
        }
      }),
  }
}

function heldOf(leases: ReadonlyMap<string, MemoryLease>, holder: string): Lease[] {
  return [...leases.values()]
    .filter((lease) => lease.holder === holder)
    .map(({ series, token }) => ({ series, token }))
}

// What the local exchange has seen: counters that tests ask for, and a bounded log of its requests.
import type { Market } from '../../src/core/series.ts'
import { type ArchiveCounts, type ArchiveNote, startArchiveCounter } from './archive-counts.ts'
import type { FaultKind } from './faults.ts'
import type { Limiter } from './limiter.ts'

export type LogEntry = {
  /** The exchange's clock, epoch ms. */
  readonly atMs: number
  readonly path: string
  readonly query: string
  /** The HTTP status; 0 where nothing was answered. */
  readonly status: number
  readonly weight: number
  readonly fault: FaultKind | ArchiveNote['fault']
}

/** Counts of the markets' hosts; those of the archives stand for themselves. */
export type Counts = {
  readonly requests: number
  readonly byEndpoint: Readonly<Record<string, number>>
  readonly byStatus: Readonly<Record<string, number>>
  readonly byFault: Readonly<Record<string, number>>
  /** Requests to any klines endpoint, and rows in answers that no fault had touched. */
  readonly klinesRequests: number
  readonly rowsServed: number
  /** Requests to the funding bucket of USD-M, and the most in one window of five minutes. */
  readonly fundingRequests: number
  readonly maxFundingRequests: number
  /** Answers 429, bans begun, and requests sent while banned, over all markets. */
  readonly limited: number
  readonly bans: number
  readonly violations: number
  /** Weight spent by clients, and the most in one minute, foreign programs included. */
  readonly weight: Readonly<Record<Market, number>>
  readonly maxWeight: Readonly<Record<Market, number>>
  readonly archives: ArchiveCounts
}

/** Requests that the log keeps; the oldest go first. */
const LOG_LENGTH = 20_000

export type Counter = {
  note(entry: LogEntry, rows: number): void
  noteArchive(entry: LogEntry, note: ArchiveNote): void
  counts(limiters: Readonly<Record<Market, Limiter>>, funding: Limiter): Counts
  log(): readonly LogEntry[]
  reset(): void
}

/** A counter with everything at zero. */
export function startCounter(): Counter {
  let log: LogEntry[] = []
  let requests = 0
  let klinesRequests = 0
  let rowsServed = 0
  const tables = {
    byEndpoint: new Map<string, number>(),
    byStatus: new Map<string, number>(),
    byFault: new Map<string, number>(),
  }
  const archives = startArchiveCounter()
  const add = (table: Map<string, number>, key: string): void => {
    table.set(key, (table.get(key) ?? 0) + 1)
  }
  const addToLog = (entry: LogEntry): void => {
    log.push(entry)
    // Halved now and then rather than shifted each time, which would cost a copy a request.
    if (log.length >= 2 * LOG_LENGTH) log = log.slice(-LOG_LENGTH)
  }
  return {
    note(entry, rows) {
      requests += 1
      if (entry.path.toLowerCase().endsWith('klines')) klinesRequests += 1
      rowsServed += rows
      add(tables.byEndpoint, entry.path)
      add(tables.byStatus, String(entry.status))
      if (entry.fault) add(tables.byFault, entry.fault)
      addToLog(entry)
    },
    noteArchive(entry, note) {
      archives.note(note)
      addToLog(entry)
    },
    counts(limiters, funding) {
      const { spot, um, cm } = limiters
      const bucket = funding.counts()
      const each = { spot: spot.counts(), um: um.counts(), cm: cm.counts() }
      const sum = (name: 'limited' | 'bans' | 'violations'): number =>
        each.spot[name] + each.um[name] + each.cm[name]
      return {
        requests,
        byEndpoint: Object.fromEntries(tables.byEndpoint),
        byStatus: Object.fromEntries(tables.byStatus),
        byFault: Object.fromEntries(tables.byFault),
        klinesRequests,
        rowsServed,
        fundingRequests: bucket.weight,
        maxFundingRequests: bucket.maxWeight,
        limited: sum('limited') + bucket.limited,
        bans: sum('bans'),
        violations: sum('violations'),
        weight: { spot: each.spot.weight, um: each.um.weight, cm: each.cm.weight },
        maxWeight: { spot: each.spot.maxWeight, um: each.um.maxWeight, cm: each.cm.maxWeight },
        archives: archives.counts(),
      }
    },
    log: () => log.slice(-LOG_LENGTH),
    reset() {
      log = []
      requests = 0
      klinesRequests = 0
      rowsServed = 0
      for (const table of Object.values(tables)) table.clear()
      archives.reset()
    },
  }
}

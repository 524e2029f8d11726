// What was asked of the archives: zips, checksums and pages of the listing, each for itself and by key, so
// that a test can say how often each was fetched.
import type { ArchiveHits, RequestKind } from './archive-rules.ts'

export type ArchiveCounts = {
  /** Requests, whatever was answered. */
  readonly zips: number
  readonly checksums: number
  readonly listings: number
  /** Bytes of zips that were sent, damaged ones too. */
  readonly zipBytes: number
  /** Requests for zips and checksums by key; pages of the listing by prefix. */
  readonly byKey: Readonly<Record<string, number>>
  readonly byPrefix: Readonly<Record<string, number>>
  readonly byStatus: Readonly<Record<string, number>>
  /** Faults of the wire, and rules that changed what was sent. */
  readonly byFault: Readonly<Record<string, number>>
}

export type ArchiveNote = {
  readonly request: RequestKind
  /** The key of a download, the prefix of a listing. */
  readonly key: string
  /** 0 where nothing was answered. */
  readonly status: number
  readonly bytes: number
  readonly fault: ArchiveHits['wire'] | ArchiveHits['changes'][number]['kind'] | null
}

export type ArchiveCounter = {
  note(note: ArchiveNote): void
  counts(): ArchiveCounts
  reset(): void
}

/** A counter with everything at zero. */
export function startArchiveCounter(): ArchiveCounter {
  const requests: Record<RequestKind, number> = { zip: 0, checksum: 0, listing: 0 }
  let zipBytes = 0
  const byKey = new Map<string, number>()
  const byPrefix = new Map<string, number>()
  const byStatus = new Map<string, number>()
  const byFault = new Map<string, number>()
  const add = (table: Map<string, number>, key: string): void => {
    table.set(key, (table.get(key) ?? 0) + 1)
  }
  return {
    note({ request, key, status, bytes, fault }) {
      requests[request] += 1
      if (request === 'zip') zipBytes += bytes
      add(request === 'listing' ? byPrefix : byKey, key)
      add(byStatus, String(status))
      if (fault) add(byFault, fault)
    },
    counts: () => ({
      zips: requests.zip,
      checksums: requests.checksum,
      listings: requests.listing,
      zipBytes,
      byKey: Object.fromEntries(byKey),
      byPrefix: Object.fromEntries(byPrefix),
      byStatus: Object.fromEntries(byStatus),
      byFault: Object.fromEntries(byFault),
    }),
    reset() {
      for (const request of ['zip', 'checksum', 'listing'] as const) requests[request] = 0
      zipBytes = 0
      for (const table of [byKey, byPrefix, byStatus, byFault]) table.clear()
    },
  }
}

// A store that is watched: how long each read took is told, and so is every call that failed. How long
// writes took is told by whoever writes.
import type { Tell } from '../core/events.ts'
import type { Clock } from '../core/retry.ts'
import type { Store } from '../core/store.ts'

/** `store`, with its reads told and its failures handed to `failed`. */
export function watchedStore(store: Store, clock: Clock, tell: Tell, failed: () => void): Store {
  const watched = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      failed()
      throw error
    }
  }
  const timed = async <T>(operation: string, read: () => Promise<T>): Promise<T> => {
    const startedMs = clock.monotonicMs()
    const found = await watched(read)
    tell({ type: 'store-read', operation, durationMs: clock.monotonicMs() - startedMs })
    return found
  }
  return {
    ...store,
    prepare: (tables) => watched(() => store.prepare(tables)),
    write: (pages, options) => watched(() => store.write(pages, options)),
    ledger: (series) => timed('ledger', () => store.ledger(series)),
    archives: (series) => timed('archives', () => store.archives(series)),
    knownSeries: (tables) => timed('series', () => store.knownSeries(tables)),
    holding: (series, table) => timed('holding', () => store.holding(series, table)),
    counts: (series, table, spans) => timed('counts', () => store.counts(series, table, spans)),
    ends: (series, table) => timed('ends', () => store.ends(series, table)),
    countIds: (series, table, ranges) => timed('counts', () => store.countIds(series, table, ranges)),
    fromIds: (series, table, ids) => timed('ids', () => store.fromIds(series, table, ids)),
    read: (series, table, span, limit) => timed('rows', () => store.read(series, table, span, limit)),
    readIds: (series, table, fromId, limit) =>
      timed('rows', () => store.readIds(series, table, fromId, limit)),
  }
}

// What went wrong lately, for the page: a bounded list, in which the same words again are counted.
import type { PetrosaEvent } from '../core/events.ts'
import { seriesKey } from '../core/series.ts'
import { errorLine } from '../errors.ts'

/** Troubles that are kept, and characters of one. */
const MOST_TROUBLES = 50
const MOST_CHARACTERS = 1_000

export type Trouble = {
  /** When it last happened, epoch ms. */
  readonly atMs: number
  readonly kind: 'defect' | 'failure' | 'paused' | 'retried' | 'unsettled' | 'warning'
  readonly message: string
  /** How often it has happened. */
  readonly count: number
}

export type Troubles = {
  /** Keeps an event that is trouble, and gives it. */
  tell(event: PetrosaEvent): Trouble | null
  /** The newest first. */
  all(): readonly Trouble[]
}

/** A list without troubles. */
export function openTroubles(nowMs: () => number): Troubles {
  // A map goes by the order in which its keys came.
  const kept = new Map<string, Trouble>()
  return {
    tell(event) {
      const told = troubleOf(event)
      if (!told) return null
      const message = told.message.slice(0, MOST_CHARACTERS)
      const key = `${told.kind} ${message}`
      const trouble = { ...told, message, atMs: nowMs(), count: (kept.get(key)?.count ?? 0) + 1 }
      kept.delete(key)
      kept.set(key, trouble)
      const [oldest] = kept.keys()
      if (kept.size > MOST_TROUBLES && oldest !== undefined) kept.delete(oldest)
      return trouble
    },
    all: () => [...kept.values()].reverse(),
  }
}

function troubleOf(event: PetrosaEvent): Pick<Trouble, 'kind' | 'message'> | null {
  switch (event.type) {
    case 'warning':
      return { kind: 'warning', message: event.message }
    case 'failure':
      return { kind: 'failure', message: errorLine(event.error) }
    case 'defect':
      return { kind: 'defect', message: errorLine(event.error) }
    case 'page-retried':
      return { kind: 'retried', message: withHost(event.host, event.reason) }
    case 'exchange-paused':
      return { kind: 'paused', message: withHost(event.host, event.reason) }
    case 'span-unsettled': {
      const { reason, series } = event.unsettled
      return { kind: 'unsettled', message: `${seriesKey(series)}: ${reason}` }
    }
    default:
      return null
  }
}

/** Many reasons name the host themselves. */
const withHost = (host: string, reason: string): string =>
  reason.includes(host) ? reason : `${host}: ${reason}`

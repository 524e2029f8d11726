// Counting on two threads: ten million rows take SQLite half a second of computing, and a second connection
// halves the wait. It is opened only when counts have waited for others, so that a small file never has one.
import type { Clock } from '../../core/retry.ts'
import type { SqliteCalls } from './calls.ts'
import type { Remote } from './remote.ts'

/** The calls that only count. */
export type CountName = 'counts' | 'countIds'

export type Counting = {
  /** The answer to the call, part by part on whichever thread is free. */
  count<N extends CountName>(name: N, ...values: Parameters<SqliteCalls[N]>): Promise<readonly number[]>
  /** Closes the second connection, if there is one. Nothing may be counting any more. */
  close(): Promise<void>
}

export type CountingOptions = {
  readonly first: Remote
  /** Opens a second connection to read; null where there cannot be one. */
  readonly openSecond: () => Promise<Remote | null>
  readonly clock: Pick<Clock, 'wait'>
  /** Makes a call, and waits for locks. */
  readonly attempt: <T>(call: () => Promise<T>) => Promise<T>
}

/** Counts wait so long for others before a second thread is worth its start. */
const PATIENCE_MS = 50
/** Ranges that are counted by one call; a thread that is free takes the next ones. */
const RANGES_A_CALL = 64

type Waiting = {
  readonly start: (remote: Remote) => Promise<readonly number[]>
  readonly resolve: (counts: readonly number[]) => void
  readonly reject: (error: unknown) => void
}

/** Counts on `first`, and on a second thread when there is enough to do. */
export function startCounting({ first, openSecond, clock, attempt }: CountingOptions): Counting {
  const waiting: Waiting[] = []
  const idle: Remote[] = [first]
  const closing = new AbortController()
  let second: Promise<Remote | null> | null = null

  const work = async (remote: Remote): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift())
      await next.start(remote).then(next.resolve, next.reject)
    idle.push(remote)
  }
  const begin = (): void => {
    for (let remote = idle.shift(); remote; remote = waiting.length > 0 ? idle.shift() : undefined)
      void work(remote)
  }
  const callSecond = async (): Promise<Remote | null> => {
    await clock.wait(PATIENCE_MS, closing.signal).catch(() => undefined)
    if (waiting.length === 0 || closing.signal.aborted) {
      second = null
      return null
    }
    const remote = await openSecond()
    if (remote) idle.push(remote)
    begin()
    return remote
  }
  const part = (start: Waiting['start']): Promise<readonly number[]> =>
    new Promise((resolve, reject) => {
      waiting.push({ start, resolve, reject })
      begin()
      if (waiting.length > 0) second ??= callSecond()
    })

  return {
    async count(name, series, table, ranges) {
      const parts: Promise<readonly number[]>[] = []
      for (let from = 0; from < ranges.length; from += RANGES_A_CALL) {
        const values = [series, table, ranges.slice(from, from + RANGES_A_CALL)]
        parts.push(
          part((remote) => attempt(() => remote.call(name, values as Parameters<SqliteCalls[typeof name]>))),
        )
      }
      return (await Promise.all(parts)).flat()
    },
    async close() {
      closing.abort()
      const remote = await second
      if (!remote) return
      await remote.call('close', []).finally(() => remote.end())
    },
  }
}

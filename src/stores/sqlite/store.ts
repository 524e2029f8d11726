// The embedded store: one SQLite file, no server. SQLite works in a Worker, so that nothing holds up the
// event loop, and pages are fetched and judged while others are written; waits for another process's lock are
// made here.
import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Table } from '../../core/dataset.ts'
import { type Clock, retry } from '../../core/retry.ts'
import type { Store, StoreOptions } from '../../core/store.ts'
import { UnavailableError } from '../../errors.ts'
import { sqlitePath } from './address.ts'
import type { SqliteCalls } from './calls.ts'
import { startCounting } from './counting.ts'
import { cannotOpen, explained, isBusy } from './errors.ts'
import { isChanging } from './foreign-file.ts'
import type { CallName } from './messages.ts'
import { packPages } from './pages.ts'
import { type Remote, startRemote } from './remote.ts'

/** Rows a transaction: larger ones bring nothing (measured), smaller ones cost commits. */
const BATCH_ROWS = 10_000

/** How a locked file is waited for: about 15 s in all, most of it outside of SQLite. */
const busyPolicy = { attempts: 12, firstPauseMs: 100, longestPauseMs: 1_000 }

/**
 * Opens the store. Throws UserError (no address of a file, not a database, no such folder, newer schema) or
 * UnavailableError (locked).
 */
export async function openSqlite(options: StoreOptions, clock: Clock): Promise<Store> {
  const path = sqlitePath(options.uri)
  // A plan must not make a file: what is not there is as good as an empty database in memory.
  const absent = options.readOnly && isAbsent(path)
  const remote = startRemote()
  const run: Run = (attempt) =>
    retry({
      policy: busyPolicy,
      clock,
      attempt,
      again: (error) => (isBusy(error) ? { atLeastMs: 0 } : false),
    }).catch((error: unknown) => {
      throw isChanging(error) ? beingWritten(path, error) : explained(error, path)
    })
  try {
    await run(() => remote.call('open', [absent ? ':memory:' : path, options.readOnly && !absent]))
  } catch (error) {
    remote.end()
    throw error
  }
  const openSecond = async (): Promise<Remote | null> => {
    if (absent) return null
    const second = startRemote()
    try {
      await run(() => second.call('open', [path, true]))
      return second
    } catch {
      // One thread counts as well, in twice the time.
      second.end()
      return null
    }
  }
  return sqliteStore({ remote, openSecond, path, absent, options, clock, run })
}

/** Another account writes again and again, and leaves no time to read what is whole. */
function beingWritten(path: string, cause: unknown): UnavailableError {
  return new UnavailableError(
    `the database ${path} is being written by another account`,
    'run the same command again when that is done, or as a user who may write the file and its folder',
    { cause },
  )
}

/** Whether a file is yet to be made. Throws UserError where none can be: a folder is there, or none is. */
function isAbsent(path: string): boolean {
  try {
    if (statSync(dirname(path)).isDirectory() && !statSync(path, { throwIfNoEntry: false })?.isDirectory())
      return !existsSync(path)
  } catch (error) {
    throw cannotOpen(path, { cause: error })
  }
  throw cannotOpen(path)
}

type Run = <T>(attempt: () => Promise<T>) => Promise<T>

type Opened = {
  readonly remote: Remote
  /** A second connection, to read. */
  readonly openSecond: () => Promise<Remote | null>
  readonly path: string
  /** Whether nothing is there yet, and nothing is to be made. */
  readonly absent: boolean
  readonly options: StoreOptions
  readonly clock: Clock
  readonly run: Run
}

function sqliteStore({ remote, openSecond, path, absent, options, clock, run }: Opened): Store {
  let open = true
  let writes = 0
  const whileOpen = async <T>(attempt: () => Promise<T>): Promise<T> => {
    if (!open) throw new UnavailableError(`the database ${path} is closed`, 'open it again')
    return run(attempt)
  }
  const call = <N extends CallName>(
    name: N,
    ...values: Parameters<SqliteCalls[N]>
  ): Promise<ReturnType<SqliteCalls[N]>> => whileOpen(() => remote.call(name, values))
  const counting = startCounting({ first: remote, openSecond, clock, attempt: whileOpen })
  return {
    kind: 'sqlite',
    batchRows: options.batchRows ?? BATCH_ROWS,
    // One works and one waits in the thread's own queue, so that it never waits for this one: a tenth faster.
    writers: 2,
    mostBatches: 2,
    prepare: (tables: readonly Table[]) => call('prepare', tables, clock.nowMs()),
    ledger: (series) => call('ledger', series),
    archives: (series) => call('archives', series),
    knownSeries: (tables) => call('knownSeries', tables),
    write: async (pages, writeOptions) => {
      writes += 1
      const write = writes
      const { pages: sent, transfer } = packPages(pages)
      try {
        // The answers come in the order of the calls, so only the last one is waited for.
        const taken = whileOpen(() => remote.call('take', [write, sent], transfer))
        const [, result] = await Promise.all([taken, call('write', write, writeOptions ?? {})])
        return result
      } finally {
        if (open) void remote.call('drop', [write]).catch(() => {})
      }
    },
    holding: (series, table) => call('holding', series, table),
    counts: (series, table, spans) => counting.count('counts', series, table, spans),
    ends: (series, table) => call('ends', series, table),
    countIds: (series, table, ranges) => counting.count('countIds', series, table, ranges),
    fromIds: (series, table, ids) => call('fromIds', series, table, ids),
    read: (series, table, span, limit) => call('read', series, table, span, limit),
    readIds: (series, table, fromId, limit) => call('readIds', series, table, fromId, limit),
    check: (tables) => call('check', tables, path, !absent),
    close: async () => {
      if (!open) return
      open = false
      try {
        await counting.close()
        await remote.call('close', [])
      } finally {
        remote.end()
      }
    },
  }
}

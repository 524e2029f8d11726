// A file that this user may only read, and somebody else may be writing. SQLite's locks lie in a file beside
// it that such a reader can use but not make. Where there is none, nothing holds a writer off: that the file
// was written is then seen from outside, and what was read meanwhile is told to nobody.
import type { Database } from 'bun:sqlite'
import { type BigIntStats, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { sqliteCode } from './errors.ts'

export type OpenFile = {
  /** Runs `work` on the database, and throws what it throws. */
  look<T>(work: (database: Database) => T): T
  close(): void
}

/** One of SQLite's codes for a lock, so that it is waited for as for any other. */
const CHANGING = 'SQLITE_BUSY_FOREIGN'

/** Two writes may leave the same time of change within so long; the clock of a file ticks every 10 ms. */
const TICK_MS = 100
/** While files come and go SQLite may find one of them without the other; for so long it is not believed. */
const SETTLING_MS = 1_000

/** Whether the error says that somebody else was writing the file while it was read. */
export function isChanging(error: unknown): boolean {
  return sqliteCode(error) === CHANGING
}

/**
 * The file at `path`, opened by `open`, which is told whether there are locks to use. Throws an error of
 * `isChanging` where somebody wrote meanwhile: once more, and the file is read as it is then.
 */
export function openForeign(path: string, open: (hasLocks: boolean) => Database): OpenFile {
  type Opened = { readonly database: Database; readonly hasLocks: boolean; readonly seen: string }
  let opened: Opened | null = null
  const close = (): void => {
    opened?.database.close()
    opened = null
  }
  const look = <T>(work: (database: Database) => T): T => {
    if (opened && opened.seen !== sight(path, opened.hasLocks)) close()
    const hasLocks = opened?.hasLocks ?? seesWriter(path)
    const seen = opened?.seen ?? sight(path, hasLocks)
    if (!opened && !hasLocks && wasTouched([path], TICK_MS)) throw changing()
    try {
      opened ??= { database: open(hasLocks), hasLocks, seen }
      const result = work(opened.database)
      if (seen === sight(path, hasLocks)) return result
    } catch (error) {
      const isDoubtful = sqliteCode(error) !== '' && wasTouched(allOf(path), SETTLING_MS)
      if (seen === sight(path, hasLocks) && !isDoubtful) throw error
    }
    close()
    throw changing()
  }
  look(() => undefined)
  return { look, close }
}

function changing(): Error {
  return Object.assign(new Error('the file was written while it was read'), { code: CHANGING })
}

/** Whether SQLite keeps a log of changes beside the file: somebody has it open, or left in the middle. */
function seesWriter(path: string): boolean {
  return ['-wal', '-journal'].some((end) => statOf(`${path}${end}`) !== null)
}

/**
 * What is the same as long as what was opened may be read on. With locks: that it is still these files;
 * without: that nothing at all has changed, and nobody has begun to.
 */
function sight(path: string, hasLocks: boolean): string {
  const file = statOf(path)
  const parts = hasLocks
    ? [file?.ino, statOf(`${path}-wal`)?.ino]
    : [file?.ino, file?.size, file?.ctimeNs, seesWriter(path)]
  return parts.join()
}

/** The file, what SQLite keeps beside it, and the folder, which changes as these come and go. */
const allOf = (path: string): string[] => [
  path,
  ...['-wal', '-shm', '-journal'].map((end) => path + end),
  dirname(path),
]

function wasTouched(paths: readonly string[], withinMs: number): boolean {
  return paths.some((path) => {
    const stat = statOf(path)
    const agoMs = stat ? Date.now() - Number(stat.ctimeNs / 1_000_000n) : Number.POSITIVE_INFINITY
    return agoMs > -withinMs && agoMs < withinMs
  })
}

function statOf(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true })
  } catch {
    return null
  }
}

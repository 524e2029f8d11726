// Opens a SQLite file. WAL and NORMAL: a killed process loses nothing, and readers never wait for the writer.
import { constants, Database } from 'bun:sqlite'
import { accessSync, existsSync, constants as fileRights, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { type OpenFile, openForeign } from './foreign-file.ts'

/** How long one statement waits for another process's lock; the longer wait is the store's. */
const BUSY_TIMEOUT_MS = 500

/**
 * Page cache of the connection, in KiB; enough for the inner pages of every table in use. Eight times as much
 * made nothing faster and took 20 MB of memory more (measured): the system keeps the file's pages too.
 */
const CACHE_KIB = 512

/** Page size of a new file in bytes: a third fewer system calls than SQLite's 4,096 (measured). */
const PAGE_BYTES = 16_384

/**
 * The WAL is folded back every so many pages, so that it stays near 16 MB: with twice as much the last fold
 * takes longer, and nothing is faster (measured).
 */
const WAL_PAGES = 1_000

/** The open database. Throws what SQLite throws, so that a lock can be waited for, with nothing left open. */
export function openDatabase(path: string, readOnly: boolean): OpenFile {
  if (readOnly) return openToRead(realPath(path))
  const database = new Database(path, { create: true, readwrite: true })
  return owned(setUp(database, false))
}

/**
 * Opens a file to read, and leaves nothing beside it. A read-only connection to a WAL database makes -wal and
 * -shm and lets them lie; one that may write removes them when it closes. Where the file or its folder cannot
 * be written and -wal is not there, SQLite refuses to read, unless it is told that nobody writes: it is, and
 * whether that holds is watched.
 */
function openToRead(path: string): OpenFile {
  const openLocked = (): Database => setUp(new Database(path, { readonly: true }), true)
  if (!isWritable(path) || !isWritable(dirname(path)))
    return openForeign(path, (hasLocks) => (hasLocks ? openLocked() : openUnlocked(path)))
  if (existsSync(`${path}-wal`)) return owned(openLocked())
  const database = new Database(path, { create: false, readwrite: true })
  database.run('PRAGMA query_only = ON')
  return owned(setUp(database, true))
}

function openUnlocked(path: string): Database {
  const address = `file:${encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23')}?immutable=1`
  return setUp(new Database(address, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI), true)
}

function owned(database: Database): OpenFile {
  return { look: (work) => work(database), close: () => database.close() }
}

/** Where a file is, past all links: there SQLite keeps the others, and not beside the link. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // What is not there is told by whoever opens it.
    return path
  }
}

/** Whether this user may write there. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, fileRights.W_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Pages held while rows are counted: so few that they stay in the processor's own cache. Every page is copied
 * once and not needed again, and into 16 MiB that takes longer (measured).
 */
const SCAN_PAGES = 20

/** Runs `work`, which walks through more of the file than any cache holds, in one read transaction. */
export function whileScanning<T>(database: Database, work: () => T): T {
  database.run(`PRAGMA cache_size = ${SCAN_PAGES}`)
  try {
    return database.transaction(work)()
  } finally {
    database.run(`PRAGMA cache_size = -${CACHE_KIB}`)
  }
}

/** Prepares a connection, which is closed where that fails. */
function setUp(database: Database, readOnly: boolean): Database {
  try {
    runPragmas(database, readOnly)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function runPragmas(database: Database, readOnly: boolean): void {
  database.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
  database.run(`PRAGMA cache_size = -${CACHE_KIB}`)
  // Statement journals in memory: in a file they double the time in the system, and need a writable /tmp.
  database.run('PRAGMA temp_store = MEMORY')
  // Reading the schema is what shows that the file is a database at all.
  database.query('SELECT count(*) FROM sqlite_schema').get()
  if (readOnly) return
  database.run(`PRAGMA page_size = ${PAGE_BYTES}`)
  // While another process makes the same file, this one is refused at once, whatever the timeout.
  database.run('PRAGMA journal_mode = WAL')
  database.run('PRAGMA synchronous = NORMAL')
  database.run(`PRAGMA wal_autocheckpoint = ${WAL_PAGES}`)
}

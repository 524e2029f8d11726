// Opens a SQLite file and turns what SQLite says into instructions. WAL and NORMAL: a killed process loses
// nothing, and readers never wait for the writer.
import { constants, Database } from 'bun:sqlite'
import { accessSync, existsSync, constants as fileRights } from 'node:fs'
import { dirname } from 'node:path'
import { PetrosaError, UnavailableError, UserError } from '../../errors.ts'

/**
 * How long one statement waits for another process's lock. Short, since it holds up the event loop; see
 * write.ts.
 */
const BUSY_TIMEOUT_MS = 500

/** Page cache of the connection, in KiB; enough for the inner pages of every table in use. */
const CACHE_KIB = 16_384

/** Page size of a new file in bytes: a third fewer system calls than SQLite's 4,096 (measured). */
const PAGE_BYTES = 16_384

/** The WAL is folded back every so many pages, so that it stays near 32 MB. */
const WAL_PAGES = 2_000

/**
 * The path of a SQLite file from what `--db-uri` and SQLITE_PATH allow: a path, `sqlite:///path` or
 * `file:path`.
 */
export function sqlitePath(uri: string): string {
  for (const prefix of ['sqlite://', 'sqlite:', 'file://', 'file:']) {
    if (uri.startsWith(prefix)) return decodeURIComponent(uri.slice(prefix.length))
  }
  return uri
}

/** The open database. Throws what SQLite throws, so that a lock can be waited for, with nothing left open. */
export function openDatabase(path: string, readOnly: boolean): Database {
  const database = readOnly ? openToRead(path) : new Database(path, { create: true, readwrite: true })
  try {
    setUp(database, readOnly)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Opens a file to read, and leaves nothing beside it. A read-only connection to a WAL database makes -wal and
 * -shm and lets them lie; one that may write removes them when it closes. Where the file or its folder cannot
 * be written nobody else writes either, and SQLite is told so: it would refuse to read otherwise.
 */
function openToRead(path: string): Database {
  if (existsSync(`${path}-wal`)) return new Database(path, { readonly: true })
  if (!isWritable(path) || !isWritable(dirname(path))) {
    const address = `file:${encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23')}?immutable=1`
    return new Database(address, constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI)
  }
  const database = new Database(path, { create: false, readwrite: true })
  database.run('PRAGMA query_only = ON')
  return database
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, fileRights.W_OK)
    return true
  } catch {
    return false
  }
}

function setUp(database: Database, readOnly: boolean): void {
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

/** SQLite's result code of an error, for example SQLITE_BUSY, or '' when it is none of SQLite's. */
export function sqliteCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : ''
}

/** Whether an error means that another process holds the lock just now. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error))
}

/** An error of SQLite as an instruction; errors that are already one, and foreign ones, stay as they are. */
export function explained(error: unknown, path: string): unknown {
  if (error instanceof PetrosaError) return error
  const code = sqliteCode(error)
  const options = { cause: error }
  if (isBusy(error)) {
    return new UnavailableError(
      `the database ${path} is locked by another program`,
      'close what holds it open for writing, then run the same command again',
      options,
    )
  }
  if (code.startsWith('SQLITE_FULL')) {
    return new UnavailableError(
      `no space left for the database ${path}`,
      'free some space, then run the same command again: all that was written so far is kept',
      options,
    )
  }
  if (code.startsWith('SQLITE_IOERR')) {
    return new UnavailableError(
      `the system could not read or write the database ${path} (${code})`,
      'check the disk and its free space, then run the same command again',
      options,
    )
  }
  if (code.startsWith('SQLITE_READONLY')) {
    return new UserError(
      `the database ${path} cannot be written`,
      'make the file and its folder writable for this user, or choose another with --db-uri or SQLITE_PATH',
      options,
    )
  }
  if (code.startsWith('SQLITE_CANTOPEN')) {
    return new UserError(
      `the database ${path} cannot be opened`,
      'its folder must exist and be writable for this user; choose another path with --db-uri or SQLITE_PATH',
      options,
    )
  }
  if (code.startsWith('SQLITE_NOTADB')) {
    return new UserError(
      `the file ${path} is not a SQLite database`,
      'choose another path with --db-uri or SQLITE_PATH; the file was left as it is',
      options,
    )
  }
  if (code.startsWith('SQLITE_CORRUPT')) {
    return new UserError(
      `the database ${path} is damaged`,
      "restore it from a backup, or save what can be saved with sqlite3's .recover",
      options,
    )
  }
  return error
}

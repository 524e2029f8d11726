// What SQLite says, as instructions.
import { PetrosaError, UnavailableError, UserError } from '../../errors.ts'

/** SQLite's result code of an error, for example SQLITE_BUSY, or '' when it is none of SQLite's. */
export function sqliteCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : ''
}

/** Whether an error means that another process holds the lock just now. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error))
}

/** No file can be opened or made there. */
export function cannotOpen(path: string, options?: ErrorOptions): UserError {
  return new UserError(
    `the database ${path} cannot be opened`,
    'its folder must exist and be writable for this user; choose another path with --db-uri or SQLITE_PATH',
    options,
  )
}

/** What SQLite says where a statement of ours names what somebody took away or renamed. */
const changed = /^no such (table|column): |^table \S+ has no column named /

/** An error of SQLite as an instruction; errors that are already one, and foreign ones, stay as they are. */
export function explained(error: unknown, path: string): unknown {
  if (error instanceof PetrosaError) return error
  const code = sqliteCode(error)
  const said = error instanceof Error ? error.message : String(error)
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
    return cannotOpen(path, options)
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
  // What the users of the file put on top of our tables: we write nothing that our own tables refuse.
  if (code.startsWith('SQLITE_CONSTRAINT')) {
    return new UserError(
      `a rule that was added to the database ${path} refuses a row: ${said}`,
      'drop that constraint, index or trigger, or choose another database with --db-uri or SQLITE_PATH',
      options,
    )
  }
  if (code === 'SQLITE_ERROR' && changed.test(said)) {
    return new UserError(
      `a table in the database ${path} was changed: ${said}`,
      'petrosa check says which and how it must be; put back what is missing, or choose another database ' +
        'with --db-uri or SQLITE_PATH',
      options,
    )
  }
  return error
}

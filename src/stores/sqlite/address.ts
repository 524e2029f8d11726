// The file that an address of the SQLite store means. What would name no file, or another one than was meant,
// is refused: SQLite itself would take it, fetch into it, and keep nothing of it.
import { UserError } from '../../errors.ts'

/**
 * The path of a SQLite file from what `--db-uri` and SQLITE_PATH allow: a path, `sqlite:///path` or
 * `file:path`. Throws UserError where it names no file.
 */
export function sqlitePath(uri: string): string {
  const [, scheme, rest = ''] = /^(sqlite|file):(?:\/\/)?(.*)$/is.exec(uri) ?? []
  const path = scheme === undefined ? uri : decoded(rest, uri)
  if (path.trim() !== '' && !path.includes('\0')) return path
  throw new UserError(
    `the address ${JSON.stringify(uri)} names no file`,
    'write the path of the database, for example sqlite:///data/petrosa.db or ./petrosa.db',
  )
}

function decoded(rest: string, uri: string): string {
  if (rest.includes('?'))
    throw new UserError(
      `the address ${uri} has a query, and the sqlite store takes none`,
      "leave out the ? and what follows; if it is a part of the file's name, write %3F, or the plain path",
    )
  try {
    return decodeURIComponent(rest)
  } catch (error) {
    throw new UserError(
      `the address ${uri} cannot be read: a % in it begins no character`,
      'write %25 for a % itself, or the plain path without a scheme',
      { cause: error },
    )
  }
}

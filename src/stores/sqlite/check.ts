// What `check` finds about a SQLite file: whether it and its folder can be written, and whether what is in it
// is ours. Changes nothing; a file that is yet to be made is as good as an empty one.
import type { Database } from 'bun:sqlite'
import { dirname } from 'node:path'
import type { Table } from '../../core/dataset.ts'
import type { Finding } from '../../core/store.ts'
import { PetrosaError } from '../../errors.ts'
import { isWritable, realPath } from './open.ts'
import { hasTable, schemaState } from './schema.ts'

/** The findings for an open database, which stands in for the file at `path` where that is not there. */
export function checkDatabase(
  database: Database,
  tables: readonly Table[],
  path: string,
  isThere: boolean,
): readonly Finding[] {
  const version = database.query<{ v: string }, []>('SELECT sqlite_version() AS v').get()?.v ?? '?'
  const where = isThere ? path : `${path}, which would be made`
  return [
    { name: 'store reachable', ok: true, detail: `SQLite ${version}, ${where}`, advice: '' },
    writableFinding(path, isThere),
    schemaFinding(database, tables, `the database ${path}`),
  ]
}

/** Beside the file, past all links, SQLite keeps two more, so that its folder counts as much. */
function writableFinding(path: string, isThere: boolean): Finding {
  const name = 'store writable'
  const folder = dirname(realPath(path))
  const closed = [...(isThere ? [path] : []), folder].find((place) => !isWritable(place))
  if (closed === undefined) return { name, ok: true, detail: 'the file and its folder', advice: '' }
  return {
    name,
    ok: false,
    detail: `${closed === path ? `the file ${path}` : `the folder ${folder}`} cannot be written`,
    advice:
      'make the file and its folder writable for this user, or choose another with --db-uri or SQLITE_PATH',
  }
}

function schemaFinding(database: Database, tables: readonly Table[], place: string): Finding {
  const name = 'store schema'
  try {
    const { version } = schemaState(database, tables, place)
    const made = tables.filter((table) => hasTable(database, table.name)).length
    return { name, ok: true, detail: `version ${version}, ${made} tables of data`, advice: '' }
  } catch (error) {
    if (!(error instanceof PetrosaError)) throw error
    return { name, ok: false, detail: error.message, advice: error.advice }
  }
}

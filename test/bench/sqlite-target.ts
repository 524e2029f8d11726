// SQLite under measurement; its loader is the .import of the sqlite3 command, into the same table with the
// same key.
import { Database } from 'bun:sqlite'
import { rm } from 'node:fs/promises'
import { measure, removeDatabase, type Usage } from './measure.ts'
import type { Target } from './store-bench.ts'

/** The statement that made a table. */
function schemaOf(path: string, table: string): string {
  const database = new Database(path, { readonly: true })
  const found = database
    .query<{ sql: string }, [string]>('SELECT sql FROM sqlite_schema WHERE name = ?')
    .get(table)
  database.close()
  return found?.sql ?? ''
}

/** Has sqlite3 write a table as a file. */
const dumpTable = (path: string, table: string, csv: string): Promise<Usage> =>
  measure(['sqlite3', path, '-csv', '-cmd', `.output ${csv}`, `SELECT * FROM ${table}`])

/** What .import takes to bring such a file into an empty table of the same shape and key. */
async function importTable(path: string, table: string, schema: string, csv: string): Promise<Usage> {
  await removeDatabase(path)
  await measure(['sqlite3', path, `PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; ${schema};`])
  const importing = `.import --csv ${csv} ${table}`
  const usage = await measure(['sqlite3', path, '-cmd', 'PRAGMA synchronous = NORMAL', importing])
  await removeDatabase(path)
  return usage
}

export type Import = { readonly once: () => Promise<Usage>; readonly close: () => Promise<void> }

/** .import of the rows that a table of the database `path` has now, as often as is asked for. */
export async function importOf(path: string, table: string): Promise<Import> {
  const csv = `${path}.csv`
  await dumpTable(path, table, csv)
  const schema = schemaOf(path, table)
  return {
    once: () => importTable(`${path}.import`, table, schema, csv),
    close: () => rm(csv),
  }
}

/** The SQLite target in the file `path`; what is measured goes into `table`. */
export async function sqliteTarget(path: string, table = 'klines_m1'): Promise<Target> {
  const csv = `${path}.csv`
  const change = (work: (database: Database) => void): void => {
    const database = new Database(path)
    work(database)
    database.close()
  }
  let schema = ''
  return {
    name: 'sqlite',
    loader: 'sqlite3 .import',
    goal: 1.5,
    flags: ['--db-uri', path],
    env: {},
    clear: () => removeDatabase(path),
    forget: async (everyNth) =>
      change((database) => {
        database.run('DELETE FROM petrosa_coverage')
        if (everyNth > 0)
          database.run(
            `UPDATE ${table} SET volume = volume || '1' WHERE (open_time / 60000) % ${everyNth} = 0`,
          )
      }),
    load: async () => {
      if (schema === '') {
        await dumpTable(path, table, csv)
        schema = schemaOf(path, table)
      }
      return (await importTable(`${path}.import`, table, schema, csv)).wallSeconds
    },
    close: async () => {
      await removeDatabase(path)
      await rm(csv, { force: true })
    },
  }
}

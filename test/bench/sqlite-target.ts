// SQLite under measurement; its loader is the .import of the sqlite3 command, into the same table with the
// same key.
import { Database } from 'bun:sqlite'
import { rm } from 'node:fs/promises'
import { measure } from './measure.ts'
import type { Target } from './store-bench.ts'

/** The SQLite target in the file `path`; what is measured goes into `table`. */
export async function sqliteTarget(path: string, table = 'klines_m1'): Promise<Target> {
  const csv = `${path}.csv`
  const remove = async (file: string): Promise<void> => {
    for (const suffix of ['', '-wal', '-shm']) await rm(file + suffix, { force: true })
  }
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
    clear: () => remove(path),
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
        await measure(['sqlite3', path, '-csv', '-cmd', `.output ${csv}`, `SELECT * FROM ${table}`])
        const database = new Database(path, { readonly: true })
        schema =
          database.query<{ sql: string }, []>(`SELECT sql FROM sqlite_schema WHERE name = '${table}'`).get()
            ?.sql ?? ''
        database.close()
      }
      const other = `${path}.import`
      await remove(other)
      const prepare = `PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; ${schema};`
      await measure(['sqlite3', other, prepare])
      const { wallSeconds } = await measure([
        'sqlite3',
        other,
        '-cmd',
        'PRAGMA synchronous = NORMAL',
        `.import --csv ${csv} ${table}`,
      ])
      await remove(other)
      return wallSeconds
    },
    close: async () => {
      await remove(path)
      await rm(csv, { force: true })
    },
  }
}

// PostgreSQL under measurement; its loader is psql's \copy into a table with the same key.
import { join } from 'node:path'
import { measure } from './measure.ts'
import type { Target } from './store-bench.ts'

const TABLE = 'klines_m1'
const DATABASE = 'petrosa_bench'

/** The PostgreSQL target on the server of `uri`, in a database of its own. */
export async function postgresqlTarget(uri: string, folder: string): Promise<Target> {
  const own = new URL(uri)
  own.pathname = `/${DATABASE}`
  const sql = async (text: string, at: string = own.href): Promise<number> =>
    (await measure(['psql', at, '-qX', '-v', 'ON_ERROR_STOP=1', '-c', text])).wallSeconds
  const file = join(folder, 'postgresql.copy')
  let copied = false
  await sql(`DROP DATABASE IF EXISTS ${DATABASE}`, uri)
  await sql(`CREATE DATABASE ${DATABASE}`, uri)
  return {
    name: 'postgresql',
    loader: 'psql \\copy',
    goal: 1,
    flags: ['--db', 'postgresql'],
    env: { POSTGRESQL_URI: own.href },
    clear: async () => {
      await sql('DROP SCHEMA public CASCADE')
      await sql('CREATE SCHEMA public')
    },
    forget: async (everyNth) => {
      await sql('DELETE FROM petrosa_coverage')
      const minute = "(extract(epoch FROM open_time)::bigint / 60)"
      if (everyNth > 0) await sql(`UPDATE ${TABLE} SET volume = volume + 0.001 WHERE ${minute} % ${everyNth} = 0`)
    },
    load: async () => {
      if (!copied) await sql(`\\copy (SELECT * FROM ${TABLE} ORDER BY market, symbol, open_time) TO '${file}'`)
      copied = true
      await sql('DROP TABLE IF EXISTS loaded')
      await sql(`CREATE TABLE loaded (LIKE ${TABLE} INCLUDING ALL)`)
      const seconds = await sql(`\\copy loaded FROM '${file}'`)
      await sql('DROP TABLE loaded')
      return seconds
    },
    close: async () => {
      await sql(`DROP DATABASE ${DATABASE}`, uri)
    },
  }
}

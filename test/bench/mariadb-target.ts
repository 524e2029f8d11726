// MariaDB (or MySQL) under measurement; its loader is LOAD DATA by the mariadb command into a table with the
// same key.
import { join } from 'node:path'
import { measure } from './measure.ts'
import type { Target } from './store-bench.ts'

const TABLE = 'klines_m1'
const DATABASE = 'petrosa_bench'

/** The target on the server of `uri`, in a database of its own. */
export async function mariadbTarget(name: 'mariadb' | 'mysql', uri: string, folder: string): Promise<Target> {
  const own = new URL(uri)
  own.pathname = `/${DATABASE}`
  const client = [
    ...['mariadb', '--no-defaults', '--local-infile=1', '--batch', '--skip-column-names'],
    ...['-h', own.hostname, '-P', own.port || '3306', '-u', own.username, `-p${own.password}`],
  ]
  const sql = (text: string, database = DATABASE): Promise<{ wallSeconds: number; stdout: string }> =>
    measure([...client, database, '-e', text])
  const file = join(folder, `${name}.tsv`)
  let copied = false
  await sql(`DROP DATABASE IF EXISTS ${DATABASE}; CREATE DATABASE ${DATABASE}`, '')
  return {
    name,
    loader: 'LOAD DATA',
    goal: 0.9,
    flags: ['--db', 'mysql'],
    env: { MYSQL_URI: own.href },
    clear: async () => {
      await sql(`DROP DATABASE ${DATABASE}; CREATE DATABASE ${DATABASE}`, '')
    },
    forget: async (everyNth) => {
      await sql('DELETE FROM petrosa_coverage')
      const minute = "(timestampdiff(MINUTE, '2000-01-01', open_time))"
      if (everyNth > 0)
        await sql(`UPDATE ${TABLE} SET volume = volume + 0.001 WHERE ${minute} % ${everyNth} = 0`)
    },
    load: async () => {
      if (!copied)
        await Bun.write(file, (await sql(`SELECT * FROM ${TABLE} ORDER BY market, symbol, open_time`)).stdout)
      copied = true
      await sql(`DROP TABLE IF EXISTS loaded; CREATE TABLE loaded LIKE ${TABLE}`)
      const { wallSeconds } = await sql(`LOAD DATA LOCAL INFILE '${file}' INTO TABLE loaded`)
      await sql('DROP TABLE loaded')
      return wallSeconds
    },
    close: async () => {
      await sql(`DROP DATABASE ${DATABASE}`, '')
    },
  }
}

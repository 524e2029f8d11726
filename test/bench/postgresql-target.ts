// PostgreSQL under measurement; its loader is psql's \copy of the same rows, in the same order, into the same
// table with the same key. Wants TEST_POSTGRESQL_URI and psql.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { postgresqlBed } from '../rig/postgresql-server.ts'
import { measure } from './measure.ts'
import type { Target } from './store-bench.ts'

/**
 * The PostgreSQL target in a database of its own, for what goes into `table`; null where there is no server
 * or no psql.
 */
export async function postgresqlTarget(folder: string, table = 'klines_m1'): Promise<Target | null> {
  const bed = Bun.which('psql') ? await postgresqlBed() : null
  if (!bed) return null
  const file = join(folder, 'rows.copy')
  const psql = (...commands: readonly string[]): Promise<{ readonly wallSeconds: number }> =>
    measure([
      'psql',
      bed.uri,
      '-q',
      '-v',
      'ON_ERROR_STOP=1',
      ...commands.flatMap((command) => ['-c', command]),
    ])
  let saved = false
  return {
    name: 'postgresql',
    loader: 'psql \\copy',
    goal: 1,
    flags: ['--db', 'postgresql', '--db-uri', bed.uri],
    env: {},
    clear: async () => {
      const names = `${table}, petrosa_coverage`
      await bed.sql.unsafe(`TRUNCATE ${names}`).catch(() => {})
      await bed.sql.unsafe('CHECKPOINT').catch(() => {})
    },
    forget: async (everyNth) => {
      await bed.sql.unsafe('TRUNCATE petrosa_coverage')
      if (everyNth === 0) return
      const minute = 'extract(epoch FROM open_time)::bigint / 60'
      await bed.sql.unsafe(`UPDATE ${table} SET volume = volume + 1 WHERE (${minute}) % ${everyNth} = 0`)
    },
    load: async () => {
      if (!saved) {
        const key = table === 'klines_m1' ? 'open_time' : 'agg_trade_id'
        const rows = `SELECT * FROM ${table} ORDER BY market, symbol, ${key}`
        await psql(`\\copy (${rows}) TO '${file}'`)
        saved = true
      }
      await bed.sql.unsafe(`DROP TABLE IF EXISTS loaded; CREATE TABLE loaded (LIKE ${table} INCLUDING ALL)`)
      await bed.sql.unsafe('CHECKPOINT').catch(() => {})
      const { wallSeconds } = await psql(`\\copy loaded FROM '${file}'`)
      await bed.sql.unsafe('DROP TABLE loaded')
      return wallSeconds
    },
    close: async () => {
      await bed.drop()
      await rm(file, { force: true })
    },
  }
}

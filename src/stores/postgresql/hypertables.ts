// TimescaleDB: makes the tables of data hypertables where a setting asks for it. Everything else goes on as
// with plain tables, since a hypertable takes the same COPY and the same statements.
import { DAY_MS, fixedGrid } from '../../core/calendar.ts'
import { type Table, timeName } from '../../core/dataset.ts'
import { UserError } from '../../errors.ts'
import { lockSchema } from './locks.ts'
import type { Session } from './session.ts'
import { inTransaction } from './transaction.ts'

/** Candles of one symbol in a chunk; never less than TimescaleDB's own week, so that chunks stay few. */
const CHUNK_PLACES = 10_000
const SHORTEST_CHUNK_DAYS = 7
const MONTH_DAYS = 31

/**
 * Makes hypertables of those of `tables` whose key holds their time (TimescaleDB wants that); safe to run
 * again. Throws UserError where the extension is not there.
 */
export async function makeHypertables(
  session: Session,
  tables: readonly Table[],
  place: string,
): Promise<void> {
  await inTransaction(session, 'write', async () => {
    await lockSchema(session)
    const { rows } = await session.run("SELECT to_regproc('create_hypertable') IS NOT NULL")
    if (rows[0]?.[0] !== true && rows[0]?.[0] !== 't') {
      throw new UserError(
        `${place} has no TimescaleDB, and --hypertables asks for it`,
        'run CREATE EXTENSION timescaledb there, or leave --hypertables out',
      )
    }
    for (const table of tables) {
      if (table.timeColumn >= table.keyLength) continue
      await session.run(
        `SELECT create_hypertable('${table.name}', '${timeName(table)}', if_not_exists => true, ` +
          `migrate_data => true, chunk_time_interval => interval '${chunkDays(table)} days')`,
      )
    }
  })
}

function chunkDays(table: Table): number {
  const placeDays =
    table.period === null ? 0 : (fixedGrid(table.period)?.lengthMs ?? MONTH_DAYS * DAY_MS) / DAY_MS
  return Math.max(SHORTEST_CHUNK_DAYS, Math.ceil(CHUNK_PLACES * placeDays))
}

// Hypertables, with a stand-in for TimescaleDB's function that writes down its calls: no server of the tests
// has the extension. What is held here is when it is asked, and for what.
import { afterAll, describe, expect, test } from 'bun:test'
import { allTables } from '../../src/datasets/all.ts'
import { UserError } from '../../src/errors.ts'
import { openPostgresql } from '../../src/stores/postgresql/store.ts'
import { postgresqlBed } from '../rig/postgresql-server.ts'
import { virtualClock } from '../rig/virtual-clock.ts'

const bed = await postgresqlBed()
const tables = allTables.filter((table) => ['klines_m1', 'klines_d1', 'klines_mo1'].includes(table.name))

const standIn = `
  CREATE TABLE asked (relation text, place text, chunk interval);
  CREATE FUNCTION create_hypertable(relation regclass, place name, if_not_exists boolean,
    migrate_data boolean, chunk_time_interval interval) RETURNS text LANGUAGE sql AS
  $$ INSERT INTO asked VALUES (relation::text, place, chunk_time_interval) RETURNING 'made' $$`

/** What the stand-in was asked for: relation, column, days of a chunk. */
async function asked(): Promise<unknown[][]> {
  const rows = await bed?.sql.unsafe(
    'SELECT relation, place, extract(day FROM chunk)::int AS days FROM asked',
  )
  return (rows ?? []).map((row) => [row.relation, row.place, row.days])
}

async function prepare(hypertables: boolean, readOnly = false): Promise<void> {
  const options = { uri: bed?.uri ?? '', readOnly, batchRows: null, hypertables }
  const store = await openPostgresql(options, virtualClock())
  try {
    await store.prepare(tables)
  } finally {
    await store.close()
  }
}

describe.skipIf(bed === null)('hypertables', () => {
  afterAll(() => bed?.drop())

  test('without the extension they are refused, with the way out', async () => {
    const refused = prepare(true)
    await expect(refused).rejects.toThrow(UserError)
    await expect(refused).rejects.toThrow('has no TimescaleDB')
  })

  test('are made for every table of data, in chunks of some thousand candles', async () => {
    await bed?.sql.unsafe(standIn)
    await prepare(false)
    await prepare(true, true)
    expect(await asked()).toEqual([])
    await prepare(true)
    expect(await asked()).toEqual([
      ['klines_m1', 'open_time', 7],
      ['klines_d1', 'open_time', 10_000],
      ['klines_mo1', 'open_time', 310_000],
    ])
  })
})

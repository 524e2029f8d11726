// SQLite for the contract suite: one file in a temporary folder for each database.
import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { timeName } from '../../src/core/dataset.ts'
import { openStore, type Replaced, type Stamp, sqlVersions, type TestDatabase } from './test-database.ts'

const fresh = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'petrosa-test-'))
  return { uri: join(folder, 'contract.db'), drop: () => rm(folder, { recursive: true, force: true }) }
}

export const sqliteDatabase: TestDatabase = {
  kind: 'sqlite',
  label: 'sqlite',
  shared: true,
  open: (options) => openStore('sqlite', options),
  fresh,
  absent: fresh,
  exists: async (uri) => existsSync(uri),
  exec: async (uri, statement) => {
    withFile(uri, (database) => database.run(statement))
  },
  tables: async (uri) => {
    if (!existsSync(uri)) return []
    const text = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    return withFile(uri, (database) => database.query<{ name: string }, []>(text).all()).map(
      ({ name }) => name,
    )
  },
  stamps: async (uri, table, symbol) => {
    const text =
      `SELECT ${timeName(table)} AS timeMs, source, extracted_at AS extractedAtMs FROM ${table.name} ` +
      'WHERE symbol = ? ORDER BY 1'
    return withFile(uri, (database) => database.query<Stamp, [string]>(text).all(symbol))
  },
  replaced: async (uri, series) => {
    const text = 'SELECT series, key, replaced_at AS replacedAtMs, row FROM petrosa_replaced WHERE series = ?'
    return withFile(uri, (database) => database.query<Replaced, [string]>(text).all(series))
  },
  spoil: {
    ...sqlVersions,
    foreignTable: (name) => `CREATE TABLE ${name} (id INTEGER PRIMARY KEY, note TEXT)`,
    trailingZero: "UPDATE klines_m1 SET open_price = '1.50', taker_buy_base_asset_volume = '0.000'",
    foreignValue: "UPDATE klines_m1 SET open_price = 'much'",
    timeZone: null,
  },
}

function withFile<T>(path: string, work: (database: Database) => T): T {
  const database = new Database(path, { create: true, readwrite: true })
  try {
    database.run('PRAGMA busy_timeout = 5000')
    return work(database)
  } finally {
    database.close()
  }
}

// The store on a MySQL or MariaDB server: what each call of the contract does, with bounded sessions and
// bounded tries.
import type { Table } from '../../core/dataset.ts'
import { type Clock, type RetryPolicy, retry } from '../../core/retry.ts'
import { seriesKey } from '../../core/series.ts'
import type { Page, Store, StoreOptions, WriteOptions, WriteResult } from '../../core/store.ts'
import { UserError } from '../../errors.ts'
import { ARCHIVES_TABLE } from '../archives.ts'
import { COVERAGE_TABLE, refuseNewerSchema, SCHEMA_TABLE } from '../schema.ts'
import { type Address, readAddress } from './address.ts'
import { readArchives } from './archives.ts'
import { checkServer } from './check.ts'
import { explained, isPassing, LoadRefusedError, missingDatabase } from './errors.ts'
import { countIds, ends, fromIds } from './keys.ts'
import { mysqlLeases } from './leases.ts'
import { readLedgers } from './ledger.ts'
import { SessionPool } from './pool.ts'
import { counts, holding, knownSeries, readIds, readRows } from './scan.ts'
import { CHARACTERS, prepareSchema, schemaState, schemaVersion, tableNames } from './schema.ts'
import type { Session } from './session.ts'
import { quoted } from './text.ts'
import { type Manner, suitsLoad, writePages } from './write.ts'

/** Rows a write: larger ones bring nothing (measured). */
const BATCH_ROWS = 10_000

/** Writes at once: one is sent while the server works on the other. */
const WRITERS = 2

/** Sessions at once: the writers, and two for reads in between. */
const SESSIONS = WRITERS + 2

/** How a lost server, a deadlock or a lock is met: seven tries over 8 to 16 s. */
const passingPolicy: RetryPolicy = { attempts: 7, firstPauseMs: 250, longestPauseMs: 8_000 }

/** Series remembered for not being as empty as their ledger said. */
const FULL_SERIES_KEPT = 10_000

/** Opens the store. Throws UserError (URI, password, rights, TLS) or UnavailableError (out of reach). */
export async function openMysql(options: StoreOptions, clock: Clock): Promise<Store> {
  const address = readAddress(options.uri)
  const pool = new SessionPool(address, SESSIONS)
  try {
    // Tried once: who starts the program wants to know now, and what starts it for ever tries again.
    await pool.use(async () => undefined)
  } catch (error) {
    throw explained(error, address.place)
  }
  return mysqlStore(new MysqlServer(address, pool, clock, options), options)
}

/** The pool with the store's tries and memory around it; lives as long as the store. */
class MysqlServer {
  readonly address: Address
  readonly pool: SessionPool
  readonly clock: Clock
  readonly #madeDatabase: NonNullable<StoreOptions['madeDatabase']>
  readonly #tables = new Set<string>()
  readonly #full = new Set<string>()
  #loads: boolean

  constructor(address: Address, pool: SessionPool, clock: Clock, options: StoreOptions) {
    this.#madeDatabase = options.madeDatabase ?? (() => undefined)
    this.address = address
    this.pool = pool
    this.clock = clock
    this.#loads = address.localInfile
  }

  /**
   * Runs `work` until it succeeds or nothing speaks for another try. Every error that leaves is an
   * instruction or a defect.
   */
  async run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await retry({
        policy: passingPolicy,
        clock: this.clock,
        attempt: () => this.pool.use(work),
        again: (error) => (isPassing(error) ? { atLeastMs: 0 } : false),
      })
    } catch (error) {
      throw explained(error, this.address.place)
    }
  }

  /** Runs a read of `table`; what does not exist reads as `empty`. */
  readonly read = <T>(table: string, empty: T, work: (session: Session) => Promise<T>): Promise<T> =>
    this.run(async (session) => ((await this.#has(session, table)) ? work(session) : empty))

  async #has(session: Session, table: string): Promise<boolean> {
    if (this.#tables.has(table)) return true
    for (const name of await tableNames(session)) this.#tables.add(name)
    return this.#tables.has(table)
  }

  /**
   * Writes by a bulk load where that suits and is allowed; where it was refused, by comparing, then and
   * from then on.
   */
  async write(pages: readonly Page[], options: WriteOptions): Promise<WriteResult> {
    const known = pages.some((page) => this.#full.has(seriesKey(page.series)))
    if (!this.#loads || known || !suitsLoad(pages)) return this.#writeBy('compare', pages, options)
    try {
      return await this.#writeBy('load', pages, options)
    } catch (error) {
      if (!(error instanceof LoadRefusedError)) throw error
      // With a cause the server refuses all loads; else some row of these series was there already.
      if (error.cause !== undefined) this.#loads = false
      else this.#rememberFull(pages)
      return this.#writeBy('compare', pages, options)
    }
  }

  #writeBy(manner: Manner, pages: readonly Page[], options: WriteOptions): Promise<WriteResult> {
    return this.run((session) => {
      if (!session.hasDatabase) throw missingDatabase(this.address.place)
      if (manner === 'load' && !session.facts.localInfile)
        throw new LoadRefusedError('local_infile is off', { cause: 'server' })
      return writePages(session, this.address.database, pages, manner, options)
    })
  }

  #rememberFull(pages: readonly Page[]): void {
    if (this.#full.size >= FULL_SERIES_KEPT) this.#full.clear()
    for (const page of pages) this.#full.add(seriesKey(page.series))
  }

  /** Makes the database where it is missing, then the schema. */
  async prepare(tables: readonly Table[]): Promise<void> {
    const { address } = this
    await this.run(async (session) => {
      if (session.hasDatabase) return
      await session.connection.query(
        `CREATE DATABASE IF NOT EXISTS ${quoted(address.database)} ${CHARACTERS}`,
      )
      this.#madeDatabase(address.place)
    })
    await this.run((session) =>
      prepareSchema(session, address.database, tables, this.clock.nowMs(), address.place),
    )
  }

  /** Refuses foreign tables and a newer schema, and makes nothing. */
  async checkTables(tables: readonly Table[]): Promise<void> {
    await this.run((session) => schemaState(session, tables, this.address.place))
  }

  /** Refuses what a newer program wrote, for commands that prepare nothing. */
  async refuseNewer(session: Session): Promise<void> {
    if (await this.#has(session, SCHEMA_TABLE))
      refuseNewerSchema(await schemaVersion(session), this.address.place)
  }
}

const isEmpty = ({ rows, ledger, archives = [] }: Page): boolean =>
  rows.count === 0 && ledger.length === 0 && archives.length === 0

function mysqlStore(server: MysqlServer, options: StoreOptions): Store {
  const refuseReadOnly = (): void => {
    if (!options.readOnly) return
    throw new UserError(
      'the store was opened to read only',
      'plans change nothing: run the command without --dry-run',
    )
  }
  return {
    kind: 'mysql',
    batchRows: options.batchRows ?? BATCH_ROWS,
    writers: WRITERS,
    mostBatches: WRITERS + 1,
    prepare: (tables) => (options.readOnly ? server.checkTables(tables) : server.prepare(tables)),
    ledger: (series) =>
      server.read(
        COVERAGE_TABLE,
        series.map(() => []),
        async (session) => {
          await server.refuseNewer(session)
          return readLedgers(session, series.map(seriesKey))
        },
      ),
    archives: (series) =>
      server.read(
        ARCHIVES_TABLE,
        series.map(() => []),
        async (session) => {
          await server.refuseNewer(session)
          return readArchives(session, series.map(seriesKey))
        },
      ),
    knownSeries: (tables) =>
      server.run(async (session) => {
        await schemaState(session, tables, server.address.place)
        return knownSeries(session, tables)
      }),
    write: async (pages, writeOptions) => {
      refuseReadOnly()
      if (pages.every(isEmpty)) return { written: 0, changed: 0 }
      return server.write(pages, writeOptions ?? {})
    },
    holding: (series, table) => server.read(table.name, null, (session) => holding(session, series, table)),
    counts: (series, table, spans) =>
      server.read(
        table.name,
        spans.map(() => 0),
        (session) => counts(session, series, table, spans),
      ),
    ends: (series, table) => server.read(table.name, null, (session) => ends(session, series, table)),
    countIds: (series, table, ranges) =>
      server.read(
        table.name,
        ranges.map(() => 0),
        (session) => countIds(session, series, table, ranges),
      ),
    fromIds: (series, table, ids) =>
      server.read(
        table.name,
        ids.map(() => null),
        (session) => fromIds(session, series, table, ids),
      ),
    read: (series, table, span, limit) =>
      server.read(table.name, { count: 0, columns: table.columns.map(() => []) }, (session) =>
        readRows(session, series, table, span, limit),
      ),
    readIds: (series, table, fromId, limit) =>
      server.read(table.name, { count: 0, columns: table.columns.map(() => []) }, (session) =>
        readIds(session, series, table, fromId, limit),
      ),
    leases: mysqlLeases((work) => server.run(work)),
    check: (tables) => server.run((session) => checkServer(session, server.address, tables)),
    close: () => server.pool.close(),
  }
}

// The PostgreSQL store: the contract of core/store.ts over a bounded pool of sessions, with every failure
// explained and what may pass tried again.
import { emptyRows } from '../../core/dataset.ts'
import { type Clock, type RetryPolicy, retry } from '../../core/retry.ts'
import { seriesKey } from '../../core/series.ts'
import type { Finding, Page, Store, StoreOptions, WriteOptions, WriteResult } from '../../core/store.ts'
import { UserError } from '../../errors.ts'
import { refuseNewerSchema, SCHEMA_TABLE } from '../schema.ts'
import { type Address, parseAddress, placeText } from './address.ts'
import { readArchives } from './archives.ts'
import { checkServer } from './check.ts'
import { createDatabase } from './database.ts'
import { codeOf, explained, isMissingDatabase, isMissingTable, isNameLost, isTransient } from './errors.ts'
import { makeHypertables } from './hypertables.ts'
import { countIds, ends, fromIds } from './keys.ts'
import { postgresqlLeases } from './leases.ts'
import { readLedgers } from './ledger.ts'
import { type Pool, sessionPool } from './pool.ts'
import { counts, holding, knownSeries, readIds, readRows } from './scan.ts'
import { checkSchema, existingTables, prepareSchema, schemaVersion } from './schema.ts'
import { type Naming, openSession, type Session } from './session.ts'
import { inTransaction } from './transaction.ts'
import { ROWS_MET, wayOf, writePages } from './write.ts'

/** Rows a write: on a busy machine a fifth faster than 10,000 (measured); more would only hold memory. */
const BATCH_ROWS = 25_000

/** Writes at once: two connections keep a server of two cores busy, four bring nothing (measured). */
const WRITERS = 2

/** Connections in all: the writers, and two for reads. */
const SESSIONS = WRITERS + 2

/** How a server that restarts, a deadlock or a lock is met: seven tries over 8 to 16 s, as MySQL's. */
const lostPolicy: RetryPolicy = { attempts: 7, firstPauseMs: 250, longestPauseMs: 8_000 }

/** Opens the store; connects when it is first used. Throws UserError when the URI is none. */
export async function openPostgresql(options: StoreOptions, clock: Clock): Promise<Store> {
  const address = parseAddress(options.uri)
  const naming: Naming = { isAllowed: true }
  const pool = sessionPool(SESSIONS, () => openSession(address, naming))
  return postgresqlStore({ address, pool, naming }, options, clock)
}

type Server = { readonly address: Address; readonly pool: Pool; readonly naming: Naming }

function postgresqlStore({ address, pool, naming }: Server, options: StoreOptions, clock: Clock): Store {
  const place = placeText(address)
  const again = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await retry({
        policy: lostPolicy,
        clock,
        attempt: work,
        again: (error) => (isTransient(error) || goesUnnamed(error, naming) ? { atLeastMs: 0 } : false),
      })
    } catch (error) {
      throw explained(error, address)
    }
  }
  /** Reads in one transaction; what does not exist reads as `empty`. */
  const read: Read = (empty, work) =>
    again(async () => {
      try {
        return await pool.use((session) => inTransaction(session, 'read', () => work(session)))
      } catch (error) {
        if (isMissingTable(error) || (options.readOnly && isMissingDatabase(error))) return empty
        throw error
      }
    })
  /** Reads what the program keeps for itself, which a newer one may mean in another way. */
  const readOwn = <T>(empty: T, work: (session: Session) => Promise<T>): Promise<T> =>
    read(empty, async (session) => {
      if (!(await existingTables(session, [SCHEMA_TABLE])).has(SCHEMA_TABLE)) return empty
      refuseNewerSchema(await schemaVersion(session), `the ${place}`)
      return work(session)
    })
  const writer = bulkWriter(pool)
  return {
    kind: 'postgresql',
    batchRows: options.batchRows ?? BATCH_ROWS,
    writers: WRITERS,
    mostBatches: WRITERS + 1,
    prepare: (tables) =>
      again(async () => {
        const prepared = (): Promise<void> =>
          pool.use(async (session) => {
            await prepareSchema(session, tables, !options.readOnly, place)
            if (options.hypertables && !options.readOnly)
              await makeHypertables(session, tables, `the ${place}`)
          })
        try {
          await prepared()
        } catch (error) {
          if (!isMissingDatabase(error)) throw error
          if (options.readOnly) return
          if (await createDatabase(address)) options.madeDatabase?.(place)
          await prepared()
        }
      }),
    ledger: (series) =>
      readOwn(
        series.map(() => []),
        async (session) => {
          const found = await readLedgers(session, series.map(seriesKey))
          return series.map((one) => found.get(seriesKey(one)) ?? [])
        },
      ),
    archives: (series) =>
      readOwn(
        series.map(() => []),
        (session) => readArchives(session, series.map(seriesKey)),
      ),
    knownSeries: (tables) =>
      read([], async (session) => {
        await checkSchema(session, tables, place)
        return knownSeries(session, tables)
      }),
    write: async (pages, writeOptions) => {
      if (options.readOnly) throw new UserError(`the ${place} was opened for a plan, which writes nothing`)
      return again(() => writer(pages, writeOptions ?? {}))
    },
    ...rowReads(read),
    leases: postgresqlLeases((work) => again(() => pool.use(work))),
    check: async (tables) => {
      try {
        return await pool.use((session) => checkServer(session, tables, place, SESSIONS))
      } catch (error) {
        return [failedCheck(explained(error, address))]
      }
    },
    close: () => pool.close(),
  }
}

/** Whether the same may succeed without names for statements: from now on none gets one. */
function goesUnnamed(error: unknown, naming: Naming): boolean {
  if (!isNameLost(error)) return false
  naming.isAllowed = false
  return true
}

type Read = <T>(empty: T, work: (session: Session) => Promise<T>) => Promise<T>
type RowReads = Pick<Store, 'holding' | 'counts' | 'ends' | 'countIds' | 'fromIds' | 'read' | 'readIds'>

/** What is asked of the rows of one series; no table reads as no row. */
function rowReads(read: Read): RowReads {
  return {
    holding: (series, table) => read(null, (session) => holding(session, series, table)),
    counts: (series, table, spans) =>
      read(
        spans.map(() => 0),
        (session) => counts(session, series, table, spans),
      ),
    ends: (series, table) => read(null, (session) => ends(session, series, table)),
    countIds: (series, table, ranges) =>
      read(
        ranges.map(() => 0),
        (session) => countIds(session, series, table, ranges),
      ),
    fromIds: (series, table, ids) =>
      read(
        ids.map(() => null),
        (session) => fromIds(session, series, table, ids),
      ),
    read: (series, table, span, limit) =>
      read(emptyRows(table), (session) => readRows(session, series, table, span, limit)),
    readIds: (series, table, fromId, limit) =>
      read(emptyRows(table), (session) => readIds(session, series, table, fromId, limit)),
  }
}

/** Series whose rows were there although nobody expected them: how many are remembered. */
const MET_SERIES = 10_000

/**
 * Writes straight where that promises to work, and once rows were met, by comparison for the rest of those
 * series.
 */
function bulkWriter(pool: Pool): (pages: readonly Page[], options: WriteOptions) => Promise<WriteResult> {
  const met = new Set<string>()
  return async (pages, options) => {
    const first = pages.some((page) => met.has(seriesKey(page.series))) ? 'merge' : wayOf(pages)
    try {
      return await pool.use((session) => writePages(session, pages, options, first))
    } catch (error) {
      if (first !== 'straight' || codeOf(error) !== ROWS_MET) throw error
    }
    if (met.size > MET_SERIES) met.clear()
    for (const page of pages) met.add(seriesKey(page.series))
    return pool.use((session) => writePages(session, pages, options, 'merge'))
  }
}

/**
 * What the user must change, as the one finding that can be made. A server that is away is thrown on, since
 * only time mends it; and so are defects.
 */
function failedCheck(error: unknown): Finding {
  if (!(error instanceof UserError)) throw error
  return { name: 'store reachable', ok: false, detail: error.message, advice: error.advice }
}

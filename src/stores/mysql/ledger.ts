// The ledger of the store: read whole, and written inside the transaction of a page. Writers of one series
// take turns by a named lock of the server, since locking rows that are not there yet makes InnoDB lock the
// gaps of other series too.
import type { RowDataPacket } from 'mysql2/promise'
import { type LedgerRow, record } from '../../core/ledger.ts'
import type { Page } from '../../core/store.ts'
import { newsOf } from '../news.ts'
import {
  COVERAGE_TABLE,
  type CoverageRecord,
  coverageColumns,
  coverageValues,
  toLedgerRow,
} from '../schema.ts'
import { LockedOutError } from './errors.ts'
import type { Session } from './session.ts'
import { quoted, selectList, timeText } from './text.ts'

/** How long one writer waits for another of the same series; seconds. A write takes far less. */
const LOCK_WAIT_S = 30

/** Series in one statement: some hundred keep it far below any packet. */
const SERIES_A_STATEMENT = 200

/** Rows of one statement that changes the ledger. */
const ROWS_A_STATEMENT = 500

const selected = selectList(coverageColumns)
const timeNames = coverageColumns.filter((column) => column.kind === 'time').map((column) => column.name)

/** The ledger rows of each of `keys`, by start. */
export async function readLedgers(
  session: Session,
  keys: readonly string[],
): Promise<readonly (readonly LedgerRow[])[]> {
  const found = new Map<string, LedgerRow[]>()
  for (const some of portions([...new Set(keys)], SERIES_A_STATEMENT)) {
    const marks = some.map(() => '?').join(', ')
    await collect(session, `\`series\` IN (${marks})`, some, found)
  }
  return keys.map((key) => found.get(key) ?? [])
}

async function collect(
  session: Session,
  where: string,
  values: readonly unknown[],
  into: Map<string, LedgerRow[]>,
): Promise<void> {
  const [rows] = await session.connection.query<RowDataPacket[]>(
    `SELECT ${selected} FROM ${quoted(COVERAGE_TABLE)} WHERE ${where} ORDER BY \`series\`, \`start_time\``,
    [...values],
  )
  for (const row of rows) {
    const key = String(row.series)
    const list = into.get(key)
    if (list) list.push(toLedgerRow(toRecord(row)))
    else into.set(key, [toLedgerRow(toRecord(row))])
  }
}

/** The server's integers come as text, so that no id is rounded; what is not an id fits a double. */
function toRecord(row: RowDataPacket): CoverageRecord {
  const record: Record<string, string | number | null> = {}
  for (const { name, kind } of coverageColumns) {
    const value: unknown = row[name]
    if (value === null || value === undefined) record[name] = null
    else record[name] = kind === 'time' || kind === 'integer' ? Number(value) : String(value)
  }
  return record as unknown as CoverageRecord
}

/**
 * Records what `pages` settle. Takes the lock of each series, which the caller releases after its COMMIT
 * (`releaseLocks`), and never before: the next writer must see this one's rows.
 */
export async function writeLedgers(
  session: Session,
  database: string,
  pages: readonly Page[],
): Promise<void> {
  const news = new Map([...newsOf(pages)].filter(([, rows]) => rows.length > 0))
  // All writers take the locks in the same order, so that two never wait for each other.
  for (const some of portions([...news.keys()].sort(), SERIES_A_STATEMENT)) {
    await takeLocks(
      session,
      some.map((key) => lockName(`${database}/${key}`)),
    )
    await recordSome(session, some, news)
  }
}

async function recordSome(
  session: Session,
  keys: readonly string[],
  news: ReadonlyMap<string, readonly LedgerRow[]>,
): Promise<void> {
  const stored = new Map<string, LedgerRow[]>()
  const values = keys.flatMap((key) => {
    const rows = news.get(key) ?? []
    const startMs = Math.min(...rows.map((row) => row.startMs))
    const endMs = Math.max(...rows.map((row) => row.endMs))
    return [key, timeText(startMs), timeText(endMs)]
  })
  const where = keys.map(() => '(`series` = ? AND `end_time` >= ? AND `start_time` <= ?)').join(' OR ')
  await collect(session, where, values, stored)
  const removed: [string, number][] = []
  const put: (string | number | null)[][] = []
  for (const key of keys) {
    const change = record(stored.get(key) ?? [], news.get(key) ?? [])
    for (const startMs of change.remove) removed.push([key, startMs])
    for (const row of change.put) put.push(coverageRow(key, row))
  }
  for (const some of portions(removed, ROWS_A_STATEMENT)) {
    const which = some.map(() => '(`series` = ? AND `start_time` = ?)').join(' OR ')
    const of = some.flatMap(([key, startMs]) => [key, timeText(startMs)])
    await session.connection.query(`DELETE FROM ${quoted(COVERAGE_TABLE)} WHERE ${which}`, of)
  }
  const names = coverageColumns.map((column) => quoted(column.name)).join(', ')
  const row = `(${coverageColumns.map(() => '?').join(', ')})`
  for (const some of portions(put, ROWS_A_STATEMENT)) {
    const text = `REPLACE INTO ${quoted(COVERAGE_TABLE)} (${names}) VALUES ${some.map(() => row).join(', ')}`
    await session.connection.query(text, some.flat())
  }
}

function coverageRow(key: string, row: LedgerRow): (string | number | null)[] {
  return coverageValues(key, row).map((value, i) => {
    const name = coverageColumns[i]?.name ?? ''
    return timeNames.includes(name) && value !== null ? timeText(Number(value)) : value
  })
}

/** The name of a lock: the server's locks have at most 64 characters, and belong to all of its databases. */
export function lockName(what: string): string {
  return `petrosa:${new Bun.CryptoHasher('sha256').update(what).digest('hex').slice(0, 48)}`
}

/** Takes named locks in the order given. Throws LockedOutError when another holds one for too long. */
export async function takeLocks(
  session: Session,
  names: readonly string[],
  waitS = LOCK_WAIT_S,
): Promise<void> {
  const asked = names.map((_, i) => `GET_LOCK(?, ${waitS}) AS l${i}`).join(', ')
  const [rows] = await session.connection.query<RowDataPacket[]>(`SELECT ${asked}`, [...names])
  const [got] = rows
  if (names.every((_, i) => Number(got?.[`l${i}`]) === 1)) return
  throw new LockedOutError(`another writer holds a lock for more than ${waitS} s`)
}

/** Gives all named locks of the session back. A lost connection gives them back too. */
export async function releaseLocks(session: Session): Promise<void> {
  await session.connection.query('SELECT RELEASE_ALL_LOCKS()')
}

/** `all` in pieces of at most `size`, for statements that no packet limit stops. */
export function* portions<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size)
}

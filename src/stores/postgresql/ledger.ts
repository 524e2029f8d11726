// The ledger in PostgreSQL: read, changed and written for many series at once, in a few statements whatever
// their number.
import { type LedgerRow, record } from '../../core/ledger.ts'
import {
  COVERAGE_TABLE,
  type CoverageRecord,
  coverageColumns,
  coverageValues,
  toLedgerRow,
} from '../schema.ts'
import { arrayText } from './array-text.ts'
import type { Session } from './session.ts'
import { arrayTypes, fromServer, readText } from './types.ts'

const columnNames = coverageColumns.map((column) => column.name)
const selectList = coverageColumns.map((column) => readText(column)).join(', ')
const replacements = columnNames.slice(2).map((name) => `${name} = excluded.${name}`)
const valueArrays = coverageColumns.map((column, i) => `$${i + 1}::${arrayTypes[column.kind]}`)

const putText =
  `INSERT INTO ${COVERAGE_TABLE} (${columnNames.join(', ')}) ` +
  `SELECT * FROM unnest(${valueArrays.join(', ')}) ` +
  `ON CONFLICT (series, start_time) DO UPDATE SET ${replacements.join(', ')}`

/** The times are read aliased, so the columns of the table are named with it. */
const touchingText =
  `SELECT ${selectList} FROM ${COVERAGE_TABLE} ` +
  'JOIN unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) ' +
  `AS news (name, first_time, last_time) ON series = name AND ${COVERAGE_TABLE}.end_time >= first_time ` +
  `AND ${COVERAGE_TABLE}.start_time <= last_time ` +
  `ORDER BY ${COVERAGE_TABLE}.series, ${COVERAGE_TABLE}.start_time`

/** The ledger rows of each series by its key, by start. Throws 42P01 where there is no ledger. */
export async function readLedgers(
  session: Session,
  series: readonly string[],
): Promise<ReadonlyMap<string, LedgerRow[]>> {
  const { rows } = await session.run(
    `SELECT ${selectList} FROM ${COVERAGE_TABLE} WHERE series = ANY ($1::text[]) ` +
      `ORDER BY ${COVERAGE_TABLE}.series, ${COVERAGE_TABLE}.start_time`,
    [arrayText('text', series)],
  )
  return bySeries(rows)
}

/**
 * Records `news`, the ledger rows of each series by its key. The caller's transaction holds the locks of
 * these series.
 */
export async function writeLedgers(
  session: Session,
  news: ReadonlyMap<string, readonly LedgerRow[]>,
): Promise<void> {
  const told = [...news].filter(([, rows]) => rows.length > 0)
  if (told.length === 0) return
  const { rows } = await session.run(
    touchingText,
    [
      arrayText(
        'text',
        told.map(([series]) => series),
      ),
      arrayText(
        'time',
        told.map(([, fresh]) => Math.min(...fresh.map((row) => row.startMs))),
      ),
      arrayText(
        'time',
        told.map(([, fresh]) => Math.max(...fresh.map((row) => row.endMs))),
      ),
    ],
    true,
  )
  const stored = bySeries(rows)
  const changes = told.map(([series, fresh]) => ({ series, ...record(stored.get(series) ?? [], fresh) }))
  const gone = changes.flatMap(({ series, remove }) => remove.map((startMs) => ({ series, startMs })))
  const put = changes.flatMap(({ series, put: rows }) => rows.map((row) => coverageValues(series, row)))
  if (gone.length > 0) {
    await session.run(
      `DELETE FROM ${COVERAGE_TABLE} USING unnest($1::text[], $2::timestamptz[]) AS gone (name, time) ` +
        'WHERE series = name AND start_time = time',
      [
        arrayText(
          'text',
          gone.map(({ series }) => series),
        ),
        arrayText(
          'time',
          gone.map(({ startMs }) => startMs),
        ),
      ],
      true,
    )
  }
  if (put.length === 0) return
  const arrays = coverageColumns.map(({ kind }, i) =>
    arrayText(
      kind,
      put.map((values) => values[i] ?? null),
    ),
  )
  await session.run(putText, arrays, true)
}

/** Coverage records as the server gave them, as ledger rows by series. */
function bySeries(rows: readonly (readonly unknown[])[]): Map<string, LedgerRow[]> {
  const found = new Map<string, LedgerRow[]>()
  for (const values of rows) {
    const entries = coverageColumns.map(({ name, kind }, i) => [name, fromServer(kind, values[i])])
    const record = Object.fromEntries(entries) as CoverageRecord
    const ledger = found.get(record.series)
    if (ledger) ledger.push(toLedgerRow(record))
    else found.set(record.series, [toLedgerRow(record)])
  }
  return found
}

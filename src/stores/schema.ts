// What every store keeps for the program's own use, and the version of it all. A store of a newer version is
// refused: an older program could not know what it means.
import type { Column } from '../core/dataset.ts'
import type { LedgerRow, SourceName, Verdict } from '../core/ledger.ts'
import { verdicts } from '../core/ledger.ts'
import { isMember } from '../core/series.ts'
import { UserError } from '../errors.ts'

/** Raised by one with every migration; each store lists its migrations in order. */
export const SCHEMA_VERSION = 3

/** A table for the program's own use; every store makes it in its own types. */
export type OwnTable = {
  readonly name: string
  readonly columns: readonly Column[]
  /** The names of the key's columns, which are the first ones. */
  readonly key: readonly string[]
}

export const COVERAGE_TABLE = 'petrosa_coverage'
export const SCHEMA_TABLE = 'petrosa_schema'

/** The columns of petrosa_coverage, in order. */
export const coverageColumns: readonly Column[] = [
  { name: 'series', kind: 'text' },
  { name: 'start_time', kind: 'time' },
  { name: 'end_time', kind: 'time' },
  { name: 'verdict', kind: 'text' },
  { name: 'rows', kind: 'integer' },
  { name: 'source', kind: 'text', nullable: true },
  { name: 'first_id', kind: 'id', nullable: true },
  { name: 'last_id', kind: 'id', nullable: true },
  { name: 'skipped', kind: 'integer' },
  { name: 'asked', kind: 'integer' },
  { name: 'checked_at', kind: 'time' },
  { name: 'reason', kind: 'text', nullable: true },
]

/** The ledger of all series. */
export const coverageTable: OwnTable = {
  name: COVERAGE_TABLE,
  columns: coverageColumns,
  key: ['series', 'start_time'],
}

/** The versions of the schema that were made. */
export const schemaTable: OwnTable = {
  name: SCHEMA_TABLE,
  columns: [
    { name: 'version', kind: 'integer' },
    { name: 'applied_at', kind: 'time' },
  ],
  key: ['version'],
}

/** A row of petrosa_coverage as SQL drivers give it, times already in epoch ms and ids as text. */
export type CoverageRecord = {
  readonly series: string
  readonly start_time: number
  readonly end_time: number
  readonly verdict: string
  readonly rows: number
  readonly source: string | null
  readonly first_id: string | null
  readonly last_id: string | null
  readonly skipped: number
  readonly asked: number
  readonly checked_at: number
  readonly reason: string | null
}

/** A stored coverage record as a ledger row. Throws UserError on a verdict that no version knows. */
export function toLedgerRow(record: CoverageRecord): LedgerRow {
  return {
    startMs: record.start_time,
    endMs: record.end_time,
    verdict: toVerdict(record.verdict),
    rows: record.rows,
    source: toSource(record.source),
    firstId: record.first_id,
    lastId: record.last_id,
    skipped: record.skipped,
    asked: record.asked,
    checkedAtMs: record.checked_at,
    reason: record.reason,
  }
}

/** The values of a coverage record in the order of `coverageColumns`. */
export function coverageValues(series: string, row: LedgerRow): (string | number | null)[] {
  return [
    series,
    row.startMs,
    row.endMs,
    row.verdict,
    row.rows,
    row.source,
    row.firstId,
    row.lastId,
    row.skipped,
    row.asked,
    row.checkedAtMs,
    row.reason,
  ]
}

function toVerdict(text: string): Verdict {
  if (isMember(verdicts, text)) return text
  throw new UserError(
    `${COVERAGE_TABLE} holds the verdict '${text}', which this version does not know`,
    'use the version of petrosa that wrote it, or a newer one',
  )
}

function toSource(text: string | null): SourceName | null {
  return text === 'rest' || text === 'archive' ? text : null
}

/** Refuses a store whose schema a newer program wrote. `version` is the highest recorded one. */
export function refuseNewerSchema(version: number, place: string): void {
  if (version <= SCHEMA_VERSION) return
  throw new UserError(
    `${place} was written by a newer petrosa (schema ${version}, this one knows ${SCHEMA_VERSION})`,
    'use that version or a newer one, or another database',
  )
}

/** Refuses a table of our name whose columns are not ours. `found` lists its columns as `name type`. */
export function refuseForeignShape(table: string, missing: string, place: string): never {
  throw new UserError(
    `table ${table} in ${place} is not petrosa's: ${missing}`,
    'rename that table, or choose another database with --db-uri',
  )
}

/** Refuses what somebody has put on a table of ours, as it would refuse our rows. `what` has its article. */
export function refuseAddition(table: string, what: string, place: string): never {
  throw new UserError(
    `table ${table} in ${place} has ${what}, which would refuse rows of petrosa's`,
    'drop it, or choose another database with --db-uri',
  )
}

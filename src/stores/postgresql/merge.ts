// The statement that merges incoming rows into a table: new ones inserted, different ones replaced where the
// newcomer may, equal ones not touched. Not ON CONFLICT DO UPDATE: that locks, and so rewrites the header of,
// every row it meets, also the equal ones.
import { allColumns, keyNames, type Table } from '../../core/dataset.ts'
import { arrayTypes } from './types.ts'

/** The temporary table that a bulk of rows is copied into first. Each session has its own. */
export function stageName(table: Table): string {
  return `petrosa_stage_${table.name}`
}

/**
 * Makes the stage where it is missing; it is emptied by each commit. It has our columns only: others that
 * somebody added may not be null, and are filled in by their defaults in the table itself.
 */
export function createStage(table: Table): string {
  return (
    `CREATE TEMPORARY TABLE IF NOT EXISTS ${stageName(table)} ON COMMIT DELETE ROWS ` +
    `AS SELECT ${columnList(table)} FROM ${table.name} WITH NO DATA`
  )
}

/** COPY of rows in the order of allColumns, as copy-bytes.ts has them: into the table itself or its stage. */
export function copyStatement(table: Table, target: string): string {
  return `COPY ${target} (${columnList(table)}) FROM STDIN (FORMAT binary)`
}

/** Merges the rows of the stage. Answers how many were written and how many changed. */
export function mergeStage(table: Table, refresh: boolean): string {
  return `WITH ${mergeSteps(table, stageName(table), refresh)}`
}

/**
 * Merges rows that come as one array a column ($1, $2, … in the order of allColumns). Answers as mergeStage.
 */
export function mergeArrays(table: Table, refresh: boolean): string {
  const arrays = allColumns(table).map(({ kind }, i) => `$${i + 1}::${arrayTypes[kind]}`)
  const lists = `unnest(${arrays.join(', ')}) AS lists (${columnList(table)})`
  const incoming = `incoming AS MATERIALIZED (SELECT * FROM ${lists})`
  return `WITH ${incoming}, ${mergeSteps(table, 'incoming', refresh)}`
}

function columnList(table: Table): string {
  return allColumns(table)
    .map((column) => column.name)
    .join(', ')
}

/**
 * REST always may replace, an archive only what an archive wrote, anything under `refresh`; null never
 * replaces a value. One look at the table picks the rows that are new or better, so that equal ones, mostly
 * all, cost one look-up; both steps then see the table as it was before either, and meet in no row.
 */
function mergeSteps(table: Table, source: string, refresh: boolean): string {
  const keys = keyNames(table).map((name) => `stored.${name} = incoming.${name}`)
  const same = keys.join(' AND ')
  const values = table.columns.slice(table.keyLength).map(({ name, nullable }) => ({
    name,
    value: nullable ? `coalesce(incoming.${name}, stored.${name})` : `incoming.${name}`,
  }))
  const sets = values.map(({ name, value }) => `${name} = ${value}`)
  const differs = values.map(({ name, value }) => `stored.${name} IS DISTINCT FROM ${value}`)
  const allowed = refresh ? '' : ` AND (incoming.source = 'rest' OR stored.source = 'archive')`
  const columns = columnList(table)
  return (
    'news AS MATERIALIZED (SELECT incoming.*, stored.market IS NOT NULL AS known ' +
    `FROM ${source} AS incoming LEFT JOIN ${table.name} AS stored ON ${same} ` +
    `WHERE stored.market IS NULL OR ((${differs.join(' OR ')})${allowed})), ` +
    `changed AS (UPDATE ${table.name} AS stored SET ${sets.join(', ')}, source = incoming.source, ` +
    `extracted_at = incoming.extracted_at FROM news AS incoming WHERE known AND ${same} RETURNING 1), ` +
    `written AS (INSERT INTO ${table.name} (${columns}) SELECT ${columns} FROM news WHERE NOT known ` +
    // By name: passing over a row that another index refuses would lose it without a word.
    `ON CONFLICT (${keyNames(table).join(', ')}) DO NOTHING RETURNING 1) ` +
    'SELECT (SELECT count(*) FROM written), (SELECT count(*) FROM changed)'
  )
}

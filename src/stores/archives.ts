// The archives that were taken in, as every store keeps them since schema 2: what a republished file is
// compared with, and what need not be asked for again.
import type { ArchiveRecord } from '../core/archive.ts'
import type { Page } from '../core/store.ts'
import type { OwnTable } from './schema.ts'

export const ARCHIVES_TABLE = 'petrosa_archives'

export const archivesTable: OwnTable = {
  name: ARCHIVES_TABLE,
  columns: [
    { name: 'series', kind: 'text' },
    { name: 'name', kind: 'text' },
    { name: 'sha256', kind: 'text' },
    { name: 'bytes', kind: 'integer' },
    { name: 'taken_at', kind: 'time' },
  ],
  key: ['series', 'name'],
}

/** The values of a record in the order of the table's columns. */
export function archiveValues(record: ArchiveRecord): (string | number)[] {
  return [record.series, record.name, record.sha256, record.bytes, record.takenAtMs]
}

/** The record of a stored row, whose values stand in the order of the table's columns. */
export function toArchiveRecord(values: readonly unknown[]): ArchiveRecord {
  const [series, name, sha256, bytes, takenAtMs] = values
  return {
    series: String(series),
    name: String(name),
    sha256: String(sha256),
    bytes: Number(bytes),
    takenAtMs: Number(takenAtMs),
  }
}

/**
 * The records that `pages` bring, each key once (the last one counts) and in the order of keys, so that
 * writers who lock rows one after another go the same way.
 */
export function archivesOf(pages: readonly Page[]): readonly ArchiveRecord[] {
  const byKey = new Map<string, ArchiveRecord>()
  for (const page of pages) {
    for (const record of page.archives ?? []) byKey.set(JSON.stringify([record.series, record.name]), record)
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record)
}

/** `records`, which are in order of name, in one list for each of the series `keys`. */
export function bySeries(
  keys: readonly string[],
  records: readonly ArchiveRecord[],
): readonly (readonly ArchiveRecord[])[] {
  const found = new Map<string, ArchiveRecord[]>(keys.map((key) => [key, []]))
  for (const record of records) found.get(record.series)?.push(record)
  return keys.map((key) => found.get(key) ?? [])
}

// Writes the rows of pages. Where the ledger knows nothing, documents are inserted at once, and a taken key
// is the sign to look; elsewhere the stored rows are read back first and only differences are written, each
// on condition that the stored document still is what was read. So every count is exact and whoever writes
// the same rows meanwhile loses nothing.
import { type AnyBulkWriteOperation, BSON, type Collection, type Document } from 'mongodb'
import type { Table, Value } from '../../core/dataset.ts'
import { seriesKey } from '../../core/series.ts'
import { slicesOf } from '../../core/sliced-rows.ts'
import type { Page, WriteOptions, WriteResult } from '../../core/store.ts'
import { UnavailableError } from '../../errors.ts'
import { keyRange, type PageForm, pageForm, rawKey, readValue, sameValues } from './document.ts'
import { eachInFlight, pieces } from './flight.ts'
import { insertBytes } from './insert-bytes.ts'
import { keepReplaced } from './keep.ts'
import type { Connection } from './open.ts'
import { documentBytes } from './row-bytes.ts'

/** Documents a command: larger ones bring nothing and double the memory (measured). */
const COMMAND_ROWS = 1_000

/** Ranges of one read. */
const READ_RANGES = 100

/** How often rows may turn out to be somebody else's in the middle of a write. */
const ROUNDS = 10

/**
 * One row on its way. `unsure`: what a command whose answer was lost would have made of it. `kept`: how many
 * documents that it was to replace were kept.
 */
type Entry = {
  readonly form: PageForm
  readonly row: number
  unsure: 'written' | 'changed' | null
  kept: number
}

/** A stored document that differs, what of it must still be so, and the fields that replace its own. */
type Change = {
  readonly entry: Entry
  readonly document: Document
  readonly stored: Document
  readonly set: Document
}

/**
 * Series whose rows turned out to be there although the ledger knows nothing of them: to insert those would
 * fail row by row, and cost more than to read what is there.
 */
export type MetSeries = Set<string>

/** Series that are remembered at most. */
const MET_SERIES = 10_000

type Work = {
  readonly connection: Connection
  readonly collection: Collection
  readonly table: Table
  readonly options: WriteOptions
  written: number
  changed: number
}

/** Writes the rows of `pages`, all of `table`; every one is acknowledged when this resolves. */
export async function writeRows(
  connection: Connection,
  table: Table,
  pages: readonly Page[],
  options: WriteOptions,
  metSeries: MetSeries,
): Promise<WriteResult> {
  for (const page of pages) checkValues(page)
  const collection = connection.database.collection(table.name)
  const work: Work = { connection, collection, table, options, written: 0, changed: 0 }
  const isNew = ({ fresh, series }: Page): boolean => fresh && !metSeries.has(seriesKey(series))
  let toInsert = entriesOf(pages.filter(isNew))
  let toCompare = entriesOf(pages.filter((page) => !isNew(page)))
  for (let round = 0; round < ROUNDS; round += 1) {
    const { missing, changes } = await compare(work, toCompare)
    const met = await insert(work, toInsert, true)
    if (metSeries.size > MET_SERIES) metSeries.clear()
    for (const { series } of new Set(met.map(({ form }) => form.page))) metSeries.add(seriesKey(series))
    const taken = await insert(work, missing, false)
    toCompare = [...met, ...taken, ...(await replace(work, changes))]
    toInsert = []
    if (toCompare.length === 0) return { written: work.written, changed: work.changed }
  }
  throw new UnavailableError(
    `rows of ${table.name} in ${connection.place} kept changing while they were written`,
    'let one program at a time write a series, then run the same command again',
  )
}

/** Looks for nulls where there may be none before anything is written: MongoDB itself would take them. */
function checkValues({ table, rows, series }: Page): void {
  const slices = slicesOf(rows)
  for (const [at, column] of table.columns.entries()) {
    // What stands in a page is there; asking for it would make text of all of it.
    if (slices?.columns[at]) continue
    if (column.nullable || !rows.columns[at]?.includes(null)) continue
    throw new Error(`a page of ${seriesKey(series)} has no value in ${column.name}`)
  }
}

function entriesOf(pages: readonly Page[]): Entry[] {
  return pages.flatMap((page) => {
    const form = pageForm(page)
    return Array.from({ length: page.rows.count }, (_, row): Entry => ({ form, row, unsure: null, kept: 0 }))
  })
}

/**
 * Inserts entries that should be new; gives back those that are not inserted: their key is taken, or, where
 * they go in order, that of one before them.
 */
async function insert(work: Work, entries: readonly Entry[], ordered: boolean): Promise<Entry[]> {
  const left = await eachInFlight(pieces(entries, COMMAND_ROWS), async (piece) => {
    const documents = documentBytes(piece)
    return work.connection.write(
      work.table.name,
      async () => {
        const answer = await insertBytes(work.connection, work.table.name, documents, ordered)
        work.written += answer.inserted
        return answer.left.flatMap((index) => piece[index] ?? [])
      },
      () => markUnsure(piece, 'written'),
    )
  })
  return left.flat()
}

/**
 * Replaces what differs, where it still is as it was read; gives back the entries that must be looked at
 * again.
 */
async function replace(work: Work, changes: readonly Change[]): Promise<Entry[]> {
  if (work.options.keepReplaced) await keepChanges(work.connection, changes)
  const again = await eachInFlight(pieces(changes, COMMAND_ROWS), async (piece) => {
    const entries = piece.map((change) => change.entry)
    const operations = piece.map(
      (change): AnyBulkWriteOperation => ({
        updateOne: { filter: change.stored, update: { $set: change.set } },
      }),
    )
    return work.connection.write(
      work.table.name,
      async () => {
        const result = await work.collection.bulkWrite(operations, { ordered: false })
        work.changed += result.modifiedCount
        // The answer does not say which were missed; those that were replaced will be found equal.
        return result.matchedCount === piece.length ? [] : entries
      },
      () => markUnsure(entries, 'changed'),
    )
  })
  return again.flat()
}

async function keepChanges(connection: Connection, changes: readonly Change[]): Promise<void> {
  const replacements = changes.map(({ entry, document }) => ({
    page: entry.form.page,
    document,
    earlier: entry.kept,
  }))
  await keepReplaced(connection, replacements)
  for (const { entry } of changes) entry.kept += 1
}

function markUnsure(entries: readonly Entry[], as: 'written' | 'changed'): void {
  for (const entry of entries) entry.unsure = as
}

/** Reads the stored documents of `entries`: which are missing, and which differ and may be replaced. */
async function compare(
  work: Work,
  entries: readonly Entry[],
): Promise<{ missing: Entry[]; changes: Change[] }> {
  const compared = await eachInFlight(pieces(entries, COMMAND_ROWS), (piece) =>
    work.connection.run(() => comparePiece(work, piece)),
  )
  return {
    missing: compared.flatMap((one) => one.missing),
    changes: compared.flatMap((one) => one.changes),
  }
}

async function comparePiece(
  work: Work,
  piece: readonly Entry[],
): Promise<{ missing: Entry[]; changes: Change[] }> {
  const byKey = new Map<string, { readonly entry: Entry; readonly bytes: Uint8Array }>()
  const { bytes: all, places } = documentBytes(piece)
  for (const [i, entry] of piece.entries()) {
    const bytes = all.subarray(places[i], places[i + 1])
    byKey.set(rawKey(bytes), { entry, bytes })
  }
  const changes: Change[] = []
  for (const ranges of pieces(keyRanges(piece), READ_RANGES)) {
    const cursor = work.collection.find(
      { $or: ranges.map((range) => ({ _id: range })) },
      { raw: true, batchSize: COMMAND_ROWS + 1 },
    )
    while (await cursor.hasNext()) {
      for (const raw of cursor.readBufferedDocuments() as unknown as Uint8Array[]) {
        const key = rawKey(raw)
        const expected = byKey.get(key)
        if (!expected) continue
        byKey.delete(key)
        const { entry, bytes } = expected
        if (entry.unsure === null && sameValues(raw, bytes, entry.form.page.source)) continue
        const change = changeOf(work, entry, BSON.deserialize(raw, { useBigInt64: true }))
        if (change) changes.push(change)
      }
    }
  }
  return { missing: [...byKey.values()].map(({ entry }) => entry), changes }
}

/** The ranges of keys that hold the entries, one for each page among them. */
function keyRanges(entries: readonly Entry[]): Document[] {
  const bounds = new Map<PageForm, { first: Value; last: Value }>()
  for (const { form, row } of entries) {
    const key = form.page.rows.columns[0]?.[row] ?? null
    const bound = bounds.get(form)
    if (!bound) bounds.set(form, { first: key, last: key })
    else if (precedes(key, bound.first)) bound.first = key
    else if (precedes(bound.last, key)) bound.last = key
  }
  return [...bounds].map(([form, { first, last }]) => keyRange(form.page, first, last))
}

/** Whether key `a` comes before `b`; ids are text, and the shorter one is the smaller. */
function precedes(a: Value, b: Value): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b
  const left = String(a)
  const right = String(b)
  return left.length === right.length ? left < right : left.length < right.length
}

/**
 * The change that makes the stored document say what the row says, or null when it does or when the row may
 * not replace it: REST always may, an archive only what an archive wrote, anything under refresh; null never
 * replaces a value.
 */
function changeOf(work: Work, entry: Entry, document: Document): Change | null {
  const { page, build } = entry.form
  const { source, extracted_at: extractedAt } = document
  const stored: Document = { _id: document._id, source, extracted_at: extractedAt }
  const differing: string[] = []
  for (let at = work.table.keyLength; at < work.table.columns.length; at += 1) {
    const column = work.table.columns[at]
    const value = page.rows.columns[at]?.[entry.row] ?? null
    if (!column || value === null) continue
    stored[column.name] = document[column.name] ?? null
    if (readValue(column, document[column.name]) !== value) differing.push(column.name)
  }
  if (differing.length === 0) {
    const ours =
      source === page.source && extractedAt instanceof Date && extractedAt.getTime() === page.extractedAtMs
    // The command whose answer was lost did its work, and is counted now.
    if (entry.unsure && ours) work[entry.unsure] += 1
    entry.unsure = null
    return null
  }
  if (page.source === 'archive' && source !== 'archive' && !work.options.refresh) return null
  const whole = build(entry.row)
  const set = Object.fromEntries([...differing, 'source', 'extracted_at'].map((name) => [name, whole[name]]))
  return { entry, document, stored, set }
}

// Keeps the rows that a write is about to replace, inside its transaction. The locks of their series are held
// by then, so that what is read here is what is replaced.
import type { Value } from '../../core/dataset.ts'
import type { Page } from '../../core/store.ts'
import { keptColumns, REPLACED_TABLE, replacedBy, replacedTable, replacedValues } from '../replaced.ts'
import { arrayText } from './array-text.ts'
import type { Session } from './session.ts'
import { arrayTypes, fromServer, readText } from './types.ts'

const { columns } = replacedTable
const names = columns.map(({ name }) => `"${name}"`)
const arrays = columns.map(({ kind }, i) => `$${i + 1}::${arrayTypes[kind]}`)

const putText =
  `INSERT INTO ${REPLACED_TABLE} (${names.join(', ')}) SELECT * FROM unnest(${arrays.join(', ')}) ` +
  'ON CONFLICT DO NOTHING'

/** Keeps what `pages`, in which no key comes twice, will replace. */
export async function keepReplaced(
  session: Session,
  pages: readonly Page[],
  refresh: boolean,
): Promise<void> {
  const replaced: (string | number)[][] = []
  for (const page of pages) {
    if (page.rows.count === 0) continue
    replaced.push(...replacedBy(page, await storedRows(session, page), refresh).map(replacedValues))
  }
  if (replaced.length === 0) return
  const lists = columns.map(({ kind }, i) =>
    arrayText(
      kind,
      replaced.map((row) => row[i] ?? null),
    ),
  )
  await session.run(putText, lists)
}

/** What is stored under the keys of a page: the values of keptColumns. */
async function storedRows(session: Session, { table, rows, series }: Page): Promise<Value[][]> {
  const kept = keptColumns(table)
  const keys = table.columns.slice(0, table.keyLength)
  const asked = keys.map(({ kind }, i) => `$${i + 3}::${arrayTypes[kind]}`)
  const same = keys.map(({ name }, i) => `stored.${name} = key${i}`)
  const found = await session.run(
    `SELECT ${kept.map(readText).join(', ')} FROM ${table.name} AS stored ` +
      `JOIN unnest(${asked.join(', ')}) AS asked (${keys.map((_, i) => `key${i}`).join(', ')}) ` +
      `ON ${same.join(' AND ')} WHERE market = $1 AND symbol = $2`,
    [series.market, series.symbol, ...keys.map(({ kind }, i) => arrayText(kind, rows.columns[i] ?? []))],
  )
  return found.rows.map((row) => kept.map(({ kind }, i) => fromServer(kind, row[i])))
}

// The coverage of an archive waits until all of the file was read: only its end tells that it is whole (the
// zip's own CRC, a line that contradicts another). A small file is held back and handed out with its
// coverage; of a large one the rows go ahead, and the coverage follows when they are written.
import { emptyRows, type Table } from './dataset.ts'
import { type LedgerRow, record } from './ledger.ts'
import type { Step } from './step.ts'

/** Files with up to so many rows are held back until their end: a day of minutes, a month of hours. */
const MOST_HELD_ROWS = 16_000

/**
 * The steps of a file, with what they settle only once the last of them has come. Returns what they return.
 */
export async function* settledAtEnd<T>(
  table: Table,
  steps: AsyncGenerator<Step, T>,
): AsyncGenerator<Step, T> {
  let held: Step[] = []
  let heldRows = 0
  let isLarge = false
  const ledger: LedgerRow[] = []
  let lastMs = 0
  let next = await steps.next()
  for (; !next.done; next = await steps.next()) {
    const step = next.value
    lastMs = step.extractedAtMs
    held.push(step)
    heldRows += step.rows.count
    isLarge ||= heldRows > MOST_HELD_ROWS
    if (!isLarge) continue
    for (const one of held) {
      ledger.push(...one.ledger)
      if (one.rows.count > 0 || one.open.length > 0) yield { ...one, ledger: [] }
    }
    held = []
  }
  yield* held
  if (isLarge) yield whole(table, ledger, lastMs)
  return next.value
}

/** The step that settles a large file. */
function whole(table: Table, ledger: readonly LedgerRow[], atMs: number): Step {
  const joined = record([], ledger).put
  const span = { startMs: joined[0]?.startMs ?? 0, endMs: joined.at(-1)?.endMs ?? 0 }
  const nothing = { rows: emptyRows(table), open: [], refused: null, source: 'archive' } as const
  return { ...nothing, ledger: joined, extractedAtMs: atMs, span, barrier: true }
}

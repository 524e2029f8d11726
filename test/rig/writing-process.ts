// A process of its own that writes candles page by page and says each commit on standard output, so that
// tests can kill it at any point, run two at once, or run it in another time zone. Arguments: store kind,
// URI, symbol, first candle's open time (epoch ms), pages, and `upwards` or `downwards`. What it wrote it
// reads back at the end.
import { isDeepStrictEqual } from 'node:util'
import { isMember } from '../../src/core/series.ts'
import { storeKinds } from '../../src/core/store.ts'
import { candles, contractTables, klineSeries, MINUTE_MS, page, tableOf, toRecords } from './pages.ts'
import { openStore } from './test-database.ts'

/** Candles of one page, and pages of one write. */
export const PAGE_ROWS = 50
export const WRITE_PAGES = 2

async function writeAndReadBack(): Promise<void> {
  const [kind, uri = '', symbol = '', start, count, direction] = Bun.argv.slice(2)
  if (!isMember(storeKinds, kind)) throw new Error(`no store ${kind}`)
  const series = klineSeries(symbol)
  const table = tableOf(series)
  const pageMs = PAGE_ROWS * MINUTE_MS
  const startMs = Number(start)
  const store = await openStore(kind, { uri, readOnly: false, batchRows: null })
  await store.prepare(contractTables)
  const writes = Array.from({ length: Math.ceil(Number(count) / WRITE_PAGES) }, (_, i) => i * WRITE_PAGES)
  for (const first of direction === 'downwards' ? writes.reverse() : writes) {
    const pages = Array.from({ length: WRITE_PAGES }, (_, i) => {
      const rows = candles(startMs + (first + i) * pageMs, PAGE_ROWS)
      return page(series, rows, { fresh: true })
    })
    await store.write(pages)
    console.log((first + WRITE_PAGES) * PAGE_ROWS)
  }
  const expected = candles(startMs, Number(count) * PAGE_ROWS)
  const span = { startMs, endMs: startMs + Number(count) * pageMs }
  const stored = toRecords(table, await store.read(series, table, span, expected.length + 1))
  await store.close()
  if (!isDeepStrictEqual(stored, expected)) throw new Error('what was read is not what was written')
}

if (import.meta.main) await writeAndReadBack()

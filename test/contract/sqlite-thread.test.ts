// What SQLite owes beyond the contract, since it works in a thread of its own: the event loop goes on
// meanwhile, and a write that waits for somebody's lock still has its rows, although they changed hands.
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { setImmediate } from 'node:timers/promises'
import { decodeArrays } from '../../src/binance/decode.ts'
import type { Rows } from '../../src/core/dataset.ts'
import type { Page, Store } from '../../src/core/store.ts'
import { klines, klineWire } from '../../src/datasets/klines.ts'
import { openSqlite } from '../../src/stores/sqlite/store.ts'
import { klineSeries } from '../rig/pages.ts'
import { sqliteDatabase } from '../rig/sqlite-database.ts'
import { realClock } from '../rig/test-database.ts'
import { onFresh } from './subject.ts'

const series = klineSeries('BTCUSDT')
const table = klines.table(series)
const ROWS = 5_000

/** Rows as they come from the exchange: their decimals stand in the page. */
function decoded(): Rows {
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const [openMs, price] = [i * 60_000, `"${i}.50"`]
    return `[${openMs},${price},${price},${price},${price},"1.0",${openMs + 59_999},"2.0",3,"4.0","5.0"]`
  })
  return decodeArrays(new TextEncoder().encode(`[${rows.join(',')}]`), table.columns, klineWire)
}

const page = (): Page => ({
  ...{ series, table, rows: decoded(), source: 'rest', extractedAtMs: 5, ledger: [], fresh: true },
})

async function stored(store: Store): Promise<unknown> {
  const rows = await store.read(series, table, { startMs: 0, endMs: ROWS * 60_000 }, ROWS)
  return rows.columns
}

test('a write that has to wait for a lock writes the rows that it was given', async () => {
  await onFresh(sqliteDatabase, async ({ uri }) => {
    const other = new Database(uri, { create: true, readwrite: true })
    let waits = 0
    const wait = async (): Promise<void> => {
      waits += 1
      other.run('ROLLBACK')
    }
    const store = await openSqlite({ uri, readOnly: false, batchRows: null }, { ...realClock, wait })
    try {
      await store.prepare([table])
      other.run('BEGIN IMMEDIATE')
      expect(await store.write([page()])).toEqual({ written: ROWS, changed: 0 })
      expect(waits).toBe(1)
      expect(await stored(store)).toEqual(decoded().columns.map((values) => [...values]))
    } finally {
      other.close()
      await store.close()
    }
  })
})

test('the event loop goes on while rows are written', async () => {
  await onFresh(sqliteDatabase, async ({ uri }) => {
    const store = await openSqlite({ uri, readOnly: false, batchRows: null }, realClock)
    try {
      await store.prepare([table])
      let writing = true
      const write = store.write([page(), page(), page()]).finally(() => {
        writing = false
      })
      let turns = 0
      for (; writing; turns += 1) await setImmediate()
      expect(await write).toEqual({ written: ROWS, changed: 0 })
      expect(turns).toBeGreaterThan(10)
    } finally {
      await store.close()
    }
  })
})

test('what is asked while the store closes is refused, not left without an answer', async () => {
  await onFresh(sqliteDatabase, async ({ uri }) => {
    const store = await openSqlite({ uri, readOnly: false, batchRows: null }, realClock)
    await store.prepare([table])
    const write = store.write([page()])
    const closed = store.close()
    expect(await write).toEqual({ written: ROWS, changed: 0 })
    await closed
    await expect(store.knownSeries([table])).rejects.toThrow('is closed')
    await store.close()
  })
})

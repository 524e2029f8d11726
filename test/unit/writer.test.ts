// The writer on a virtual clock: batches within the limit, whole pages in order, room waited for, failures
// that lose nothing that was told as written, and pages cut so that rows and ledger add up.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { advance } from '../../src/core/calendar.ts'
import { timesOf } from '../../src/core/dataset.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import { union } from '../../src/core/span.ts'
import type { Page, Store } from '../../src/core/store.ts'
import { PageWriter, splitPage } from '../../src/core/writer.ts'
import { UnavailableError } from '../../src/errors.ts'
import { emptyMemoryDatabase, openMemoryStore } from '../rig/memory-store.ts'
import { candles, DAY_0_MS, klineSeries, MINUTE_MS, page } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'
import { type VirtualClock, virtualClock } from '../rig/virtual-clock.ts'

const runs = runsFor('test/unit/writer.test.ts')

type Rig = {
  readonly clock: VirtualClock
  readonly writer: PageWriter
  readonly writes: (readonly Page[])[]
  readonly events: PetrosaEvent[]
  mostAtOnce(): number
}

type Given = {
  readonly batchRows?: number
  readonly writers?: number
  readonly mostBatches?: number
  readonly write?: (number: number) => Promise<void>
}

function rigOf({ batchRows = 100, writers = 2, mostBatches = 3, write }: Given = {}): Rig {
  const clock = virtualClock()
  const writes: (readonly Page[])[] = []
  const events: PetrosaEvent[] = []
  let running = 0
  let most = 0
  const store: Store = {
    ...openMemoryStore(emptyMemoryDatabase),
    batchRows,
    writers,
    mostBatches,
    async write(pages) {
      writes.push(pages)
      running += 1
      most = Math.max(most, running)
      try {
        await clock.wait(50)
        await write?.(writes.length)
      } finally {
        running -= 1
      }
      return { written: rowsOf(pages), changed: 0 }
    },
  }
  const writer = new PageWriter(store, clock, (event) => events.push(event))
  return { clock, writer, writes, events, mostAtOnce: () => most }
}

const rowsOf = (pages: readonly Page[]): number => pages.reduce((sum, one) => sum + one.rows.count, 0)
/** A page of so many candles, from a minute of the day on. */
const pageOf = (count: number, fromMinute = 0, symbol = 'BTCUSDT'): Page =>
  page(klineSeries(symbol), candles(DAY_0_MS + fromMinute * MINUTE_MS, count))

describe('batches', () => {
  test('any pages: never above the limit, whole where they fit, in order, and every row once', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 250 }), { maxLength: 20 })
    const shape = fc.record({
      batchRows: fc.integer({ min: 1, max: 200 }),
      writers: fc.integer({ min: 1, max: 4 }),
    })
    const property = fc.asyncProperty(sizes, shape, async (counts, given) => {
      const { clock, writer, writes, mostAtOnce } = rigOf(given)
      let minute = 0
      const pages = counts.map((count) => {
        minute += count + 1
        return pageOf(count, minute - count)
      })
      const adding = (async () => {
        for (const one of pages) await writer.add(one)
        await writer.flush()
      })()
      await clock.run(adding)
      const written = writes.flat()
      for (const batch of writes) expect(rowsOf(batch)).toBeLessThanOrEqual(given.batchRows)
      expect(mostAtOnce()).toBeLessThanOrEqual(given.writers)
      const times = (list: readonly Page[]): number[] =>
        list.flatMap(({ table, rows }) => timesOf(table, rows))
      // Writers that run side by side may overtake each other; each batch is in order for itself.
      const ascending = (timesMs: readonly number[]): number[] => timesMs.toSorted((a, b) => a - b)
      for (const batch of writes) expect(times(batch)).toEqual(ascending(times(batch)))
      expect(given.writers === 1 ? times(written) : ascending(times(written))).toEqual(times(pages))
      expect(union(written.flatMap(({ ledger }) => ledger))).toEqual(
        union(pages.flatMap(({ ledger }) => ledger)),
      )
      for (const one of pages) if (one.rows.count <= given.batchRows) expect(written).toContain(one)
      expect(writer.totals).toEqual({ written: rowsOf(pages), changed: 0 })
    })
    await fc.assert(property, runs)
  })

  test('tables are written apart from each other', async () => {
    const { clock, writer, writes } = rigOf()
    await writer.add(pageOf(10))
    await writer.add(page(klineSeries('BTCUSDT', { period: '1h' }), []))
    await writer.add(pageOf(10, 50, 'ETHUSDT'))
    await clock.run(writer.flush())
    expect(writes.map((batch) => [...new Set(batch.map(({ table }) => table.name))])).toEqual([
      ['klines_m1'],
      ['klines_h1'],
    ])
    expect(writes[0]).toHaveLength(2)
  })
})

test('a page waits a second for company, then it is written alone', async () => {
  const { clock, writer, writes } = rigOf()
  await writer.add(pageOf(5))
  await clock.advance(600)
  await writer.add(pageOf(5, 10))
  await clock.advance(399)
  expect(writes).toEqual([])
  await clock.advance(1)
  expect(writes.map((batch) => batch.length)).toEqual([2])
  await clock.advance(60)
  // The next page begins a second of its own.
  await writer.add(pageOf(5, 20))
  await clock.advance(999)
  expect(writes).toHaveLength(1)
  await clock.advance(1)
  expect(writes).toHaveLength(2)
  await clock.run(writer.flush())
  expect([writes.length, clock.sleepers()]).toEqual([2, 0])
})

test('whoever brings more batches than the store may have in hand waits until there is room', async () => {
  const { clock, writer, writes } = rigOf({ batchRows: 10, writers: 1 })
  let added = 0
  const adding = (async () => {
    for (let i = 0; i < 12; i += 1) {
      await writer.add(pageOf(10, 20 * i))
      added += 1
    }
  })()
  await clock.settle()
  // One is being written, and never more than three batches and a page are in hand.
  expect(added).toBeLessThanOrEqual(4)
  await clock.advance(50)
  expect(added - writes.length).toBeLessThanOrEqual(3)
  await clock.run(adding)
  await clock.run(writer.flush())
  expect(writer.totals.written).toBe(120)
})

test.each([2, 3])('so it is where the store would take more writes at once: %i', async (mostBatches) => {
  const { clock, writer } = rigOf({ batchRows: 10, writers: 8, mostBatches })
  let added = 0
  const adding = (async () => {
    for (let i = 0; i < 12; i += 1) {
      await writer.add(pageOf(10, 20 * i))
      added += 1
    }
  })()
  await clock.settle()
  expect(added).toBe(mostBatches)
  await clock.run(adding)
})

describe('a failing write', () => {
  const lost = new UnavailableError('the store went away')
  const failSecond = async (number: number): Promise<void> => {
    if (number === 2) throw lost
  }

  test('is thrown by whoever adds next, and by the flush; nothing more is written', async () => {
    const { clock, writer, writes, events } = rigOf({ batchRows: 10, writers: 1, write: failSecond })
    const adding = (async () => {
      for (let i = 0; i < 10; i += 1) await writer.add(pageOf(10, 20 * i))
    })()
    expect(await clock.run(adding.catch((error: unknown) => error))).toBe(lost)
    expect(await clock.run(writer.flush().catch((error: unknown) => error))).toBe(lost)
    expect(writes).toHaveLength(2)
    // What was told and counted as written is what the store has acknowledged.
    expect(writer.totals).toEqual({ written: 10, changed: 0 })
    expect(events).toMatchObject([
      { type: 'batch-written', rows: 10, written: 10, changed: 0, durationMs: 50, parts: [{ rows: 10 }] },
    ])
  })

  test('while a page lingers is not lost either', async () => {
    const { clock, writer } = rigOf({ write: async () => Promise.reject(lost) })
    await writer.add(pageOf(5))
    await clock.advance(2_000)
    await expect(writer.add(pageOf(5, 10))).rejects.toBe(lost)
    await expect(writer.flush()).rejects.toBe(lost)
  })
})

describe('a page in parts', () => {
  /** Candles with holes between them, and a ledger of every stretch. */
  const anyPage = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 5 })), {
      minLength: 1,
      maxLength: 10,
    })
    .map((stretches) => {
      const rows: ReturnType<typeof candles> = []
      const ledger: LedgerRow[] = []
      let fromMs = DAY_0_MS
      for (const [full, empty] of stretches) {
        rows.push(...candles(fromMs, full))
        const holeMs = advance('1m', fromMs, full)
        ledger.push(ledgerRow({ startMs: fromMs, endMs: holeMs }, 'rows', { rows: full, source: 'rest' }))
        fromMs = advance('1m', holeMs, empty)
        if (empty > 0)
          ledger.push(ledgerRow({ startMs: holeMs, endMs: fromMs }, 'outage', { source: 'rest' }))
      }
      return page(klineSeries('BTCUSDT'), rows, { ledger, fresh: true })
    })

  test('rows and ledger add up, each part within the limit and with its own rows counted', () => {
    const property = fc.property(anyPage, fc.integer({ min: 1, max: 30 }), (whole, most) => {
      const parts = splitPage(whole, most)
      expect(parts.flatMap(({ table, rows }) => timesOf(table, rows))).toEqual([
        ...timesOf(whole.table, whole.rows),
      ])
      for (const part of parts) {
        expect(part.rows.count).toBeLessThanOrEqual(most)
        expect(part.rows.count).toBeGreaterThan(0)
        const timesMs = timesOf(part.table, part.rows)
        for (const row of part.ledger) {
          const inside = timesMs.filter((timeMs) => timeMs >= row.startMs && timeMs < row.endMs).length
          expect(row.rows).toBe(inside)
          expect(row.verdict === 'rows').toBe(inside > 0)
        }
        expect(part).toMatchObject({ source: whole.source, extractedAtMs: whole.extractedAtMs, fresh: true })
      }
      const ledgers = parts.flatMap(({ ledger }) => ledger)
      expect(union(ledgers)).toEqual(union(whole.ledger))
      const total = (rows: readonly LedgerRow[]): number =>
        rows.reduce((sum, row) => sum + row.endMs - row.startMs, 0)
      expect(total(ledgers)).toBe(total(whole.ledger))
      if (whole.rows.count <= most) expect(parts).toEqual([whole])
    })
    fc.assert(property, runs)
  })

  test('its archive is taken in with the last part', () => {
    const name = 'data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-02-29.zip'
    const taken = { series: 'spot/klines/BTCUSDT/1m', name, sha256: '0f', bytes: 5, takenAtMs: DAY_0_MS }
    const whole = page(klineSeries('BTCUSDT'), candles(DAY_0_MS, 25), { archives: [taken] })
    const parts = splitPage(whole, 10)
    expect(parts.map(({ archives }) => archives)).toEqual([undefined, undefined, [taken]])
    expect(splitPage(whole, 25)).toEqual([whole])
  })
})

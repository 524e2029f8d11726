// A page of trades that is cut: every id that no row has is counted by the part that it lies in, once.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import { splitPage } from '../../src/core/writer.ts'
import { DAY_0_MS, page, trade, tradeSeries } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/split-page.test.ts')

test('each part names exactly the ids that it counts, those that were left out too', () => {
  const record = fc.record({ step: fc.constantFrom(1, 1, 1, 2, 4), pauseMs: fc.constantFrom(0, 0, 1, 3) })
  const given = fc.record({
    records: fc.array(record, { minLength: 1, maxLength: 40 }),
    before: fc.nat({ max: 2 }),
    after: fc.nat({ max: 2 }),
    cutAt: fc.nat({ max: 60 }),
    most: fc.integer({ min: 1, max: 12 }),
  })
  const property = fc.property(given, ({ records, before, after, cutAt, most }) => {
    let [id, timeMs] = [100 + before, DAY_0_MS]
    const rows = records.map(({ step, pauseMs }, i) => {
      id += i === 0 ? 0 : step
      timeMs += pauseMs
      return { id, timeMs }
    })
    // Two rows of the ledger that meet at a time; the second begins with its first trade.
    const [startMs, endMs] = [DAY_0_MS, timeMs + 5]
    const cutMs = Math.min(endMs, startMs + cutAt)
    const cut = rows.findIndex((row) => row.timeMs >= cutMs)
    const firstOfSecond = cut < 0 ? null : (rows[cut]?.id ?? null)
    const spans = [
      { startMs, endMs: cutMs, first: 100, last: (firstOfSecond ?? id + after + 1) - 1 },
      { startMs: cutMs, endMs, first: firstOfSecond ?? 0, last: id + after },
    ].filter((span) => span.startMs < span.endMs && span.first > 0)
    const ledger = spans.map((span) => {
      const count = rows.filter((row) => row.timeMs >= span.startMs && row.timeMs < span.endMs).length
      const skipped = span.last - span.first + 1 - count
      const ids = { firstId: String(span.first), lastId: String(span.last) }
      return ledgerRow(span, 'rows', { rows: count, ...ids, skipped, source: 'rest' })
    })
    if (ledger.some(({ skipped }) => skipped < 0)) return
    const trades = rows.map((row) => trade(String(row.id), row.timeMs))
    const parts = splitPage(page(tradeSeries('BTCUSDT'), trades, { ledger }), most)
    const sum = (some: readonly LedgerRow[]): number => some.reduce((all, { skipped }) => all + skipped, 0)
    const found = parts.flatMap((part) => part.ledger)
    expect(sum(found)).toBe(sum(ledger))
    for (const { firstId, lastId, rows: count, skipped } of found) {
      if (firstId === null) expect([count, skipped]).toEqual([0, 0])
      else expect(Number(lastId) - Number(firstId) + 1).toBe(count + skipped)
    }
  })
  fc.assert(property, runs)
})

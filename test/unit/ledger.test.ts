// The ledger against unit cells: whatever is told, in whatever order, its rows say what the cells say, and
// are sorted, disjoint and joined.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  isUnasked,
  type LedgerRow,
  LOST_ROWS,
  ledgerRow,
  record,
  settledSpans,
  type Verdict,
  wantedSpans,
  withNews,
} from '../../src/core/ledger.ts'
import { meet, type Span, union } from '../../src/core/span.ts'
import {
  anyNews,
  applied,
  CELLS,
  cellsOf,
  disjointNews,
  ledgerOf,
  noCells,
  withNews as withNewsInCells,
} from '../rig/ledger-model.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/ledger.test.ts')

const nothing = { remove: [], put: [] }

function spansWith(cells: readonly (string | null)[], says: (cell: string) => boolean): Span[] {
  return union(
    cells.flatMap((cell, at) => (cell !== null && says(cell) ? [{ startMs: at, endMs: at + 1 }] : [])),
  )
}

describe('against unit cells', () => {
  test('the ledger says what was told last, and the settled stays settled', () => {
    const property = fc.property(anyNews, (news) => {
      const cells = news.reduce(withNewsInCells, noCells)
      const ledger = ledgerOf(news)
      expect(cellsOf(ledger)).toEqual(cells)
      expect(settledSpans(ledger)).toEqual(spansWith(cells, (cell) => !cell.startsWith('wanted')))
      expect(wantedSpans(ledger)).toEqual(spansWith(cells, (cell) => cell.startsWith('wanted')))
    })
    fc.assert(property, runs)
  })

  test('told at once or one by one, it says the same', () => {
    const property = fc.property(anyNews, anyNews, (before, news) => {
      const stored = ledgerOf(before)
      const ledger = applied(stored, record(stored, news))
      expect(cellsOf(ledger)).toEqual(cellsOf(ledgerOf(news, stored)))
      expect(cellsOf(ledger)).toEqual(news.reduce(withNewsInCells, cellsOf(stored)))
    })
    fc.assert(property, runs)
  })

  test('rows are sorted, disjoint, not empty, and neighbours that are alike are one', () => {
    const property = fc.property(anyNews, (news) => {
      const ledger = ledgerOf(news)
      for (const [index, row] of ledger.entries()) {
        expect(row.startMs).toBeLessThan(row.endMs)
        const next = ledger[index + 1]
        if (!next) continue
        expect(row.endMs).toBeLessThanOrEqual(next.startMs)
        const alike = row.verdict === next.verdict && row.source === next.source && row.verdict !== 'wanted'
        // What the API is still to be asked for is told apart from what it was asked for.
        const together = isUnasked(row) === isUnasked(next)
        expect(alike && together && row.endMs === next.startMs).toBe(false)
      }
    })
    fc.assert(property, runs)
  })
})

describe('what a store may rely on', () => {
  test('the same news again change nothing, whatever was stored before them', () => {
    const property = fc.property(anyNews, disjointNews, fc.func(fc.nat()), (before, pages, place) => {
      const stored = ledgerOf(before)
      const laterMs = Math.max(0, ...before.map((row) => row.checkedAtMs)) + 1
      const news = pages.map((page) => ({ ...page, checkedAtMs: page.checkedAtMs + laterMs }))
      const ledger = applied(stored, record(stored, news))
      expect(record(ledger, news)).toEqual(nothing)
      const reordered = news.toSorted((a, b) => place(a.startMs) - place(b.startMs))
      expect(record(ledger, reordered)).toEqual(nothing)
    })
    fc.assert(property, runs)
  })

  test('pages that share nothing may come in any order', () => {
    const property = fc.property(disjointNews, (news) => {
      const inOrder = news.toSorted((a, b) => a.startMs - b.startMs)
      expect(ledgerOf(news)).toEqual(ledgerOf(inOrder))
      expect(ledgerOf(news.toReversed())).toEqual(ledgerOf(inOrder))
    })
    fc.assert(property, runs)
  })

  test('only the rows that overlap or touch the news are needed', () => {
    const property = fc.property(anyNews, anyNews, (before, news) => {
      const stored = ledgerOf(before)
      const near = stored.filter((row) =>
        news.some((fresh) => row.startMs <= fresh.endMs && row.endMs >= fresh.startMs),
      )
      expect(record(near, news)).toEqual(record(stored, news))
    })
    fc.assert(property, runs)
  })

  test('the order of the stored rows does not matter, and nothing that is handed in is changed', () => {
    const property = fc.property(anyNews, anyNews, (before, news) => {
      const stored = ledgerOf(before)
      const backwards = Object.freeze(stored.toReversed().map((row) => Object.freeze({ ...row })))
      const change = record(backwards, Object.freeze(news.map((row) => Object.freeze({ ...row }))))
      expect(applied(stored, change)).toEqual(applied(stored, record(stored, news)))
    })
    fc.assert(property, runs)
  })

  test('no news, and news of empty spans, change nothing', () => {
    const property = fc.property(anyNews, fc.nat({ max: CELLS }), (before, at) => {
      const stored = ledgerOf(before)
      expect(record(stored, [])).toEqual(nothing)
      expect(record(stored, [ledgerRow({ startMs: at, endMs: at }, 'rows', { source: 'rest' })])).toEqual(
        nothing,
      )
    })
    fc.assert(property, runs)
  })
})

describe('by example', () => {
  const row = (startMs: number, endMs: number, verdict: Verdict, facts: Partial<LedgerRow> = {}): LedgerRow =>
    ledgerRow({ startMs, endMs }, verdict, { source: verdict === 'wanted' ? null : 'rest', ...facts })
  const shape = (ledger: readonly LedgerRow[]): string =>
    ledger.map((each) => `${each.verdict} ${each.startMs}-${each.endMs}`).join(', ')

  test('the last span is extended in its place', () => {
    const stored = [row(0, 10, 'rows', { rows: 10 })]
    const change = record(stored, [row(10, 15, 'rows', { rows: 5 })])
    expect(change).toEqual({ remove: [], put: [row(0, 15, 'rows', { rows: 15 })] })
  })

  test('a span between two like it joins all three, and the row of the third goes', () => {
    const stored = [row(0, 10, 'rows', { rows: 10 }), row(20, 30, 'rows', { rows: 10 })]
    const change = record(stored, [row(10, 20, 'rows', { rows: 10 })])
    expect(change).toEqual({ remove: [20], put: [row(0, 30, 'rows', { rows: 30 })] })
  })

  test('archives and REST stay apart', () => {
    const ledger = ledgerOf([row(0, 10, 'rows'), row(10, 20, 'rows', { source: 'archive' })])
    expect(shape(ledger)).toBe('rows 0-10, rows 10-20')
  })

  test('an outage inside rows keeps a row of its own, until rows are found there', () => {
    const outage = ledgerOf([
      row(0, 30, 'rows', { rows: 30 }),
      row(10, 12, 'outage', { reason: 'two answers' }),
    ])
    expect(shape(outage)).toBe('rows 0-10, outage 10-12, rows 12-30')
    expect(outage.map((each) => each.rows)).toEqual([10, 0, 18])
    expect(shape(ledgerOf([row(10, 12, 'rows', { rows: 2 })], outage))).toBe('rows 0-30')
  })

  test('what is wanted shrinks as it is settled, and keeps how often it was asked and why', () => {
    const wanted = row(0, 30, 'wanted', { asked: 2, reason: 'refused' })
    const ledger = ledgerOf([wanted, row(5, 10, 'rows'), row(25, 30, 'no-trades')])
    expect(shape(ledger)).toBe('wanted 0-5, rows 5-10, wanted 10-25, no-trades 25-30')
    for (const rest of ledger.filter((each) => each.verdict === 'wanted')) {
      expect([rest.asked, rest.reason]).toEqual([2, 'refused'])
    }
    expect(wantedSpans(ledgerOf([row(0, 30, 'rows')], ledger))).toEqual([])
  })

  test('a wish never takes back what is settled, nor the answer that an earlier one had', () => {
    const settled = ledgerOf([row(5, 10, 'rows'), row(12, 14, 'wanted', { asked: 1, reason: 'refused' })])
    const ledger = ledgerOf([row(0, 20, 'wanted')], settled)
    expect(shape(ledger)).toBe('wanted 0-5, rows 5-10, wanted 10-12, wanted 12-14, wanted 14-20')
    expect(ledger[3]).toEqual(row(12, 14, 'wanted', { asked: 1, reason: 'refused' }))
    expect(record(ledger, [row(5, 10, 'wanted')])).toEqual(nothing)
    expect(meet(settledSpans(ledger), wantedSpans(ledger))).toEqual([])
  })

  test('what is wanted because its rows are gone takes rows back, and nothing else', () => {
    const ledger = ledgerOf([
      row(0, 10, 'rows', { rows: 10 }),
      row(10, 12, 'outage'),
      row(12, 20, 'rows', { rows: 8 }),
    ])
    const gone = ledgerOf([row(5, 15, 'wanted', { reason: LOST_ROWS })], ledger)
    expect(shape(gone)).toBe('rows 0-5, wanted 5-10, outage 10-12, wanted 12-15, rows 15-20')
    expect(gone.map((each) => each.rows)).toEqual([5, 0, 0, 0, 5])
    const mended = ledgerOf([row(5, 10, 'rows', { rows: 5 }), row(12, 15, 'rows', { rows: 3 })], gone)
    expect(mended).toEqual(ledger)
    expect(withNews(ledger, [row(5, 15, 'wanted', { reason: LOST_ROWS })])).toEqual(gone)
  })

  test('a newer answer replaces an older one of what is wanted', () => {
    const asked = (count: number): LedgerRow =>
      row(0, 4, 'wanted', { asked: count, reason: `answer ${count}` })
    expect(ledgerOf([asked(0), asked(1), asked(2)])).toEqual([asked(2)])
  })

  test('news of the very span of a row replace it, whichever of its facts differ', () => {
    const stored = row(0, 9, 'rows', { rows: 5, firstId: '1', lastId: '9' })
    const differences: Partial<LedgerRow>[] = [
      { endMs: 10 },
      { verdict: 'no-trades' },
      { rows: 6 },
      { source: 'archive' },
      { firstId: '2' },
      { lastId: '8' },
      { skipped: 1 },
      { asked: 2 },
      { checkedAtMs: 1 },
      { reason: 'asked again' },
    ]
    for (const different of differences) {
      const fresh = { ...stored, ...different }
      expect(record([stored], [fresh])).toEqual({ remove: [], put: [fresh] })
    }
  })
})

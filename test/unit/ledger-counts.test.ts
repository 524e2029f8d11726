// The numbers that ledger rows carry: they are sums where rows are joined, shares where rows are cut, and a
// page that is recorded twice counts once.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import { CELLS, disjointNews, ledgerOf, newsOf } from '../rig/ledger-model.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/ledger-counts.test.ts')

const sumOf = (ledger: readonly LedgerRow[], count: (row: LedgerRow) => number): number =>
  ledger.reduce((sum, row) => sum + count(row), 0)

/** Pages of REST rows that lie end to end, in any order. */
const restPages = disjointNews.map((news) => {
  let nextMs = 0
  return news
    .toSorted((a, b) => a.startMs - b.startMs)
    .map((row) => {
      const startMs = nextMs
      nextMs += row.endMs - row.startMs
      const span = { startMs, endMs: nextMs }
      const rows = row.verdict === 'rows' ? row.rows : 7
      const ids =
        rows === 0 ? { firstId: null, lastId: null } : { firstId: `${startMs}`, lastId: `${nextMs - 1}` }
      return ledgerRow(span, 'rows', { ...row, ...span, ...ids, rows, source: 'rest', verdict: 'rows' })
    })
})

describe('joined', () => {
  test('pages end to end are one row: sums of the counts, the first and last id, the latest check', () => {
    const property = fc.property(restPages, fc.boolean(), (pages, backwards) => {
      fc.pre(pages.length > 0)
      const [row, ...others] = ledgerOf(backwards ? pages.toReversed() : pages)
      expect(others).toEqual([])
      const filled = pages.filter((page) => page.rows > 0)
      expect(row).toMatchObject({
        startMs: 0,
        endMs: pages.at(-1)?.endMs ?? 0,
        rows: sumOf(pages, (page) => page.rows),
        skipped: sumOf(pages, (page) => page.skipped),
        firstId: filled[0]?.firstId ?? null,
        lastId: filled.at(-1)?.lastId ?? null,
        asked: Math.max(...pages.map((page) => page.asked)),
        checkedAtMs: Math.max(...pages.map((page) => page.checkedAtMs)),
      })
    })
    fc.assert(property, runs)
  })

  test('the reason is that of the latest check', () => {
    const page = (startMs: number, checkedAtMs: number, reason: string): LedgerRow =>
      ledgerRow({ startMs, endMs: startMs + 1 }, 'outage', { source: 'rest', checkedAtMs, reason })
    expect(ledgerOf([page(0, 9, 'later'), page(1, 5, 'earlier')])).toEqual([
      { ...page(0, 9, 'later'), endMs: 2 },
    ])
    expect(ledgerOf([page(0, 5, 'earlier'), page(1, 9, 'later')])[0]?.reason).toBe('later')
  })

  test('no row is lost or made up, whatever the verdicts', () => {
    const property = fc.property(disjointNews, (news) => {
      const ledger = ledgerOf(news)
      for (const count of [
        (row: LedgerRow) => row.rows,
        (row: LedgerRow) => (row.verdict === 'wanted' ? 0 : row.skipped),
      ]) {
        expect(sumOf(ledger, count)).toBe(sumOf(news, count))
      }
    })
    fc.assert(property, runs)
  })
})

const whole = { startMs: 0, endMs: CELLS }
const inside = fc
  .tuple(fc.nat({ max: CELLS - 1 }), fc.integer({ min: 1, max: CELLS }))
  .map(([startMs, length]) => ({ startMs, endMs: Math.min(CELLS, startMs + length) }))

describe('cut', () => {
  test('the pieces of a row share its counts by length, none counted twice', () => {
    const property = fc.property(newsOf(whole), inside, (given, span) => {
      const row = { ...given, verdict: 'rows', source: 'rest' } as const
      const pieces = ledgerOf([row, ledgerRow(span, 'outage')]).filter((piece) => piece.verdict === 'rows')
      const share = (CELLS - (span.endMs - span.startMs)) / CELLS
      for (const count of [(each: LedgerRow) => each.rows, (each: LedgerRow) => each.skipped]) {
        expect(pieces.every((piece) => Number.isInteger(count(piece)) && count(piece) >= 0)).toBe(true)
        expect(Math.abs(sumOf(pieces, count) - count(row) * share)).toBeLessThanOrEqual(1)
        expect(sumOf(pieces, count)).toBeLessThanOrEqual(count(row))
      }
    })
    fc.assert(property, runs)
  })

  test('a row with as many rows in each place is shared out exactly', () => {
    const property = fc.property(inside, fc.nat({ max: 9 }), (span, density) => {
      const row = ledgerRow(whole, 'rows', { rows: density * CELLS, source: 'rest' })
      for (const piece of ledgerOf([row, ledgerRow(span, 'outage')])) {
        if (piece.verdict === 'rows') expect(piece.rows).toBe(density * (piece.endMs - piece.startMs))
      }
    })
    fc.assert(property, runs)
  })

  test('a piece keeps the id at the end that it kept, and claims none at the end that was cut', () => {
    const row = ledgerRow(whole, 'rows', { rows: 300, source: 'rest', firstId: '1', lastId: '300' })
    const [head, , tail] = ledgerOf([row, ledgerRow({ startMs: 10, endMs: 20 }, 'no-trades')])
    expect([head?.firstId, head?.lastId]).toEqual(['1', null])
    expect([tail?.firstId, tail?.lastId]).toEqual([null, '300'])
  })

  test('an id that nobody knows any more stays unknown when rows are joined to it', () => {
    const row = ledgerRow(whole, 'rows', { rows: 300, source: 'rest', firstId: '1', lastId: '300' })
    const other = ledgerRow({ startMs: 0, endMs: 10 }, 'no-trades')
    const page = { rows: 10, source: 'rest', firstId: '201', lastId: '210' } as const
    const ledger = ledgerOf([
      row,
      other,
      ledgerRow({ startMs: 20, endMs: 21 }, 'rows', { ...page, checkedAtMs: 1 }),
    ])
    expect(ledger[1]).toMatchObject({ startMs: 10, endMs: CELLS, firstId: null, lastId: '300' })
  })
})

describe('recorded twice', () => {
  const page = (startMs: number, facts: Partial<LedgerRow>): LedgerRow =>
    ledgerRow({ startMs, endMs: startMs + 5 }, 'rows', { source: 'rest', ...facts })

  test('a page of a joined row counts once, however unevenly its rows lie', () => {
    const pages = [
      page(0, { rows: 3, skipped: 2, firstId: '1', lastId: '5', checkedAtMs: 10 }),
      page(5, { rows: 400, firstId: '6', lastId: '405', checkedAtMs: 20 }),
    ]
    const once = ledgerOf(pages)
    expect(once[0]).toMatchObject({ rows: 403, skipped: 2, firstId: '1', lastId: '405' })
    expect(ledgerOf(pages, once)).toEqual(once)
    expect(ledgerOf(pages.toReversed(), once)).toEqual(once)
  })

  test('a page that was asked for again later takes the place of what was known', () => {
    const once = ledgerOf([page(0, { rows: 50, checkedAtMs: 10 })])
    const again = page(0, { rows: 60, checkedAtMs: 10, asked: 2 })
    expect(ledgerOf([again], once)).toEqual([again])
    const joined = ledgerOf([page(5, { rows: 50, checkedAtMs: 10 })], once)
    const later = ledgerOf([page(0, { rows: 60, checkedAtMs: 11 })], joined)
    expect(later[0]).toMatchObject({ rows: 110, checkedAtMs: 11 })
  })
})

// Where gaps are looked for, what is fetched to fill them, and what became of them.
import { describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS } from '../../src/core/calendar.ts'
import type { Gap, GapVerdict } from '../../src/core/gap.ts'
import { type FillOptions, planFill, RECHECK_MS } from '../../src/core/gap-fill.ts'
import { outcomeOf, untouched } from '../../src/core/gap-outcome.ts'
import { type GapRange, gapSpan } from '../../src/core/gap-range.ts'
import { recounted } from '../../src/core/id-recount.ts'
import { type LedgerRow, LOST_ROWS, ledgerRow, withNews } from '../../src/core/ledger.ts'
import type { Span } from '../../src/core/span.ts'

const NOW_MS = Date.UTC(2024, 2, 22)
const at = (hour: number): number => NOW_MS - 30 * DAY_MS + hour * HOUR_MS
const from = (start: number, end: number): Span => ({ startMs: at(start), endMs: at(end) })
const gap = (start: number, end: number, verdict: GapVerdict): Gap => ({
  span: from(start, end),
  rowsMissing: end - start,
  verdict,
})
const rows = (start: number, end: number, facts: Partial<LedgerRow> = {}): LedgerRow =>
  ledgerRow(from(start, end), 'rows', { rows: end - start, source: 'rest', ...facts })

describe('where gaps are looked for', () => {
  const base: GapRange = {
    period: '1h',
    order: 'calendar',
    ledger: [rows(2, 20), ledgerRow(from(20, 24), 'wanted')],
    ends: { firstMs: at(5), lastMs: at(17), firstId: null, lastId: null },
    startMs: null,
    endMs: null,
    owedUntilMs: null,
    closedUntilMs: at(100),
  }

  test('from the first row that was ever settled or stored to the end of what was asked for', () => {
    expect(gapSpan(base)).toEqual(from(2, 24))
    expect(gapSpan({ ...base, ledger: [] })).toEqual(from(5, 18))
    expect(gapSpan({ ...base, ends: null })).toEqual(from(2, 24))
    expect(gapSpan({ ...base, ends: null, ledger: [ledgerRow(from(0, 9), 'unlisted')] })).toBeNull()
    expect(gapSpan({ ...base, ledger: [ledgerRow(from(0, 2), 'unlisted'), rows(2, 20)] })).toEqual(
      from(2, 20),
    )
  })

  test('to the last closed period where the exchange says which that is', () => {
    expect(gapSpan({ ...base, owedUntilMs: at(90) })).toEqual(from(2, 90))
    expect(gapSpan({ ...base, owedUntilMs: at(10) })).toEqual(from(2, 24))
  })

  test('what is asked for, on the grid, and never past what has closed', () => {
    const asked = { ...base, startMs: at(3) + 1, endMs: at(50) - 1 }
    expect(gapSpan(asked)).toEqual(from(4, 50))
    expect(gapSpan({ ...asked, endMs: at(500) })).toEqual(from(4, 100))
    expect(gapSpan({ ...asked, endMs: at(500), closedUntilMs: at(9) })).toEqual(from(4, 24))
    expect(gapSpan({ ...asked, startMs: at(60) })).toBeNull()
    const trades = { ...base, period: null, order: 'id' as const, ledger: [] }
    expect(gapSpan(trades)).toEqual(from(5, 17))
    expect(gapSpan({ ...trades, order: 'time' })).toEqual({ startMs: at(5), endMs: at(17) + 1 })
  })
})

describe('what is fetched', () => {
  const options = (facts: Partial<FillOptions>): FillOptions => ({
    gaps: [],
    ledger: [],
    range: from(0, 700),
    fill: true,
    outages: 'overdue',
    closedUntilMs: at(600),
    nowMs: NOW_MS,
    ...facts,
  })

  test('what is open and what is wanted, never what is explained or has not closed', () => {
    const gaps = [
      gap(1, 2, 'missing'),
      gap(2, 3, 'lost'),
      gap(5, 6, 'unpublished'),
      gap(7, 9, 'delisted'),
      gap(590, 700, 'missing'),
    ]
    const ledger = [rows(0, 20), ledgerRow(from(20, 24), 'wanted')]
    expect(planFill(options({ gaps, ledger })).spans).toEqual([
      from(1, 3),
      from(5, 6),
      from(20, 24),
      from(590, 600),
    ])
    expect(planFill(options({ gaps, ledger, range: from(0, 10) })).spans).not.toContainEqual(from(20, 24))
    expect(planFill(options({ gaps, ledger, fill: false }))).toEqual({ spans: [], takeBack: [] })
  })

  test('an outage once a week, at once when asked to, and after a clock has jumped', () => {
    const outage = (start: number, checkedAtMs: number): LedgerRow =>
      ledgerRow(from(start, start + 2), 'outage', { source: 'rest', checkedAtMs })
    const ledger = [
      outage(10, NOW_MS - RECHECK_MS),
      outage(20, NOW_MS - RECHECK_MS + 1),
      outage(30, NOW_MS + HOUR_MS),
      outage(40, NOW_MS + 2 * DAY_MS),
      ledgerRow(from(50, 60), 'unlisted', { checkedAtMs: 0 }),
    ]
    const spans = (facts: Partial<FillOptions>): number[] =>
      planFill(options({ ledger, ...facts })).spans.map(({ startMs }) => (startMs - at(0)) / HOUR_MS)
    expect(spans({})).toEqual([10, 40])
    expect(spans({ fill: false })).toEqual([10, 40])
    expect(spans({ outages: 'all', fill: false })).toEqual([10, 20, 30, 40])
    expect(spans({ outages: 'all', range: from(15, 31) })).toEqual([20, 30])
    expect(spans({ outages: 'none' })).toEqual([])
  })

  test('what archives alone call empty, where the API can be asked for it', () => {
    const row = ledgerRow(from(10, 12), 'no-trades', { source: 'archive', asked: 0, checkedAtMs: NOW_MS })
    expect(planFill(options({ ledger: [row] })).spans).toEqual([])
    expect(planFill(options({ ledger: [row], unasked: [row] })).spans).toEqual([from(10, 12)])
    expect(planFill(options({ ledger: [row], unasked: [row], range: from(12, 90) })).spans).toEqual([])
  })

  test('where rows are lost the ledger takes its promise back, so that nobody forgets them', () => {
    const ledger = [rows(0, 20)]
    const { spans, takeBack } = planFill(options({ gaps: [gap(5, 8, 'lost')], ledger }))
    expect(spans).toEqual([from(5, 8)])
    expect(withNews(ledger, takeBack)).toEqual([
      rows(0, 5),
      ledgerRow(from(5, 8), 'wanted', { checkedAtMs: NOW_MS, reason: LOST_ROWS }),
      rows(8, 20),
    ])
  })

  test('a stretch of ids that lacks others than were left out counts them anew', () => {
    const ids = { firstId: '100', lastId: '200' }
    const ledger = [rows(0, 20, { ...ids, skipped: 2 }), rows(30, 40, { firstId: '300', lastId: '310' })]
    const lost = { ...gap(5, 8, 'lost'), ids: { firstId: '120', lastId: '122' }, rowsMissing: 3 }
    const after = withNews(ledger, planFill(options({ gaps: [lost], ledger })).takeBack)
    expect(after.map(({ skipped }) => skipped)).toEqual([0, 0, 0, 0])
    const fresh = rows(5, 8, { rows: 3, firstId: '119', lastId: '123', checkedAtMs: NOW_MS })
    const filled = withNews(after, [fresh])
    expect(filled[0]).toMatchObject({ ...ids, skipped: 0, ...from(0, 20) })
    const lacking = { ...gap(5, 8, 'lost'), ids: { firstId: '120', lastId: '121' }, rowsMissing: 2 }
    expect(withNews(filled, recounted(filled, [lacking])).map(({ skipped }) => skipped)).toEqual([2, 0])
    expect(recounted(filled, [])).toEqual([])
  })
})

describe('what became of gaps', () => {
  test('filled in part and proved in part: both are told, with the verdicts of before and after', () => {
    const before = [gap(0, 2, 'outage'), gap(5, 15, 'missing'), gap(20, 21, 'lost'), gap(30, 31, 'lost')]
    const after = [gap(8, 10, 'outage'), gap(30, 31, 'lost')]
    const { gaps, found, filled } = outcomeOf(before, after, [from(5, 15), from(20, 21), from(30, 31)], '1h')
    expect(gaps).toEqual([
      { ...gap(0, 2, 'outage'), filled: false },
      { ...gap(5, 8, 'missing'), filled: true },
      { ...gap(8, 10, 'outage'), filled: false },
      { ...gap(10, 15, 'missing'), filled: true },
      { ...gap(20, 21, 'lost'), filled: true },
      { ...gap(30, 31, 'lost'), filled: false },
    ])
    expect([found, filled]).toEqual([3, 2])
    expect(untouched(before)).toMatchObject({ found: 3, filled: 0 })
  })

  test('what had not closed was not asked for, and stays as it was', () => {
    const outcome = outcomeOf([gap(0, 9, 'lost')], [], [from(0, 6)], '1h')
    expect(outcome).toEqual({
      gaps: [
        { ...gap(0, 6, 'lost'), filled: true },
        { ...gap(6, 9, 'lost'), filled: false },
      ],
      found: 1,
      filled: 0,
    })
  })

  test('an outage that was asked for again and has rows now is filled', () => {
    const outcome = outcomeOf([gap(0, 4, 'outage')], [gap(1, 4, 'outage')], [from(0, 4)], '1h')
    expect(outcome).toMatchObject({ found: 0, filled: 1, gaps: [{ filled: true }, { filled: false }] })
  })

  test('of trades by their ids, of rates as a whole', () => {
    const ids = (firstId: string, lastId: string, rowsMissing: number) => ({
      ...gap(0, 4, 'lost'),
      ids: { firstId, lastId },
      rowsMissing,
    })
    const trades = outcomeOf([ids('10', '19', 10)], [ids('12', '13', 2)], [from(0, 4)], null)
    expect(trades.gaps.filter(({ filled }) => filled).map((one) => [one.ids, one.rowsMissing])).toEqual([
      [{ firstId: '10', lastId: '11' }, 2],
      [{ firstId: '14', lastId: '19' }, 6],
    ])
    expect(outcomeOf([gap(0, 4, 'lost')], [], [from(0, 4)], null)).toMatchObject({ filled: 1 })
    expect(outcomeOf([gap(0, 4, 'lost')], [gap(0, 4, 'lost')], [from(0, 4)], null)).toMatchObject({
      filled: 0,
      gaps: [{ filled: false }],
    })
  })
})

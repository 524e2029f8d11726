// Trades and rates against the exchange: trades by their ids, also where many share a millisecond, where one
// has a wrong time, and where the exchange left invalid records out; rates by their time.
import { describe, expect, test } from 'bun:test'
import { idsOf, type Rows } from '../../src/core/dataset.ts'
import { compareIds } from '../../src/core/id.ts'
import { type LedgerRow, ledgerRow } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import type { Answer, Source } from '../../src/core/source.ts'
import { storedPages } from '../../src/core/verification/stored-rows.ts'
import { funding } from '../../src/datasets/funding.ts'
import { trades } from '../../src/datasets/trades.ts'
import { DAY_0_MS, MINUTE_MS, type Row, rate, toRows, trade } from '../rig/pages.ts'
import { seededRandom, seedFor } from '../rig/seed.ts'
import { errorsOf, linesOf, type VerifyRig, verifyRig } from '../rig/verify-rig.ts'

const seed = seedFor('test/unit/verify-trades.test.ts')
const PAGE_ROWS = 7
const series: Series = { market: 'spot', dataset: 'trades', symbol: 'BTCUSDT', period: null }
const table = trades.table(series)

/** Trades with ids from 100 on, several to a millisecond. */
const tradesOf = (count: number): Row[] =>
  Array.from({ length: count }, (_, i) =>
    trade(String(100 + i), DAY_0_MS + Math.floor(i / 3) * 5, { quantity: `${i + 1}.5` }),
  )
const all = tradesOf(60)
const time = (id: number): string => new Date(DAY_0_MS + Math.floor((id - 100) / 3) * 5).toISOString()
const sample = { share: 1, seed: 1 }

type Exchange = { readonly source: Source; readonly asks: string[] }

/** An exchange that has `records`, and answers by id as Binance does. */
function exchange(records: readonly Row[], skippedIds: readonly string[] = []): Exchange {
  const asks: string[] = []
  const source: Source = {
    name: 'rest',
    page: () => ({ rows: PAGE_ROWS, weight: 25 }),
    nowMs: () => DAY_0_MS + 60 * MINUTE_MS,
    fetch: async (_series, { fromId, limit }): Promise<Answer> => {
      if (fromId === undefined) throw new Error('asked by time')
      asks.push(`${fromId}+${limit}`)
      const ids = [...records.map((row) => String(row.trade_id)), ...skippedIds]
      const page = ids
        .filter((id) => compareIds(id, fromId) >= 0)
        .sort(compareIds)
        .slice(0, limit)
      const rows = toRows(
        table,
        records.filter((row) => page.includes(String(row.trade_id))),
      )
      return { rows, servedAtMs: DAY_0_MS, skippedIds: skippedIds.filter((id) => page.includes(id)) }
    },
  }
  return { source, asks }
}

const storeOf = (records: readonly Row[]): Promise<VerifyRig> =>
  verifyRig([{ series, rows: toRows(table, records) }])
const without = (...ids: number[]): Row[] => all.filter((row) => !ids.includes(Number(row.trade_id)))

/** What versions stored that counted records left out before a jump (of 118 and 119) in the row after it. */
function countedBehind(...left: number[]): { ledger: LedgerRow[]; rows: Rows } {
  const empty = { startMs: DAY_0_MS + 26, endMs: DAY_0_MS + 30 }
  const facts = { source: 'archive', reason: 'nobody has them' } as const
  const [first, last] = ['100', '159']
  const ledger = [
    ledgerRow({ startMs: DAY_0_MS, endMs: empty.startMs }, 'rows', { ...facts, rows: 16, firstId: first }),
    ledgerRow(empty, 'no-trades', { ...facts, firstId: '118', lastId: '119' }),
    ledgerRow({ startMs: empty.endMs, endMs: DAY_0_MS + 100 }, 'rows', {
      ...facts,
      rows: 40,
      firstId: String(left[0]),
      lastId: last,
      skipped: left.length,
    }),
  ]
  return { ledger, rows: toRows(table, without(...left, 118, 119)) }
}

describe('trades', () => {
  test('equal ones: every one is compared', async () => {
    const rig = await storeOf(all)
    const { source } = exchange(all)
    const outcome = await rig.verify({ source: () => source, sample })
    expect([linesOf(outcome), outcome.asked.rows]).toEqual([[], 60])
  })

  test('differing, lacking and further ones; repaired but for the last', async () => {
    const rig = await storeOf(without(117, 118))
    rig.spoil(series, 5, 'price', '1')
    const { source } = exchange(without(140))
    const outcome = await rig.verify({ source: () => source, sample, repair: true })
    expect(errorsOf(outcome)).toEqual([
      `error exchange trades ${time(105)} repaired`,
      `error exchange trades ${time(117)} repaired`,
      `error exchange trades ${time(118)} repaired`,
      `error exchange trades ${time(140)}`,
      `error ids trades ${time(116)} repaired`,
    ])
    const [differs] = outcome.findings.kept().filter(({ stored }) => stored?.includes('price 1'))
    expect(differs?.stored).toBe('trade_id 105: price 1')
    expect(outcome.findings.unrepaired).toBe(1)
    expect(errorsOf(await rig.verify())).toEqual([])
  })

  test('one whose time is wrong is not held against its new neighbours', async () => {
    for (const [row, toMs] of [
      [4, DAY_0_MS + 70],
      [50, DAY_0_MS + 12],
    ] as const) {
      const rig = await storeOf(all)
      rig.spoil(series, row, 'trade_time', toMs)
      const { source } = exchange(all)
      const outcome = await rig.verify({ source: () => source, sample, repair: true })
      expect(errorsOf(outcome)).toEqual([expect.stringMatching(/^error exchange .* repaired$/)])
      expect((await rig.store.read(series, table, { startMs: 0, endMs: DAY_0_MS * 2 }, 99)).columns).toEqual(
        toRows(table, all).columns,
      )
    }
  })

  test('a jump that the exchange has too stays what it is', async () => {
    const rig = await storeOf(without(117, 118))
    const { source } = exchange(without(117, 118))
    const outcome = await rig.verify({ source: () => source, repair: true })
    expect(errorsOf(outcome)).toEqual([`error ids trades ${time(116)}`])
    expect(rig.writes).toEqual([])
  })

  test('invalid records that were left out are nothing that is lacking', async () => {
    const ledger = [
      ledgerRow({ startMs: DAY_0_MS, endMs: DAY_0_MS + 1_000 }, 'rows', { rows: 58, skipped: 2 }),
    ]
    const rig = await verifyRig([{ series, rows: toRows(table, without(106, 107)), ledger }])
    const { source } = exchange(without(106, 107), ['106', '107'])
    const outcome = await rig.verify({ source: () => source, sample })
    expect(linesOf(outcome)).toEqual([`note ids trades ${time(105)}`])
  })

  test('records left out that the ledger counts behind a jump are a note, as gaps has it', async () => {
    const { ledger, rows } = countedBehind(106, 107)
    const rig = await verifyRig([{ series, rows, ledger }])
    const found = await rig.verify()
    expect(linesOf(found)).toEqual([`note ids trades ${time(105)}`, `note ids trades ${time(117)}`])
    expect(found.findings.kept().map(({ expected }) => expected)).toContain(
      'none: the ledger counts them as left out',
    )
  })

  test('a trade that is lost beside them is told, and mended for good', async () => {
    const { ledger, rows } = countedBehind(106, 107)
    const rig = await verifyRig([{ series, rows, ledger }])
    rig.remove(series, 3)
    const { source } = exchange(without(106, 107, 118, 119), ['106', '107'])
    const outcome = await rig.verify({ source: () => source, repair: true })
    expect(errorsOf(outcome)).toEqual([
      `error exchange trades ${time(103)} repaired`,
      `error ids trades ${time(102)} repaired`,
      `error ids trades ${time(105)} repaired`,
    ])
    expect(errorsOf(await rig.verify())).toEqual([])
  })

  test('a jump that is one too many is not repaired where the count explains it alone', async () => {
    const ledger = [
      ledgerRow({ startMs: DAY_0_MS, endMs: DAY_0_MS + 1_000 }, 'rows', { rows: 58, skipped: 1 }),
    ]
    const rig = await verifyRig([{ series, rows: toRows(table, without(106, 117)), ledger }])
    const { source } = exchange(without(106, 117), ['106'])
    const lines = [`error ids trades ${time(116)}`]
    expect(errorsOf(await rig.verify({ source: () => source, repair: true }))).toEqual(lines)
    expect(errorsOf(await rig.verify())).toEqual(lines)
  })

  test('trades where the ledger says there were none are told to it', async () => {
    const empty = { startMs: DAY_0_MS + 26, endMs: DAY_0_MS + 35 }
    const ledger = [
      ledgerRow({ startMs: DAY_0_MS, endMs: empty.startMs }, 'rows', { rows: 18, source: 'rest' }),
      ledgerRow(empty, 'no-trades', { firstId: '118', lastId: '120', source: 'rest' }),
      ledgerRow({ startMs: empty.endMs, endMs: DAY_0_MS + 100 }, 'rows', { rows: 39, source: 'rest' }),
    ]
    const rig = await verifyRig([{ series, rows: toRows(table, without(118, 119, 120)), ledger }])
    const { source } = exchange(all)
    const outcome = await rig.verify({ source: () => source, sample, repair: true })
    expect(errorsOf(outcome)).toHaveLength(3)
    expect(outcome.findings.unrepaired).toBe(0)
    const after = (await rig.store.ledger([series]))[0] ?? []
    const own = after.find(({ startMs }) => startMs === DAY_0_MS + 30)
    expect([own?.verdict, own?.rows, own?.firstId, own?.lastId]).toEqual(['rows', 3, '118', '120'])
    expect(after.filter(({ verdict }) => verdict === 'no-trades')).toHaveLength(2)
  })
})

describe('the stream of stored rows', () => {
  test('page by page each row once and in order, however many share a time', async () => {
    const random = seededRandom(seed)
    for (let round = 0; round < 50; round += 1) {
      const records = Array.from({ length: 40 }, (_, i) => trade(String(i), DAY_0_MS))
      let timeMs = DAY_0_MS
      const timed = records.map((row): Row => {
        if (random() < 0.3) timeMs += 1
        return { ...row, trade_time: timeMs }
      })
      // Stores keep rows of one time in any order.
      const shuffled = [...timed].sort(() => random() - 0.5)
      const rig = await storeOf(shuffled)
      const stored = { store: rig.store, series, dataset: trades, table }
      const ids: string[] = []
      const sizes: number[] = []
      for await (const page of storedPages(
        stored,
        { startMs: 0, endMs: timeMs + 1 },
        1 + Math.floor(random() * 9),
      )) {
        ids.push(...idsOf(page))
        sizes.push(page.count)
      }
      expect(ids).toEqual(timed.map((row) => String(row.trade_id)))
      expect(sizes).not.toContain(0)
    }
  })
})

describe('funding rates', () => {
  const rates: Series = { market: 'um', dataset: 'funding', symbol: 'BTCUSDT', period: null }
  const ratesTable = funding.table(rates)
  const HOUR_MS = 60 * MINUTE_MS
  const records = Array.from({ length: 30 }, (_, i) =>
    rate(DAY_0_MS + i * HOUR_MS + (i % 3), { funding_rate: `0.000${i + 1}7` }),
  )

  function rateExchange(theirs: readonly Row[]): Source {
    return {
      name: 'rest',
      page: () => ({ rows: 10, weight: 0 }),
      nowMs: () => DAY_0_MS + 100 * HOUR_MS,
      fetch: async (_series, { span, limit }) => {
        const inside = theirs.filter(
          (row) => Number(row.funding_time) >= span.startMs && Number(row.funding_time) < span.endMs,
        )
        return { rows: toRows(ratesTable, inside.slice(0, limit)), servedAtMs: 0 }
      },
    }
  }
  const storeRates = (rows: readonly Row[]): Promise<VerifyRig> =>
    verifyRig([{ series: rates, rows: toRows(ratesTable, rows) as Rows }])

  test('compared by time and type; two of one time too', async () => {
    // The tenth and the eleventh: a page ends between them.
    const special = rate(DAY_0_MS + 9 * HOUR_MS, { rate_type: 'Special' })
    const theirs = [...records.slice(0, 10), special, ...records.slice(10)]
    const rig = await storeRates(records)
    rig.spoil(rates, 20, 'funding_rate', '0.5')
    const outcome = await rig.verify({ source: () => rateExchange(theirs), sample, repair: true })
    expect(outcome.asked.rows).toBe(31)
    expect(errorsOf(outcome)).toEqual([
      'error exchange funding 2024-02-29T09:00:00.000Z repaired',
      'error exchange funding 2024-02-29T20:00:00.002Z repaired',
    ])
    expect(linesOf(await rig.verify({ source: () => rateExchange(theirs), sample }))).toEqual([])
  })

  test('a mark price that is lacking is a note, and filled; one that REST lacks is nothing', async () => {
    const rig = await storeRates(records.map((row, i) => (i === 3 ? { ...row, mark_price: null } : row)))
    const theirs = records.map((row, i) => (i === 9 ? { ...row, mark_price: null } : row))
    const source = (): Source => rateExchange(theirs)
    const at = '2024-02-29T03:00:00.000Z'
    expect(linesOf(await rig.verify({ source, sample }))).toEqual([`note exchange funding ${at}`])
    expect(linesOf(await rig.verify({ source, sample, repair: true }))).toEqual([
      `note exchange funding ${at} repaired`,
    ])
    expect(linesOf(await rig.verify({ source, sample }))).toEqual([])
  })
})

// Every dataset on every market that has it, exact: ranges that begin before the listing, outages, holes of
// mark prices, deliveries, ids beyond 2^53 that jump, extra rates, and an end in the unfinished candle. The
// servers are asked themselves. The second run finds nothing to ask for and moves nothing.
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Rows, Table, Value } from '../../src/core/dataset.ts'
import type { LedgerRow } from '../../src/core/ledger.ts'
import { seriesKey } from '../../src/core/series.ts'
import { RIG_API_KEY } from '../rig/api-key.ts'
import { type Bench, bench, NO_LIMITS } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences } from '../rig/compare-store.ts'
import {
  type DatasetCase,
  datasetCases,
  longCases,
  WORLD_NOW_MS,
  worldSymbols,
} from '../rig/dataset-world.ts'
import { type Expectation, expectedOf, seriesOf, tableOfSeries } from '../rig/expectation.ts'
import { expectedMarkers } from '../rig/expected-trades.ts'
import { nativeTable, nativeTypes } from '../rig/native-rows.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()
const options = { env: { BINANCE_API_KEY: RIG_API_KEY } }

let exchange: SpawnedExchange
// One for each test: the minute of a clock that stands still never ends, and all that is spent adds up.
beforeEach(async () => {
  const clock = { manualMs: WORLD_NOW_MS }
  exchange = await spawnExchange({ symbols: worldSymbols, clock, limits: NO_LIMITS })
})
afterEach(() => exchange.stop())

const rowsAsLists = ({ count, columns }: Rows): Value[][] =>
  Array.from({ length: count }, (_, i) => columns.map((column) => column[i] ?? null))

/** The rows as the server itself shows them, and the types that it keeps them in. */
async function expectNative(at: Bench, kind: keyof typeof nativeTypes, one: Expectation): Promise<void> {
  const series = seriesOf(one)
  const table = tableOfSeries(series)
  const { rows, types } = await nativeTable(kind, at.uri, table, series)
  expect(rows).toEqual(rowsAsLists(expectedOf(one)))
  if (rows.length === 0) return
  const due = [...table.columns, { name: 'extracted_at', kind: 'time' } as const].filter(
    ({ name }) => types[name] !== 'null',
  )
  expect(types).toMatchObject(
    Object.fromEntries(due.map((column) => [column.name, nativeTypes[kind][column.kind]])),
  )
}

/** Ids that no row has are accounted for, each: as left out, or as held by no trade. */
function expectIdsExplained(ledger: readonly LedgerRow[], one: Expectation): void {
  const ids = expectedOf(one).columns[0] ?? []
  const [first, last] = [ids[0], ids.at(-1)].map((id) => BigInt(id ?? 0))
  const counted = ledger.map((row) =>
    row.verdict === 'no-trades' && row.firstId !== null && row.lastId !== null
      ? BigInt(row.lastId) - BigInt(row.firstId) + 1n
      : BigInt(row.rows + row.skipped),
  )
  const span = one.spans[0]
  const isAggregate = one.dataset === 'agg-trades' && span !== undefined
  const leading = isAggregate
    ? expectedMarkers(one.spec, span).filter((id) => BigInt(id) < (first ?? 0n)).length
    : 0
  const due = (last ?? 0n) - (first ?? 0n) + 1n + BigInt(leading)
  expect(counted.reduce((sum, count) => sum + count, 0n)).toBe(due)
  if (isAggregate)
    expect(ledger.reduce((sum, row) => sum + row.skipped, 0)).toBe(expectedMarkers(one.spec, span).length)
}

/** Columns of a table with a value that a careless store or reader would spoil. */
function oddities(table: Table, rows: Rows): string[] {
  return table.columns.flatMap(({ name, kind }, i) => {
    const values = rows.columns[i] ?? []
    const found: string[] = []
    if (values.includes(null)) found.push(`${name} is null`)
    if (kind === 'id' && values.some((id) => BigInt(id ?? 0) > 2n ** 53n)) found.push(`${name} beyond 2^53`)
    if (kind === 'decimal' && values.some((value) => String(value).startsWith('-'))) found.push(`${name} < 0`)
    if (name === 'rate_type' && values.includes('Special')) found.push('an extra rate')
    return found
  })
}

test('the world holds what is odd about each dataset', () => {
  const found = new Set(
    datasetCases.flatMap(({ expected }) =>
      expected.flatMap((one) => {
        const series = seriesOf(one)
        return oddities(tableOfSeries(series), expectedOf(one)).map((odd) => `${series.dataset}: ${odd}`)
      }),
    ),
  )
  expect([...found]).toEqual(
    expect.arrayContaining([
      'premium-index-klines: low_price < 0',
      'funding: an extra rate',
      'funding: mark_price is null',
      'funding: funding_rate < 0',
      'agg-trades: agg_trade_id beyond 2^53',
      'trades: trade_id beyond 2^53',
      'trades: quote_quantity is null',
      'trades: base_quantity is null',
    ]),
  )
})

for (const database of databases) {
  const kind = database.server?.kind ?? 'sqlite'
  // Long periods take nothing from a server that minutes have not shown it.
  const cases: readonly DatasetCase[] = kind === 'sqlite' ? [...datasetCases, ...longCases] : datasetCases

  test(`${database.label}: every dataset is exact, and the second run asks for nothing`, async () => {
    const at = await bench(exchange, database)
    for (const { words, name } of cases) {
      const run = await at.run(words, options)
      expect(`${name}: ${tail(run)}`).toStartWith(`${name}: exit 0`)
      expect(run.result()).toMatchObject({ rows_changed: 0, unsettled: [], errors: [] })
    }
    const all = cases.flatMap(({ expected }) => expected)
    expect(await differences(at.contents, all)).toEqual([])
    for (const one of all) {
      if (kind !== 'sqlite') await expectNative(at, kind, one)
      if (one.dataset === 'trades' || one.dataset === 'agg-trades')
        expectIdsExplained(await at.contents.ledger(seriesOf(one)), one)
    }

    const before = await at.contents.dump()
    await exchange.resetCounts()
    for (const { words, name } of cases) {
      const again = await at.run(words, options)
      expect(`${name}: ${tail(again)}`).toStartWith(`${name}: exit 0`)
      expect(again.result()).toMatchObject({ rows_fetched: 0, rows_written: 0, rows_changed: 0, requests: 2 })
    }
    const { byEndpoint } = await exchange.counts()
    expect(Object.keys(byEndpoint).filter((path) => !/\/(time|exchangeInfo)$/.test(path))).toEqual([])
    expect((await at.contents.dump()) === before).toBe(true)
  }, 120_000)
}

describe('what is stored', () => {
  test('is shown by status, series by series', async () => {
    const at = await bench(exchange)
    const some = datasetCases.filter(({ market, dataset }) => market === 'um' && !dataset.endsWith('klines'))
    for (const { words } of some) expect(tail(await at.run(words, options))).toStartWith('exit 0')
    const shown = JSON.parse((await at.run(['status'])).stdout) as {
      series: readonly Record<string, unknown>[]
    }
    const due = some
      .flatMap(({ expected }) => expected)
      .map((one) => {
        const series = seriesOf(one)
        const { count, columns } = expectedOf(one)
        const times = columns[tableOfSeries(series).timeColumn] ?? []
        const [first, last] = [times[0], times.at(-1)].map((ms) => new Date(Number(ms)).toISOString())
        return {
          series: seriesKey(series),
          first,
          last,
          rows: count,
          rows_by_source: { rest: count, archive: 0 },
        }
      })
    expect(due).toHaveLength(4)
    expect(shown.series).toMatchObject(due.sort((a, b) => (a.series < b.series ? -1 : 1)))
  })
})

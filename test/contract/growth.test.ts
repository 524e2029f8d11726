// A store that serves for months: a candle a minute, a pass each. The ledger must stay a handful of rows, and
// a pass that finds everything as it was must leave the tables as they were.
import { afterAll, describe, expect, test } from 'bun:test'
import { floorToPeriod } from '../../src/core/calendar.ts'
import { type LedgerRow, settledSpans } from '../../src/core/ledger.ts'
import { runPass } from '../../src/core/pass.ts'
import { costPlan, planSpans } from '../../src/core/plan.ts'
import type { Store } from '../../src/core/store.ts'
import { klines } from '../../src/datasets/klines.ts'
import { plainSymbol } from '../rig/bench.ts'
import { findDatabases } from '../rig/databases.ts'
import { fromMarket, listing, memorySource } from '../rig/memory-source.ts'
import { klineSeries } from '../rig/pages.ts'
import { connectPostgresql } from '../rig/postgresql-database.ts'
import { onConnection } from '../rig/sql.ts'
import { realClock, type TestDatabase } from '../rig/test-database.ts'
import { onFresh, openStore } from './subject.ts'

const databases = await findDatabases()
afterAll(() => databases.stop())

const MINUTE_MS = 60_000
const LIMIT_MS = 60_000
const startMs = Date.UTC(2024, 2, 1)
/** Minutes after the start at which the exchange is out for nine minutes. */
const OUT_FROM = 100
const OUT_UNTIL = 109
const outage = { startMs: startMs + OUT_FROM * MINUTE_MS, endMs: startMs + OUT_UNTIL * MINUTE_MS }
const spec = plainSymbol('AAAUSDT', { outages: [outage] })
const series = klineSeries('AAAUSDT')
const table = klines.table(series)
const period = '1m'
/** Three months are 130,000 minutes; what grew would show in fewer. A server takes milliseconds a pass. */
const minutesOf = (database: TestDatabase): number => (database.kind === 'sqlite' ? 3_000 : 250)
/**
 * What the ledger may hold at any time: rows, the outage, rows, and while the outage is young what is still
 * asked for of it.
 */
const MOST_LEDGER_ROWS = 5

/** One pass at `nowMs` of the exchange, as a program that serves runs it; gives the ledger it began with. */
async function pass(store: Store, nowMs: number, fromMs: number | null): Promise<readonly LedgerRow[]> {
  const [ledger = []] = await store.ledger([series])
  const { source } = memorySource({ nowMs: () => nowMs, pageRows: 1_000, answer: fromMarket([spec]) })
  const known = listing(spec.symbol)
  const range = { startMs: fromMs, endMs: null, lookbackMs: MINUTE_MS }
  const spans = planSpans({ series, period, range, ledger, listing: known, nowMs })
  const plan = costPlan(series, period, spans, source)
  const job = { series, period, dataset: klines, table, source, listing: known, ledger, plan } as const
  const summary = await runPass({
    ...{ command: 'klines', startMs: fromMs, jobs: [job], store, workers: 1, clock: realClock },
    ...{ signal: new AbortController().signal, tell: () => {}, spent: () => ({ requests: 0, weight: 0 }) },
  })
  expect(summary.errors).toEqual([])
  return ledger
}

describe.concurrent.each([...databases.found])('$label', (database) => {
  const minutes = minutesOf(database)

  test(
    `${minutes} passes of one candle each make a handful of ledger rows`,
    () =>
      onFresh(database, async ({ uri }) => {
        const store = await openStore(database, uri)
        await store.prepare([table])
        let most = 0
        for (let minute = 1; minute <= minutes; minute += 1) {
          const nowMs = startMs + minute * MINUTE_MS + 3_000
          most = Math.max(most, (await pass(store, nowMs, minute === 1 ? startMs : null)).length)
        }
        const [ledger = []] = await store.ledger([series])
        const endMs = floorToPeriod(period, startMs + minutes * MINUTE_MS + 3_000)
        expect(most).toBeLessThanOrEqual(MOST_LEDGER_ROWS)
        expect(ledger.map(({ verdict, rows }) => [verdict, rows])).toEqual([
          ['rows', OUT_FROM],
          ['outage', 0],
          ['rows', minutes - OUT_UNTIL],
        ])
        expect(settledSpans(ledger)).toEqual([{ startMs, endMs }])
        expect((await store.holding(series, table))?.rows).toBe(minutes - (OUT_UNTIL - OUT_FROM))
        // A row that is rewritten every minute must not leave its old selves behind.
        if (database.kind === 'postgresql')
          expect(await bytesOf(uri, 'petrosa_coverage')).toBeLessThan(MOST_LEDGER_BYTES)
        await store.close()
      }),
    LIMIT_MS,
  )
})

/** Pages of 8 kB for a table, its index and its maps, however often its few rows are rewritten. */
const MOST_LEDGER_BYTES = 128 * 1_024

function bytesOf(uri: string, name: string): Promise<number> {
  return onConnection(connectPostgresql(uri), async ({ query }) => {
    const [row] = await query(`SELECT pg_total_relation_size('${name}')::int AS bytes`)
    return Number(row?.bytes)
  })
}

const postgresql = databases.found.filter(({ kind }) => kind === 'postgresql')

describe.each(postgresql)('$label', (database) => {
  test(
    'a span that is fetched again, ledger or not, leaves the table as large as it was',
    () =>
      onFresh(database, async ({ uri }) => {
        const store = await openStore(database, uri)
        await store.prepare([table])
        const nowMs = startMs + 20_000 * MINUTE_MS + 3_000
        await pass(store, nowMs, startMs)
        const before = await bytesOf(uri, table.name)
        for (let again = 0; again < 3; again += 1) {
          await database.exec(uri, 'DELETE FROM petrosa_coverage')
          // As another process, which remembers nothing of the one before.
          const other = await openStore(database, uri)
          await pass(other, nowMs, startMs)
          await other.close()
        }
        expect((await store.holding(series, table))?.rows).toBe(20_000 - (OUT_UNTIL - OUT_FROM))
        expect(await bytesOf(uri, table.name)).toBe(before)
        await store.close()
      }),
    LIMIT_MS,
  )
})

// The store against the model in memory: any sequence of writes must leave the same rows, stamps, ledger and
// counts in both.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { type LedgerRow, ledgerRow, type SourceName, verdicts } from '../../src/core/ledger.ts'
import { type Series, seriesKey } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import type { Page, Store } from '../../src/core/store.ts'
import { memoryStamps } from '../rig/memory-stamps.ts'
import { emptyMemoryDatabase, type MemoryDatabase, openMemoryStore } from '../rig/memory-store.ts'
import {
  candle,
  contractTables,
  DAY_0_MS,
  FETCHED_MS,
  fundingSeries,
  klineSeries,
  MINUTE_MS,
  page,
  type Row,
  rate,
  tableOf,
  trade,
  tradeSeries,
} from '../rig/pages.ts'
import type { Replaced } from '../rig/test-database.ts'
import { ledgerOf, readAll } from './reading.ts'
import { contractCase, type Subject, suiteSeed } from './subject.ts'

const RUNS = 30
const SEARCH_LIMIT_MS = 20_000
const PLACES = 12

type PagePlan = {
  readonly symbol: number
  readonly first: number
  readonly count: number
  readonly variant: number
  readonly source: SourceName
  readonly fresh: boolean
  /** The archives that it takes, of three. */
  readonly archives: readonly number[]
  readonly ledger: readonly { readonly start: number; readonly length: number; readonly verdict: number }[]
}
type WritePlan = {
  readonly dataset: number
  readonly refresh: boolean
  readonly keepReplaced: boolean
  readonly pages: readonly PagePlan[]
}

const pagePlan: fc.Arbitrary<PagePlan> = fc.record({
  symbol: fc.nat(1),
  first: fc.nat(4),
  count: fc.nat(6),
  variant: fc.nat(2),
  source: fc.constantFrom('rest', 'archive'),
  fresh: fc.boolean(),
  archives: fc.array(fc.nat(2), { maxLength: 2 }),
  ledger: fc.array(
    fc.record({ start: fc.nat(PLACES), length: fc.nat(6), verdict: fc.nat(verdicts.length - 1) }),
    { maxLength: 3 },
  ),
})

/** A write holds one page a series: what two pages of one write say of the same row is nobody's contract. */
const writePlan: fc.Arbitrary<WritePlan> = fc.record({
  dataset: fc.constantFrom(0, 0, 1, 1, 2),
  refresh: fc.boolean(),
  keepReplaced: fc.boolean(),
  pages: fc.uniqueArray(pagePlan, { maxLength: 2, selector: ({ symbol }) => symbol }),
})

const at = (place: number): number => DAY_0_MS + place * MINUTE_MS

function seriesFor(dataset: number, symbol: string): Series {
  if (dataset === 1) return tradeSeries(symbol)
  return dataset === 2 ? fundingSeries(symbol) : klineSeries(symbol)
}

/** Row `place` of a dataset; variants differ in a last digit, and the last one has null where it may. */
function rowFor(dataset: number, place: number, variant: number): Row {
  const value = `1234567890.12345678901234567${variant + 1}`
  const orNull = variant === 2 ? null : value
  if (dataset === 1)
    return trade(String(place), at(place), { price: value, base_quantity: orNull, quote_quantity: null })
  if (dataset === 2) return rate(at(place), { mark_price: orNull, funding_rate: '0.0001' })
  return candle(at(place), { volume: value })
}

function pageFor(dataset: number, plan: PagePlan, symbols: readonly string[], step: number): Page {
  const rows = Array.from({ length: plan.count }, (_, i) => rowFor(dataset, plan.first + i, plan.variant))
  const ledger = plan.ledger.map(({ start, length, verdict }): LedgerRow => {
    const span = { startMs: at(start), endMs: at(start + length) }
    const facts = {
      rows: length,
      source: plan.source,
      checkedAtMs: FETCHED_MS + step,
      reason: `step ${step}`,
    }
    return ledgerRow(span, verdicts[verdict] ?? 'rows', facts)
  })
  const { source, fresh } = plan
  const series = seriesFor(dataset, symbols[plan.symbol] ?? '')
  const archives = plan.archives.map((file) => ({
    series: seriesKey(series),
    name: `${file}.zip`,
    sha256: `${step}`,
    bytes: step,
    takenAtMs: FETCHED_MS,
  }))
  return page(series, rows, { source, fresh, ledger, archives, extractedAtMs: FETCHED_MS + step })
}

const spans: readonly Span[] = [
  { startMs: at(0), endMs: at(PLACES) },
  { startMs: at(3), endMs: at(4) },
  { startMs: at(2) + 1, endMs: at(9) },
]

/** All that a store shows of a series. */
async function view(store: Store, series: Series): Promise<object> {
  const table = tableOf(series)
  const holding = await store.holding(series, table)
  const bySource = [...(holding?.bySource ?? [])].sort((a, b) => (a.source < b.source ? -1 : 1))
  return {
    rows: await readAll(store, series),
    ledger: await ledgerOf(store, series),
    archives: await store.archives([series]),
    counts: await store.counts(series, table, spans),
    holding: holding && { ...holding, bySource },
    ends: await store.ends(series, table),
  }
}

const idOf = (replaced: Replaced): string => `${replaced.key} ${replaced.replacedAtMs}`

async function compare(subject: Subject, writes: readonly WritePlan[]): Promise<void> {
  const database: MemoryDatabase = emptyMemoryDatabase()
  const model = openMemoryStore(() => database)
  await model.prepare(contractTables)
  const symbols = [subject.symbol(), subject.symbol()]
  for (const [step, { dataset, pages: plans, ...options }] of writes.entries()) {
    const pages = plans.map((plan) => pageFor(dataset, plan, symbols, step))
    expect(await subject.store().write(pages, options)).toEqual(await model.write(pages, options))
  }
  for (const { dataset, pages } of writes) {
    for (const plan of pages) {
      const symbol = symbols[plan.symbol] ?? ''
      const series = seriesFor(dataset, symbol)
      expect(await view(subject.store(), series)).toEqual(await view(model, series))
      const stamps = await subject.database.stamps(subject.uri(), tableOf(series), symbol)
      expect(stamps).toEqual(memoryStamps(database, tableOf(series), symbol))
      const replaced = await subject.database.replaced(subject.uri(), seriesKey(series))
      const expected = [...database.replaced.values()].filter((one) => one.series === seriesKey(series))
      expect(new Map(replaced.map((one) => [idOf(one), one]))).toEqual(
        new Map(expected.map((one) => [idOf(one), one])),
      )
    }
  }
}

/** Registers the comparison with the model. */
export function modelCases(subject: Subject): void {
  contractCase('any sequence of writes leaves what the model says', async () => {
    const writes = fc.array(writePlan, { minLength: 1, maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(writes, (plans) => compare(subject, plans)),
      { seed: suiteSeed, numRuns: RUNS, interruptAfterTimeLimit: SEARCH_LIMIT_MS },
    )
  })
}

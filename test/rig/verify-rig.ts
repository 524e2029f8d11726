// Series in a store in memory, and verify run over them: what its tests share. A cell can be spoiled past the
// store, as somebody's hand would.
import type { Rows, Value } from '../../src/core/dataset.ts'
import type { LedgerRow } from '../../src/core/ledger.ts'
import { type Series, seriesKey } from '../../src/core/series.ts'
import type { Source } from '../../src/core/source.ts'
import { isoTime } from '../../src/core/span.ts'
import type { Page, Store } from '../../src/core/store.ts'
import type { VerifyFinding } from '../../src/core/verification/findings.ts'
import { type AskedRange, rangeOf } from '../../src/core/verification/range.ts'
import { type VerifyOutcome, VerifyRun, type VerifySeries } from '../../src/core/verification/verify-run.ts'
import { datasetNamed } from '../../src/datasets/all.ts'
import { emptyMemoryDatabase, type MemoryDatabase, openMemoryStore } from './memory-store.ts'

/** What is stored of a series, and what the ledger says of it. */
export type StoredSeries = {
  readonly series: Series
  readonly rows: Rows
  readonly ledger?: readonly LedgerRow[]
}

export type VerifyRig = {
  readonly database: MemoryDatabase
  readonly store: Store
  /** What was written, and how. */
  readonly writes: { readonly page: Page; readonly keepReplaced: boolean }[]
  /** Sets one cell past the store. */
  spoil(series: Series, row: number, column: string, value: Value): void
  /** Takes a row away past the store. */
  remove(series: Series, row: number): void
  verify(options?: VerifyGiven): Promise<VerifyOutcome>
}

export type VerifyGiven = {
  readonly source?: (series: Series) => Source | null
  readonly sample?: { readonly share: number; readonly seed: number }
  readonly repair?: boolean
  readonly asked?: AskedRange
  readonly workers?: number
}

const FETCHED_MS = Date.UTC(2024, 5, 1)

/** A store with these series in it. */
export async function verifyRig(stored: readonly StoredSeries[]): Promise<VerifyRig> {
  const database = emptyMemoryDatabase()
  const memory = openMemoryStore(() => database)
  const writes: VerifyRig['writes'][number][] = []
  const store: Store = {
    ...memory,
    write: (pages, options) => {
      for (const page of pages) writes.push({ page, keepReplaced: options?.keepReplaced === true })
      return memory.write(pages, options)
    },
  }
  await store.prepare(stored.map(({ series }) => tableOf(series)))
  for (const { series, rows, ledger = [] } of stored) {
    const facts = { source: 'rest', extractedAtMs: FETCHED_MS, fresh: true } as const
    await memory.write([{ series, table: tableOf(series), rows, ledger, ...facts }])
  }
  const rowsOf = (series: Series): Map<string, { values: readonly Value[] }> =>
    (database.rows.get(tableOf(series).name)?.get(seriesKey(series)) ?? new Map()) as never
  const keyAt = (series: Series, row: number): string => [...rowsOf(series).keys()][row] ?? ''
  return {
    database,
    store,
    writes,
    spoil(series, row, column, value) {
      const rows = rowsOf(series)
      const key = keyAt(series, row)
      const held = rows.get(key)
      const place = tableOf(series).columns.findIndex(({ name }) => name === column)
      if (!held || place < 0) throw new Error(`no ${column} in row ${row} of ${seriesKey(series)}`)
      rows.set(key, { ...held, values: held.values.map((old, i) => (i === place ? value : old)) })
    },
    remove: (series, row) => void rowsOf(series).delete(keyAt(series, row)),
    verify: (options = {}) => runVerify(store, stored, options),
  }
}

async function runVerify(
  store: Store,
  stored: readonly StoredSeries[],
  { source, sample, repair = false, asked, workers = 2 }: VerifyGiven,
): Promise<VerifyOutcome> {
  const series: VerifySeries[] = []
  for (const { series: one } of stored) {
    const dataset = datasetNamed(one.dataset)
    if (!dataset) throw new Error(`no dataset ${one.dataset}`)
    const table = tableOf(one)
    const { period } = one
    const ledger = (await store.ledger([one]))[0] ?? []
    const holding = await store.holding(one, table)
    const range = rangeOf({ period, holding, ledger }, asked ?? { startMs: null, endMs: null })
    const rows = holding?.rows ?? 0
    if (!range) continue
    series.push({
      store,
      series: one,
      dataset,
      table,
      period,
      range,
      rows,
      ledger,
      source: source?.(one) ?? null,
    })
  }
  const signal = new AbortController().signal
  const run = new VerifyRun({
    series,
    sample: sample ?? null,
    repair,
    workers,
    signal,
    tell: () => undefined,
  })
  await run.stored()
  await run.sample()
  if (repair) await run.repair()
  return run.outcome
}

function tableOf(series: Series) {
  const dataset = datasetNamed(series.dataset)
  if (!dataset) throw new Error(`no dataset ${series.dataset}`)
  return dataset.table(series)
}

/** A finding as one line: severity, check, period or dataset, time, and whether it was repaired. */
export function lineOf({ series, severity, check, span, repaired }: VerifyFinding): string {
  const name = series.period ?? series.dataset
  return `${severity} ${check} ${name} ${isoTime(span.startMs)}${repaired ? ' repaired' : ''}`
}

/** The lines of all that was found, in order. */
export const linesOf = ({ findings }: VerifyOutcome): string[] => findings.kept().map(lineOf).sort()

/** The lines of the errors. */
export const errorsOf = (outcome: VerifyOutcome): string[] =>
  linesOf(outcome).filter((line) => line.startsWith('error'))

// What every group of cases works on: one database that lasts for the suite, with all tables prepared and a
// store open, and fresh ones for cases that spoil things. Each case takes a symbol of its own, so that none
// sees another's rows.
import { afterAll, beforeAll, test } from 'bun:test'
import type { Store } from '../../src/core/store.ts'
import { contractTables } from '../rig/pages.ts'
import { seedFor } from '../rig/seed.ts'
import type { FreshDatabase, TestDatabase } from '../rig/test-database.ts'

/** How long one case may take: far more than any needs, so that only one that hangs is stopped. */
const CASE_LIMIT_MS = 60_000

/** The seed of everything that is left to chance in the suite; printed once. */
export const suiteSeed = seedFor('test/contract')

export type Subject = {
  readonly database: TestDatabase
  /** The store that all cases share. */
  store(): Store
  /** The URI of its database. */
  uri(): string
  /** A symbol that no other case has. */
  symbol(): string
}

/** Registers one case with the suite's limit of time. */
export function contractCase(name: string, run: () => Promise<void>): void {
  test(name, run, CASE_LIMIT_MS)
}

/** Prepares the shared database before the cases of this `describe`, and drops it after them. */
export function shareStore(database: TestDatabase): Subject {
  let fresh: FreshDatabase | undefined
  let store: Store | undefined
  let symbols = 0
  beforeAll(async () => {
    fresh = await database.fresh()
    store = await openStore(database, fresh.uri)
    await store.prepare(contractTables)
  }, CASE_LIMIT_MS)
  afterAll(async () => {
    await store?.close()
    await fresh?.drop()
  }, CASE_LIMIT_MS)
  const there = <T>(value: T | undefined): T => {
    if (value === undefined)
      throw new Error(`no ${database.label} database could be made: see the first error`)
    return value
  }
  return {
    database,
    store: () => there(store),
    uri: () => there(fresh).uri,
    symbol: () => {
      symbols += 1
      return `CASE${symbols}USDT`
    },
  }
}

/** Opens a store for writing, with the batch size that it chooses itself. */
export function openStore(database: TestDatabase, uri: string): Promise<Store> {
  return database.open({ uri, readOnly: false, batchRows: null })
}

/** Runs `work` on a fresh database and drops it, whatever comes of it. */
export async function onFresh<T>(
  database: TestDatabase,
  work: (fresh: FreshDatabase) => Promise<T>,
): Promise<T> {
  const fresh = await database.fresh()
  try {
    return await work(fresh)
  } finally {
    await fresh.drop()
  }
}

/** Runs `work` with a store on `uri` and closes it, whatever comes of it. */
export async function withStore<T>(
  database: TestDatabase,
  uri: string,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore(database, uri)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** What `work` throws; fails when it does not throw. */
export async function thrownBy(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

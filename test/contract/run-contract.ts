// Runs the contract over stores of src/stores/all.ts. It has a file for each server and one for all other
// stores, since files are what runs side by side: in one file it outlasted all other tests by minutes.
import { afterAll, expect, test } from 'bun:test'
import { findDatabases } from '../rig/databases.ts'
import { storeContract } from './store-contract.ts'

/** The servers that have a file of their own. */
export const ownFiles = ['postgresql', 'mariadb', 'mysql', 'mongodb'] as const

/** Registers the contract for every store that can be had here and whose label `fits`. */
export async function runContract(fits: (label: string) => boolean): Promise<void> {
  const databases = await findDatabases(fits)
  afterAll(() => databases.stop())
  for (const database of databases.found) storeContract(database.label, database)
  if (Bun.env.CI === 'true') {
    test('continuous integration tests every store', () => {
      expect(databases.missing).toEqual([])
    })
  }
}

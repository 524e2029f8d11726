// Runs the contract over every store of src/stores/all.ts that can be had here, and over the model in memory.
import { afterAll, expect, test } from 'bun:test'
import { findDatabases } from '../rig/databases.ts'
import { memoryDatabase } from '../rig/memory-database.ts'
import { storeContract } from './store-contract.ts'

const databases = await findDatabases()
afterAll(() => databases.stop())

storeContract('memory', memoryDatabase)
for (const database of databases.found) storeContract(database.label, database)

if (Bun.env.CI === 'true') {
  test('continuous integration tests every store', () => {
    expect(databases.missing).toEqual([])
  })
}

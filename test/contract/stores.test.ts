// The contract over the model in memory, and over every store that has no file of its own beside this one.
import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { memoryDatabase } from '../rig/memory-database.ts'
import { ownFiles, runContract } from './run-contract.ts'
import { storeContract } from './store-contract.ts'

storeContract('memory', memoryDatabase)
await runContract((label) => !ownFiles.some((own) => own === label))

test.each(ownFiles)('%s has a file of its own', (label) => {
  expect(existsSync(new URL(`./store-${label}.test.ts`, import.meta.url))).toBe(true)
})

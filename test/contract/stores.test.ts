// Runs the contract over every store of src/stores/all.ts that can be had here, and over the model in memory.
import { memoryDatabase } from '../rig/memory-database.ts'
import { sqliteDatabase } from '../rig/sqlite-database.ts'
import { storeContract } from './store-contract.ts'

storeContract('memory', memoryDatabase)
storeContract('sqlite', sqliteDatabase)

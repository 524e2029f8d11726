// The contract over the store on MySQL.
import { runContract } from './run-contract.ts'

await runContract((label) => label === 'mysql')

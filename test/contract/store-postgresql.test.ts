// The contract over the store on PostgreSQL.
import { runContract } from './run-contract.ts'

await runContract((label) => label === 'postgresql')

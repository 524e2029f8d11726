// The contract over the store on MongoDB.
import { runContract } from './run-contract.ts'

await runContract((label) => label === 'mongodb')

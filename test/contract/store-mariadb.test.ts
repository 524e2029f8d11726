// The contract over the store on MariaDB.
import { runContract } from './run-contract.ts'

await runContract((label) => label === 'mariadb')

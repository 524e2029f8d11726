// argv in, exit code out: the only file that touches the process.
import { version } from './version.ts'

console.log(`petrosa ${version}`)
process.exitCode = 0

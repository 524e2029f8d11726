// argv in, exit code out: the only file that touches the process.
import { version } from './version.ts'

if (process.argv.includes('version')) console.log(version)
process.exitCode = 0

// Where the take-over reads from and writes to, by petrosa's own variables: read as petrosa reads them, NAME
// or NAME_FILE, so that both never mean different databases.
import type { Clock } from '../../src/core/retry.ts'
import { UserError } from '../../src/errors.ts'
import { readVariable } from '../../src/settings/resolve.ts'
import { type StoreEntry, stores } from '../../src/stores/all.ts'
import { realWait } from '../../src/world.ts'
import type { PythonDatabase } from './python-database.ts'
import { openPythonMongodb } from './python-mongodb.ts'
import { openPythonMysql } from './python-mysql.ts'

export const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: realWait,
  random: Math.random,
}

export type Places = {
  readonly entry: StoreEntry
  /** Where petrosa keeps its rows. */
  readonly uri: string
  /** Where the old tables are. */
  readonly from: string
}

const world = { env: process.env, readFile: (path: string) => Bun.file(path).text() }

/** What the variables say. Throws UserError. */
export async function readPlaces(): Promise<Places> {
  const said = async (name: string): Promise<string | undefined> => (await readVariable(world, name))?.text
  const named = ((await said('DB_ADAPTER')) ?? 'sqlite').replace('mariadb', 'mysql')
  const entry = stores.find(({ kind }) => kind === named)
  if (!entry) throw new UserError(`there is no store ${named}`, 'set DB_ADAPTER to one that petrosa has')
  const uri = (await said(entry.variable)) ?? (entry.kind === 'sqlite' ? './petrosa.db' : '')
  if (uri === '') throw new UserError(`no address for the ${entry.kind} store`, `set ${entry.variable}`)
  return { entry, uri, from: (await said('PYTHON_DATABASE_URI')) ?? uri }
}

/** The old database. Throws UserError where it can be none, and what opening it throws. */
export async function openPython(uri: string): Promise<PythonDatabase> {
  if (/^(mysql|mariadb)/.test(uri)) return openPythonMysql(uri, clock)
  if (/^mongodb/.test(uri)) return openPythonMongodb(uri, clock)
  const advice = 'set PYTHON_DATABASE_URI to its mysql:// or mongodb:// address'
  throw new UserError('the Python extractor kept its rows in MySQL, MariaDB or MongoDB', advice)
}

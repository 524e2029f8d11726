// Where the database file is and who reads it: an account that may not write it while another one does, a way
// through a link, and addresses that mean no file. What is told is what is stored.
import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { isoTime } from '../../src/core/span.ts'
import { exchangeEnv, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import {
  type Run,
  removeWorkFolders,
  runPetrosa,
  tail,
  unprivileged,
  workFolder,
} from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const DAY_MS = 86_400_000
const nowMs = Date.parse('2024-03-22T00:00:30Z')
const startMs = Date.parse('2024-03-12T00:00:00Z')
const symbols = ['AAAUSDT', 'BBBUSDT', 'CCCUSDT']

let exchange: SpawnedExchange
beforeAll(async () => {
  const specs = symbols.map((symbol) => plainSymbol(symbol))
  exchange = await spawnExchange({ symbols: specs, clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

/** Words that make the program run as another account; null where there is none to be had. */
const found = unprivileged()
const asOther = found && found.length > 0 ? found : null
if (!asOther) console.warn('not root, or nobody else can get here: the tests of two accounts are skipped')

type Account = readonly string[]
function run(folder: string, words: readonly string[], through: Account = []): Promise<Run> {
  return runPetrosa([...words, '--json'], { cwd: folder, env: exchangeEnv(exchange.url), through })
}

/** Fetches one day, counted from the first, into the database at `uri`. */
function fetchDay(folder: string, uri: string, day: number, through?: Account): Promise<Run> {
  const [start, end] = [day, day + 1].map((at) => isoTime(startMs + at * DAY_MS))
  const range = ['--period', '1m', '--start', start ?? '', '--end', end ?? '']
  return run(folder, ['klines', '--symbols', symbols.join(), ...range, '--db-uri', uri], through)
}

/** The rows that `status` says are stored. */
function rowsSaid(status: Run): number {
  const { series } = status.result() as unknown as { readonly series: readonly { readonly rows: number }[] }
  return series.reduce((sum, { rows }) => sum + rows, 0)
}

test.skipIf(!asOther)(
  'written by another account: read as it is, and never called damaged',
  async () => {
    const folder = workFolder()
    chmodSync(folder, 0o755)
    const path = join(folder, 'a.db')
    expect(tail(await fetchDay(folder, path, 9))).toStartWith('exit 0')
    let isWriting = true
    const write = async (): Promise<void> => {
      // Backwards, so that every write moves pages about.
      for (let day = 8; day >= 0; day -= 1)
        expect(tail(await fetchDay(folder, path, day))).toStartWith('exit 0')
    }
    const writing = write().finally(() => {
      isWriting = false
    })
    const said: string[] = []
    while (isWriting)
      for (const command of ['status', 'verify']) {
        const { exitCode, result } = await run(folder, [command, '--db-uri', path], asOther ?? [])
        // All well, something to look into, or later: nothing that anybody has to change.
        if (![0, 3, 75].includes(exitCode)) said.push(`${command}: ${result().errors}`)
      }
    await writing
    expect(said).toEqual([])
    const after = await run(folder, ['status', '--db-uri', path], asOther ?? [])
    expect(tail(after)).toStartWith('exit 0')
    expect(rowsSaid(after)).toBe(3 * 10 * 1_440)
  },
  120_000,
)

test.skipIf(!asOther)('through a link: what is only in the log beside the file counts too', async () => {
  const folder = workFolder()
  chmodSync(folder, 0o755)
  for (const name of ['data', 'links']) mkdirSync(join(folder, name), { mode: 0o755 })
  const [path, link] = [join(folder, 'data', 'a.db'), join(folder, 'links', 'a.db')]
  symlinkSync('../data/a.db', link)
  expect(tail(await fetchDay(folder, path, 0))).toStartWith('exit 0')
  const holder = new Database(path)
  const plan = (through: Account): Promise<Run> =>
    run(folder, ['klines', '--dry-run', '--symbols', 'AAAUSDT', ...period, '--db-uri', link], through)
  const period = ['--period', '1m', '--start', isoTime(startMs), '--end', isoTime(startMs + DAY_MS)]
  try {
    expect((await plan(asOther ?? [])).result().plan).toEqual([])
    holder.run('DELETE FROM klines_m1')
    holder.run('DELETE FROM petrosa_coverage')
    const status = await run(folder, ['status', '--db-uri', link], asOther ?? [])
    expect(tail(status)).toStartWith('exit 0')
    expect(rowsSaid(status)).toBe(0)
    expect((await plan(asOther ?? [])).result().plan).toHaveLength(1)
  } finally {
    holder.close()
  }
})

test.each([
  ['sqlite://', /names no file; write the path/],
  ['file:x.db?mode=ro', /has a query/],
  ['sqlite:100%.db', /begins no character; write %25/],
  [':memory:', /keeps nothing.*write the path of a file/],
])('an address that names no file to keep anything in: %s', async (uri, says) => {
  const folder = workFolder()
  const fetched = await fetchDay(folder, uri, 0)
  expect(tail(fetched)).toStartWith('exit 2\n')
  expect(fetched.result().errors).toEqual([expect.stringMatching(says)])
  expect(readdirSync(folder)).toEqual([])
})

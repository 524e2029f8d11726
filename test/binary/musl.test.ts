// The release's binary for musl, in a root with musl and the libraries that it names and nothing else: it
// starts, and what it stores is the market.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { exchangeEnv, plainSymbol } from '../rig/bench.ts'
import { differences } from '../rig/compare-store.ts'
import { type Run, runInLibraries } from '../rig/container.ts'
import { elfNeeds } from '../rig/elf.ts'
import { fetchMuslLibraries, giveMuslLibraries, whyNoMusl } from '../rig/musl.ts'
import { removeWorkFolders, workFolder } from '../rig/run-petrosa.ts'
import { project } from '../rig/sources.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { sqliteContents } from '../rig/sqlite-contents.ts'

const BUILD_LIMIT_MS = 120_000
const NOW_MS = Date.parse('2024-03-22T00:00:30Z')
const spec = plainSymbol('BTCUSDT')
const span = { startMs: Date.parse('2024-03-01T00:00Z'), endMs: Date.parse('2024-03-22T00:00Z') }

const reason = whyNoMusl()
if (reason && process.env.CI) throw new Error(`the binary for musl must be tried in CI, but ${reason}`)
if (reason) console.warn(`the binary for musl is not tried: ${reason}`)
const manifest = await Bun.file(join(project, 'package.json')).json()

describe.skipIf(reason !== null)('the binary for musl', () => {
  const release = join(workFolder(), 'release')
  const binary = join(release, 'petrosa-linux-x64-musl')
  const libraries = workFolder()
  let exchange: SpawnedExchange
  beforeAll(async () => {
    const words = [join(project, 'deploy', 'release.ts'), '--only', 'bun-linux-x64-musl', '--into', release]
    const built = Bun.spawnSync([process.execPath, ...words], { timeout: BUILD_LIMIT_MS })
    if (!built.success) throw new Error(`${built.stdout}${built.stderr}`)
    fetchMuslLibraries(libraries)
    exchange = await spawnExchange({ symbols: [spec], clock: { manualMs: NOW_MS } })
  }, BUILD_LIMIT_MS)
  afterAll(async () => {
    await exchange?.stop()
    await removeWorkFolders()
  })

  /** Runs it with all that it names, but for the libraries whose names begin with `without`. */
  function run(
    args: readonly string[],
    env: Record<string, string> = {},
    without: string | null = null,
  ): Run {
    const give = (root: string): void => giveMuslLibraries(libraries, root, without)
    const binds = env.SQLITE_PATH ? [join(env.SQLITE_PATH, '..')] : []
    return runInLibraries(binary, args, { give, env, binds })
  }

  test('starts with musl and the C++ library alone, and not without that', () => {
    expect(elfNeeds(binary).needed.toSorted()).toEqual(['libc.musl-x86_64.so.1', 'libstdc++.so.6'])
    expect(run(['version'])).toMatchObject({ exitCode: 0, stderr: '' })
    expect(run(['version']).stdout).toStartWith(manifest.version)
    const lacking = run(['version'], {}, 'libstdc++')
    expect([lacking.exitCode, lacking.stderr]).toEqual([127, expect.stringContaining('libstdc++.so.6')])
  })

  test('pulls from the exchange, and what it stores is the market', async () => {
    const folder = workFolder()
    chmodSync(folder, 0o777)
    const path = join(folder, 'petrosa.db')
    const flags = ['--symbols', 'BTCUSDT', '--period', '1h', '--start', '2024-03-01', '--json']
    const env = { SQLITE_PATH: path, ...exchangeEnv(exchange.url) }
    const pulled = run(['klines', ...flags], env)
    expect([pulled.exitCode, pulled.exitCode === 0 ? '' : pulled.stderr]).toEqual([0, ''])
    const expected = { spec, period: '1h' as const, spans: [span], closedBeforeMs: NOW_MS }
    expect(await differences(sqliteContents(path), [expected])).toEqual([])
  })
})

// What deploy/kubernetes would run: every container's own words with the environment that its pod would have,
// through the compiled program against the local exchange; what serves really serves, and answers its probes.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { exchangeEnv, NO_LIMITS } from '../rig/bench.ts'
import { type BinaryDatabase, findBinaryDatabases, type Place } from '../rig/binary-databases.ts'
import {
  type Container,
  containerOf,
  environmentOf,
  type KubernetesObject,
  podOf,
  render,
  whyNoKubectl,
} from '../rig/kubernetes.ts'
import { removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import { servePetrosa } from '../rig/serve-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'

const reason = whyNoKubectl()
if (reason && process.env.CI) throw new Error(`deploy/kubernetes must be tried in CI, but ${reason}`)
if (reason) console.warn(`deploy/kubernetes is not tried: ${reason}`)

const NOW_MS = Date.parse('2024-03-22T00:00:30Z')
const symbols = ['BTC', 'ETH', 'BNB', 'SOL', 'XRP', 'ADA'].map((base) => ({
  ...{ market: 'um' as const, symbol: `${base}USDT`, base, quote: 'USDT', trades: { perMinute: 2 } },
  listedAtMs: Date.UTC(2024, 0, 10),
}))

const databases = reason ? [] : await findBinaryDatabases()
const named = (label: string): BinaryDatabase | undefined => databases.find((one) => one.label === label)
const sets = [
  { path: 'base', variable: 'MYSQL_URI', database: named('mariadb') },
  { path: 'overlays/postgresql', variable: 'POSTGRESQL_URI', database: named('postgresql') },
  { path: 'overlays/mongodb', variable: 'MONGODB_URI', database: named('mongodb') },
]

let exchange: SpawnedExchange
let folder = ''
beforeAll(async () => {
  exchange = await spawnExchange({ symbols, clock: { startMs: NOW_MS }, limits: NO_LIMITS })
  folder = workFolder()
})
afterAll(async () => {
  await exchange.stop()
  await removeWorkFolders()
})

/** The environment of a pod whose secret holds the address of `place`, led to the local exchange. */
function environment(
  container: Container,
  objects: readonly KubernetesObject[],
  secrets: Readonly<Record<string, string>>,
): Record<string, string> {
  return { ...environmentOf(container, objects, secrets), ...exchangeEnv(exchange.url) }
}

async function planOf(args: readonly string[], env: Record<string, string>): Promise<readonly string[]> {
  const run = await runPetrosa([...args, '--dry-run', '--json'], { cwd: folder, env })
  expect([args, run.exitCode, run.exitCode === 0 ? '' : tail(run)]).toEqual([args, 0, ''])
  return [...new Set((run.result().plan ?? []).map(({ series }) => series))].toSorted()
}

/** What a job of the base is to plan. */
function seriesOf(args: readonly string[]): readonly string[] {
  const [command, , value] = args
  const kind = command === 'klines' ? 'klines' : command === 'trades' ? 'agg-trades' : command
  if (command === 'gaps') return []
  const period = command === 'klines' ? `/${value}` : ''
  return ['BNBUSDT', 'BTCUSDT', 'ETHUSDT'].map((symbol) => `um/${kind}/${symbol}${period}`)
}

for (const { path, variable, database } of sets) {
  describe.skipIf(!database)(`deploy/kubernetes/${path}`, () => {
    let place: Place
    let objects: readonly KubernetesObject[]
    beforeAll(async () => {
      objects = render(path)
      if (database) place = await database.place(folder)
    })

    test('every job plans what it is for, into the database of its secret', async () => {
      for (const job of objects.filter(({ kind }) => kind === 'CronJob')) {
        const pod = podOf(job)
        if (!pod) throw new Error(`${job.metadata.name} has no pod`)
        const container = containerOf(pod)
        const env = environment(container, objects, { [variable]: place.uri })
        expect(await planOf(container.args, env)).toEqual(seriesOf(container.args))
      }
    })

    test('without its secret a job says what it lacks', async () => {
      const job = objects.find(({ kind }) => kind === 'CronJob')
      const pod = job ? podOf(job) : null
      if (!pod) throw new Error('no job')
      const env = environment(containerOf(pod), objects, {})
      const run = await runPetrosa([...containerOf(pod).args, '--dry-run'], { cwd: folder, env })
      expect([run.exitCode, run.stderr.includes(variable)]).toEqual([2, true])
    })
  })
}

describe.skipIf(!named('mariadb'))('deploy/kubernetes', () => {
  test('what serves answers every probe, and /metrics, and the routes that its token opens', async () => {
    const objects = render('base')
    const deployment = objects.find(({ kind }) => kind === 'Deployment')
    const pod = deployment ? podOf(deployment) : null
    const place = await named('mariadb')?.place(folder)
    if (!pod || !place) throw new Error('no Deployment')
    const container = containerOf(pod)
    const env = environment(container, objects, { MYSQL_URI: place.uri, API_TOKEN: 'a-token' })
    const serving = await servePetrosa(container.args, { cwd: folder, env })
    await serving.passes(1)
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect(probe?.httpGet.port).toBe(container.ports?.[0]?.name ?? '')
      expect((await serving.get(probe?.httpGet.path ?? '')).status).toBe(200)
    }
    expect((await serving.get('/metrics')).status).toBe(200)
    expect((await serving.get('/api/run', { method: 'POST' })).status).toBe(401)
    const run = await serving.stop()
    expect([0, 143]).toContain(run.exitCode)
  })

  test('the pods of a backfill share all series, each to one', async () => {
    const [job] = render('overlays/backfill')
    const pod = job ? podOf(job) : null
    const place = await named('mariadb')?.place(folder)
    if (!pod || !place) throw new Error('no Job')
    const container = containerOf(pod)
    const { SHARDS, ...whole } = environment(container, render('base'), { MYSQL_URI: place.uri })
    const indexes = Array.from({ length: job?.spec.completions ?? 0 }, (_, i) => String(i))
    // A pod with nothing of its own to do is done at once.
    const parts = await Promise.all(
      indexes.map((index) =>
        planOf(container.args, { ...whole, SHARDS: SHARDS ?? '', JOB_COMPLETION_INDEX: index }),
      ),
    )
    expect(parts.flat().toSorted()).toEqual([...(await planOf(container.args, whole))])
    expect(parts.flat()).toHaveLength(symbols.length)
  })
})

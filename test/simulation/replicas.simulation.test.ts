// Two and three programs that serve the same series from one database, for hours of simulated time, while
// some of them are killed, stopped and continued, or cut off from the database. Every series has an owner,
// nobody fetches what is another's beyond a page, who slept past a lease is refused, the exchange never sees
// more than its weight, and in the end the store is the market. TEST_SEED replays one life; TEST_RUNS lives
// more.
import { afterAll, expect, test } from 'bun:test'
import { ceilToPeriod, DAY_MS, floorToPeriod, HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { timesOf } from '../../src/core/dataset.ts'
import { type Series, seriesKey } from '../../src/core/series.ts'
import type { Store } from '../../src/core/store.ts'
import { klines } from '../../src/datasets/klines.ts'
import { type Chance, chanceOf } from '../rig/chance.ts'
import { findDatabases } from '../rig/databases.ts'
import { expectedRows } from '../rig/market.ts'
import { type Replica, type ReplicaLife, replicaLife } from '../rig/replica-life.ts'
import { runsFor, runsInStores } from '../rig/seed.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'

/** Some twenty seconds' worth. */
const LIVES = 24
const { seed: firstSeed, numRuns } = runsFor('test/simulation/replicas.simulation.test.ts', LIVES)
const LIFE_LIMIT_MS = 240_000

const BEGIN_MS = Date.parse('2024-03-01T00:00:40Z')
const LEASE_MS = 30_000
/** How often it is looked who has what. */
const LOOK_MS = 1_000
const TROUBLES = 6
const SERVER_TROUBLES = 2
/** Every so many lives one lasts for hours. */
const LONG_LIFE_EVERY = 4
const LONG_TROUBLES = 40
/** A request is waited for in such steps, and so long at most. */
const STEP_MS = 20
const MOST_WAIT_MS = 25_000
/** What may still be missing when it ends: what has closed in the last minutes. */
const LAST_MS = 3 * MINUTE_MS

function specsOf(chance: Chance): readonly SymbolSpec[] {
  return Array.from({ length: chance.whole(3, 9) }, (_, i) => ({
    ...{ market: 'spot', symbol: `S${i}USDT`, base: `S${i}`, quote: 'USDT' },
    listedAtMs: BEGIN_MS - 9 * DAY_MS,
  }))
}

/** What is watched all the time: how long each series has had no owner, and who owned it last. */
type Watch = { longestMs: number; readonly withoutMs: Map<string, number> }

/** Lets time pass and looks, second by second, whether every series has an owner. */
async function pass(life: ReplicaLife, series: readonly string[], ms: number, watch: Watch): Promise<void> {
  for (let left = ms; left > 0; left -= LOOK_MS) {
    await life.clock.advance(Math.min(left, LOOK_MS))
    for (const key of series) {
      const isOwned = (life.owners.get(key)?.untilMs ?? 0) > life.clock.nowMs()
      const withoutMs = isOwned ? 0 : (watch.withoutMs.get(key) ?? 0) + LOOK_MS
      watch.withoutMs.set(key, withoutMs)
      watch.longestMs = Math.max(watch.longestMs, withoutMs)
    }
  }
}

/** Waits until the program has a request on its way, a pass or so at most. */
async function untilAsking({ asked, clock }: ReplicaLife, { name }: Replica): Promise<void> {
  const before = asked.length
  for (let ms = 0; ms < MOST_WAIT_MS; ms += STEP_MS) {
    if (asked.slice(before).some(({ replica }) => replica === name)) return
    await clock.advance(STEP_MS)
  }
}

/** Something happens to one of the programs, and is over when this resolves. At least one of them is well. */
async function trouble(
  life: ReplicaLife,
  replicas: Replica[],
  wait: (ms: number) => Promise<void>,
): Promise<string> {
  const { chance } = life
  const [victim, ...others] = [...replicas].sort(() => (chance.happens(0.5) ? 1 : -1))
  if (!victim || others.length === 0) throw new Error('nobody is left')
  const kind = chance.one(['kill', 'pause', 'long pause', 'cut', 'restart'])
  switch (kind) {
    case 'kill':
      victim.kill()
      await wait(chance.whole(10, 200) * 1_000)
      replicas.splice(replicas.indexOf(victim), 1, await life.start(`${victim.name}'`))
      break
    case 'restart':
      await victim.stop()
      await wait(chance.whole(0, 90) * 1_000)
      replicas.splice(replicas.indexOf(victim), 1, await life.start(`${victim.name}'`))
      break
    case 'pause':
    case 'long pause':
      await untilAsking(life, victim)
      victim.pause()
      await wait(kind === 'pause' ? chance.whole(1, LEASE_MS) : chance.whole(2, 8) * LEASE_MS)
      victim.resume()
      break
    case 'cut':
      victim.cut(true)
      await wait(chance.whole(1, 5 * LEASE_MS))
      victim.cut(false)
      break
  }
  return kind
}

/**
 * Candles that a program asked for while another one had their series: a page that was about to be asked for
 * may be, no second one under the same owner.
 */
function strayPages(life: ReplicaLife): string[] {
  const strays = new Map<string, number>()
  for (const { replica, window, owner, token } of life.asked) {
    if (owner === replica || owner === '') continue
    const symbol = new URLSearchParams(window).get('symbol')
    const key = `${replica} asked for ${symbol} of ${owner} (token ${token})`
    strays.set(key, (strays.get(key) ?? 0) + 1)
  }
  return [...strays].filter(([, pages]) => pages > 1).map(([key, pages]) => `${key}: ${pages} pages`)
}

async function expectComplete(life: ReplicaLife, series: readonly Series[], hours: number): Promise<void> {
  const store = await life.open()
  const endMs = life.clock.nowMs()
  const firstMs = floorToPeriod('1m', BEGIN_MS - hours * HOUR_MS)
  const span = { startMs: ceilToPeriod('1m', firstMs), endMs: floorToPeriod('1m', endMs - LAST_MS) }
  for (const one of series) {
    const spec = { market: 'spot', symbol: one.symbol, base: one.symbol.slice(0, 2), quote: 'USDT' } as const
    const due = expectedRows({ ...spec, listedAtMs: BEGIN_MS - 9 * DAY_MS }, '1m', span, endMs)
    const rows = await store.read(one, klines.table(one), span, 1_000_000)
    expect([one.symbol, timesOf(klines.table(one), rows).length]).toEqual([one.symbol, due.count])
    expect(rows).toEqual(due)
  }
  await store.close()
}

const tokensOf = ({ owners }: ReplicaLife, keys: readonly string[]) =>
  keys.map((key) => [key, owners.get(key)?.token])

const seen = { refused: 0, takenOver: 0, lives: 0, hours: 0 }

/** What differs from life to life: where the rows are, and how much happens. */
type Setting = { readonly open?: () => Promise<Store>; readonly troubles: number }

async function liveOnce(seed: number, { troubles, ...place }: Setting): Promise<void> {
  const chance = chanceOf(seed)
  const specs = specsOf(chance)
  const hours = chance.one([2, 30])
  const series: readonly Series[] = specs.map(({ symbol }) => ({
    ...{ market: 'spot', dataset: 'klines', symbol, period: '1m' },
  }))
  const keys = series.map(seriesKey)
  const life = replicaLife({
    ...{ seed, startMs: BEGIN_MS, specs, limit: chance.one([6_000, 600]), ...place },
    words: [
      ...['--symbols', specs.map(({ symbol }) => symbol).join(','), '--period', '1m', '--market', 'spot'],
      ...['--source', 'rest', '--lookback-hours', String(hours), '--max-workers', '2'],
    ],
  })
  const replicas: Replica[] = []
  for (const name of ['a', 'b', 'c'].slice(0, chance.whole(2, 3))) {
    replicas.push(await life.start(name))
    if (chance.happens(0.5)) await life.clock.advance(chance.whole(0, 60_000))
  }
  const watch: Watch = { longestMs: 0, withoutMs: new Map() }
  const wait = (ms: number): Promise<void> => pass(life, keys, ms, watch)
  // The first pass begins when the first candle of its minute is final; then each has its share.
  await life.clock.advance(90_000)
  for (let i = 0; i < troubles; i += 1) {
    for (const replica of replicas) if (chance.happens(0.3)) replica.fillGaps()
    await trouble(life, replicas, wait)
    await wait(chance.whole(30_000, 5 * MINUTE_MS))
  }
  for (const replica of replicas) replica.fillGaps()
  await wait(5 * MINUTE_MS)
  // Where nobody comes or goes, nothing goes from one to the other.
  const settled = tokensOf(life, keys)
  await wait(5 * MINUTE_MS)
  expect(tokensOf(life, keys)).toEqual(settled)
  const owners = new Set(keys.map((key) => life.owners.get(key)?.holder))
  expect(owners.size).toBe(Math.min(replicas.length, keys.length))
  for (const replica of replicas) await replica.stop()
  expect(keys.filter((key) => life.owners.get(key)?.holder !== '')).toEqual([])
  expect(watch.longestMs).toBeLessThanOrEqual(1.5 * LEASE_MS)
  expect(strayPages(life)).toEqual([])
  const { limited, bans, violations, maxWeight } = life.limiter.counts()
  expect({ limited, bans, violations }).toEqual({ limited: 0, bans: 0, violations: 0 })
  expect(maxWeight).toBeLessThanOrEqual(life.limiter.limit)
  expect(replicas.flatMap(({ events }) => events.filter(({ type }) => type === 'defect'))).toEqual([])
  await expectComplete(life, series, hours)
  seen.lives += 1
  seen.hours += (life.clock.nowMs() - BEGIN_MS) / HOUR_MS
  seen.refused += life.refused.length
  for (const key of keys) seen.takenOver += (life.owners.get(key)?.token ?? 1) - 1
}

for (let i = 0; i < numRuns; i += 1) {
  const seed = firstSeed + i
  test(
    `a life of replicas (TEST_SEED=${seed} TEST_RUNS=1)`,
    () => liveOnce(seed, { troubles: seed % LONG_LIFE_EVERY === 0 ? LONG_TROUBLES : TROUBLES }),
    LIFE_LIMIT_MS,
  )
}

// The same on each kind of server, whose own statements then say who has what.
const { found, stop: stopServers } = await findDatabases()
const servers = found.filter(({ kind }) => kind !== 'sqlite')
const storeLives = Array.from({ length: runsInStores(1) }, (_, i) => firstSeed + i)
test.each(servers.flatMap((database) => storeLives.map((seed) => ({ ...database, seed }))))(
  'a life of replicas on $label (TEST_SEED=$seed)',
  async ({ fresh, open: openDatabase, seed }) => {
    const { uri, drop } = await fresh()
    const open = (): Promise<Store> => openDatabase({ uri, readOnly: false, batchRows: 500 })
    const isLong = storeLives.length > 1 && seed % LONG_LIFE_EVERY === 0
    try {
      await liveOnce(seed, { troubles: isLong ? LONG_TROUBLES : SERVER_TROUBLES, open })
    } finally {
      await drop()
    }
  },
  LIFE_LIMIT_MS,
)

afterAll(async () => {
  await stopServers()
  const { hours, lives, refused, takenOver } = seen
  const lived = `${lives} lives of ${hours.toFixed(0)} hours in all`
  console.log(`${lived}: ${takenOver} changes of owner, ${refused} pages refused`)
})

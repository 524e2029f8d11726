// Programs on one database that mean different series under the same words: the parts of a split, each with
// two replicas, and jobs that differ only in what narrows a pattern. Each keeps its own series, for good.
import { expect, test } from 'bun:test'
import { inShard } from '../../src/cli/shard.ts'
import { DAY_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { seriesKey } from '../../src/core/series.ts'
import { type Replica, replicaLife } from '../rig/replica-life.ts'

const BEGIN_MS = Date.parse('2024-03-01T00:00:40Z')
const LIFE_LIMIT_MS = 60_000

const specs = ['USDT', 'BTC'].flatMap((quote) =>
  Array.from({ length: 8 }, (_, i) => ({
    ...({ market: 'spot', symbol: `S${i}${quote}`, base: `S${i}`, quote } as const),
    listedAtMs: BEGIN_MS - 9 * DAY_MS,
  })),
)
const keys = specs.map(({ symbol }) => seriesKey({ market: 'spot', dataset: 'klines', symbol, period: '1m' }))

type Part = { readonly words: readonly string[]; readonly holds: (key: string) => boolean }

const shard = (index: number): Part => ({
  words: ['--shard', `${index}/2`],
  holds: (key) => inShard(key, { index, of: 2 }),
})
const quote = (asset: string): Part => ({
  words: ['--quote', asset],
  holds: (key) => key.endsWith(`${asset}/1m`),
})
const exclude = (pattern: string, asset: string): Part => ({ ...quote(asset), words: ['--exclude', pattern] })

const splits: readonly (readonly [string, readonly Part[]])[] = [
  ['shards', [shard(0), shard(1)]],
  ['quotes', [quote('USDT'), quote('BTC')]],
  ['exclusions', [exclude('*BTC', 'USDT'), exclude('*USDT', 'BTC')]],
]

test.each(splits)(
  'parts of a split by %s, each with two replicas, leave each other alone',
  async (_, parts) => {
    const life = replicaLife({
      ...{ seed: 1, startMs: BEGIN_MS, specs, limit: 6_000 },
      words: ['--symbols', 'S*', '--period', '1m', '--market', 'spot', '--source', 'rest'],
    })
    const programs: { replica: Replica; part: Part }[] = []
    for (const [i, part] of parts.entries())
      for (const name of ['a', 'b'])
        programs.push({ replica: await life.start(`${name}${i}`, part.words), part })
    // Until each has its share.
    await life.clock.advance(2 * MINUTE_MS)
    const told = (): number[] => programs.map(({ replica }) => replica.events.length)
    const before = told()
    const owners = (): (string | undefined)[] => keys.map((key) => life.owners.get(key)?.holder)
    const first = owners()
    await life.clock.advance(5 * MINUTE_MS)
    expect(owners()).toEqual(first)
    for (const [i, { replica, part }] of programs.entries()) {
      const own = keys.filter((key) => life.owners.get(key)?.holder === replica.name)
      expect(own.every(part.holds)).toBe(true)
      expect(own.length).toBeGreaterThanOrEqual(Math.floor(keys.filter(part.holds).length / 2))
      const left = replica.events.slice(before[i]).filter(({ type }) => type === 'series-left')
      expect([replica.name, left]).toEqual([replica.name, []])
    }
    for (const { replica } of programs) await replica.stop()
  },
  LIFE_LIMIT_MS,
)

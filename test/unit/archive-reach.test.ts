// The archives where REST can do without them: asked once whether they are there, told once when they are
// not, and given up within seconds by a host that has never answered.
import { describe, expect, test } from 'bun:test'
import { archiveSource } from '../../src/binance/archive-source.ts'
import type { ArchiveSource } from '../../src/core/archive.ts'
import { ArchiveReach, whileInReach } from '../../src/core/archive-reach.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Series } from '../../src/core/series.ts'
import { klines } from '../../src/datasets/klines.ts'
import {
  DiskFullError,
  ForeignHostError,
  MalformedError,
  RefusedError,
  StoppedError,
  UnavailableError,
  UserError,
} from '../../src/errors.ts'
import { type Scripted, scriptedNetwork } from '../rig/scripted-network.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { testWorld } from '../rig/world.ts'

const series: Series = { market: 'spot', dataset: 'klines', symbol: 'BTCUSDT', period: '1m' }
const month = { startMs: Date.UTC(2024, 0, 1), endMs: Date.UTC(2024, 1, 1) }
const file = { key: 'a/b.zip', unit: 'month', span: month, bytes: 100 } as const

/** A source whose answers are all `answer()`; counts how often it is asked. */
function sourceOf(answer: () => Promise<never>): ArchiveSource & { asked: number } {
  const ask = (): Promise<never> => {
    source.asked += 1
    return answer()
  }
  const source = {
    name: 'archive' as const,
    asked: 0,
    list: ask,
    checksum: ask,
    open: ask,
    symbols: ask,
    spent: () => ({ requests: 0, archives: 0, bytes: 0 }),
  }
  return source
}

describe('whileInReach', () => {
  const away = new UnavailableError('the archives are not available', 'look')
  const start = (
    answer: () => Promise<never>,
  ): { source: ArchiveSource & { asked: number }; wrapped: ArchiveSource; told: PetrosaEvent[] } => {
    const source = sourceOf(answer)
    const told: PetrosaEvent[] = []
    return { source, told, wrapped: whileInReach(source, new ArchiveReach(), (event) => told.push(event)) }
  }

  test('many ask at once: the first is alone, and where it fails nobody else asks', async () => {
    const { source, wrapped, told } = start(async () => {
      await Promise.resolve()
      throw away
    })
    const asking = Array.from({ length: 8 }, () => wrapped.list(series, month))
    for (const one of await Promise.allSettled(asking)) expect(one).toMatchObject({ reason: away })
    expect(source.asked).toBe(1)
    await expect(wrapped.open(series, file)).rejects.toBe(away)
    await expect(wrapped.checksum(file)).rejects.toBe(away)
    await expect(wrapped.symbols('spot', 'klines')).rejects.toBe(away)
    expect(source.asked).toBe(1)
    expect(told).toEqual([
      {
        type: 'warning',
        message: 'the archives are not available; going on by the API alone',
        fields: { advice: 'look' },
      },
    ])
  })

  test('two sources that share their reach ask and tell once', async () => {
    const source = sourceOf(() => Promise.reject(away))
    const told: PetrosaEvent[] = []
    const reach = new ArchiveReach()
    const [first, second] = [1, 2].map(() => whileInReach(source, reach, (event) => told.push(event)))
    await expect(first?.list(series, month)).rejects.toBe(away)
    await expect(second?.list(series, month)).rejects.toBe(away)
    expect(source.asked).toBe(1)
    expect(told).toHaveLength(1)
  })

  test('a listing that is none, or closed to this place, is out of reach', async () => {
    const none = new UserError('that is a login', 'check the address')
    const { wrapped, told } = start(() => Promise.reject(none))
    await expect(wrapped.list(series, month)).rejects.toThrow(UnavailableError)
    expect(told).toHaveLength(1)
  })

  test('files that are closed to this place, or redirect elsewhere, are out of reach', async () => {
    for (const ask of ['open', 'checksum'] as const) {
      const { source, wrapped, told } = start(() => Promise.reject(new ForeignHostError('451', 'move')))
      const asking = (): Promise<unknown> =>
        ask === 'open' ? wrapped.open(series, file) : wrapped.checksum(file)
      await expect(asking()).rejects.toThrow(UnavailableError)
      await expect(asking()).rejects.toThrow('451')
      expect(source.asked).toBe(1)
      expect(told).toHaveLength(1)
    }
  })

  test('what is wrong with one file, this machine or the program is no matter of reach', async () => {
    const own = [
      new RefusedError('no such file'),
      new MalformedError('garbled'),
      new UserError('no room in TMPDIR'),
      new DiskFullError('the disk is full'),
      new StoppedError(),
      new Error('a defect'),
    ]
    for (const error of own) {
      const { source, wrapped, told } = start(() => Promise.reject(error))
      await expect(wrapped.open(series, file)).rejects.toBe(error)
      await expect(wrapped.open(series, file)).rejects.toBe(error)
      expect(source.asked).toBe(2)
      expect(told).toEqual([])
    }
  })
})

describe('the first contact', () => {
  const urls = { files: 'http://files.test', listing: 'http://listing.test' }
  const listing = '<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>'

  async function list(
    optional: boolean,
    script: (number: number) => Scripted,
  ): Promise<{ tries: number; tookMs: number; error: unknown }> {
    const clock = virtualClock()
    const network = scriptedNetwork(clock, (_, number) => script(number))
    const world = testWorld({ ...clock, fetch: network.fetch })
    const startedMs = clock.monotonicMs()
    const source = archiveSource(world, { urls, tell: () => {}, dataset: () => klines, optional })
    const error = await clock.run(
      source.list(series, month).then(
        () => null,
        (thrown: unknown) => thrown,
      ),
    )
    return { tries: network.calls.length, tookMs: clock.monotonicMs() - startedMs, error }
  }

  const refused = (): Scripted => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })

  test('a host that refuses is given up within two seconds where REST can do without it', async () => {
    const found = await list(true, refused)
    expect(found.error).toBeInstanceOf(UnavailableError)
    expect(found.tookMs).toBeLessThan(2_000)
    // Days and months, three tries each; the first of the two that fails is enough.
    expect(found.tries).toBeLessThanOrEqual(6)
  })

  test('a host that is silent is given up within twelve', async () => {
    const found = await list(true, () => 'hang')
    expect(found.error).toBeInstanceOf(UnavailableError)
    expect(found.tookMs).toBeLessThan(12_000)
  })

  test('where the archives are alone they are worth patience', async () => {
    const found = await list(false, refused)
    expect(found.error).toBeInstanceOf(UnavailableError)
    expect(found.tries).toBeGreaterThan(8)
    expect((await list(false, (number) => (number > 10 ? { body: listing } : refused()))).error).toBe(null)
  })

  test('a host that is there and stumbles is worth patience too', async () => {
    const found = await list(true, (number) => (number > 12 ? { body: listing } : { status: 503 }))
    expect(found.error).toBe(null)
  })
})

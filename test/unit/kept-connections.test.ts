// What serving keeps: one open store for all, opened anew when it failed; one count of request weight for
// all jobs.
import { describe, expect, test } from 'bun:test'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { CommandContext } from '../../src/cli/command.ts'
import { KeptConnections } from '../../src/cli/kept-connections.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import type { Store } from '../../src/core/store.ts'
import { UnavailableError } from '../../src/errors.ts'
import { emptyMemoryDatabase, openMemoryStore } from '../rig/memory-store.ts'
import { runContext } from '../rig/run-context.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { testWorld } from '../rig/world.ts'

type Rig = {
  readonly kept: KeptConnections
  readonly context: CommandContext
  readonly events: readonly PetrosaEvent[]
  /** What happened to stores, in order: `open 1`, `look 2`, `close 1`. */
  readonly story: readonly string[]
  contextWith(words: readonly string[]): Promise<CommandContext>
  /** Whether opening fails, or every call to an open store. */
  readonly broken: { open: boolean; calls: boolean }
}

async function rig(): Promise<Rig> {
  const world = testWorld({ env: { SQLITE_PATH: 'a.db' } })
  const story: string[] = []
  const events: PetrosaEvent[] = []
  const broken = { open: false, calls: false }
  const away = new UnavailableError('away', 'come again')
  let number = 0
  const kept = new KeptConnections(world, async (_, readOnly) => {
    if (broken.open) throw away
    number += 1
    const own = number
    story.push(`${readOnly ? 'look' : 'open'} ${own}`)
    const store = openMemoryStore(() => (broken.calls ? undefined : emptyMemoryDatabase()))
    return { ...store, close: async () => void story.push(`close ${own}`) }
  })
  const contextWith = (words: readonly string[]): Promise<CommandContext> =>
    runContext(world, words, (event) => void events.push(event))
  return { ...{ kept, events, story, broken, contextWith }, context: await contextWith([]) }
}

const read = (store: Store): Promise<unknown> => store.ledger([])

describe('the store', () => {
  test('is opened once for all, and closed at the end', async () => {
    const { kept, context, story, events } = await rig()
    await Promise.all([1, 2, 3].map(() => kept.withStore(context, false, read)))
    await kept.look(context, read)
    expect(story).toEqual(['open 1'])
    expect(events.filter(({ type }) => type === 'store-read')).toHaveLength(4)
    await kept.close()
    await kept.close()
    expect(story).toEqual(['open 1', 'close 1'])
  })

  test('of a survey is its own where SQLite would let others wait for it', async () => {
    const { kept, context, contextWith, story } = await rig()
    await kept.withStore(context, false, read)
    expect(await kept.survey(context, async () => 'seen')).toBe('seen')
    expect(story).toEqual(['open 1', 'look 2', 'close 2'])
    await kept.survey(context, read)
    expect(story).toHaveLength(3)
    const server = await contextWith(['--db', 'postgresql', '--db-uri', 'postgresql://a/b'])
    await kept.withStore(server, false, read)
    await kept.survey(server, read)
    expect(story.slice(3)).toEqual(['open 3'])
    const failing = (await rig()).kept.survey(context, () => Promise.reject(new Error('broken')))
    await expect(failing).rejects.toThrow('broken')
  })

  test('of other settings is another one', async () => {
    const { kept, context, contextWith, story } = await rig()
    const other = await contextWith(['--db-uri', 'b.db'])
    await kept.withStore(context, false, read)
    await kept.withStore(other, false, read)
    await kept.withStore(await contextWith(['--symbols', 'ETHUSDT']), false, read)
    expect(story).toEqual(['open 1', 'open 2'])
    expect(kept.distinct([context, other, context])).toEqual([context, other])
  })

  test('that cannot be opened is tried by whoever comes next', async () => {
    const { kept, context, story, broken } = await rig()
    broken.open = true
    const both = await Promise.allSettled([
      kept.withStore(context, false, read),
      kept.withStore(context, false, read),
    ])
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    broken.open = false
    await kept.withStore(context, false, read)
    expect(story).toEqual(['open 1'])
  })

  test('that failed is opened anew for the next, and closed when its last user has left', async () => {
    const { kept, context, story, broken } = await rig()
    const { promise: leave, resolve } = Promise.withResolvers<void>()
    const long = kept.withStore(context, false, () => leave)
    broken.calls = true
    await expect(kept.withStore(context, false, read)).rejects.toThrow('closed or gone')
    broken.calls = false
    await kept.withStore(context, false, read)
    expect(story).toEqual(['open 1', 'open 2'])
    resolve()
    await long
    expect(story).toEqual(['open 1', 'open 2', 'close 1'])
    await kept.close()
    expect(story.at(-1)).toBe('close 2')
  })

  test('is opened to read for those who look first, once, and given up when a pass opens it', async () => {
    const { kept, context, story } = await rig()
    await kept.look(context, read)
    await kept.look(context, read)
    await kept.withStore(context, false, read)
    await kept.look(context, read)
    expect(story).toEqual(['look 1', 'open 2', 'close 1'])
    await kept.close()
    expect(story).toEqual(['look 1', 'open 2', 'close 1', 'close 2'])
  })
})

describe('the request weight', () => {
  test('is one count for jobs of the same exchange and share', async () => {
    const { kept, context, contextWith } = await rig()
    const other = await contextWith(['--symbols', 'ETHUSDT', '--period', '1h'])
    expect(kept.budgets(other, 'spot')).toBe(kept.budgets(context, 'um'))
    expect(kept.budgets(await contextWith(['--weight-share', '0.5']), 'spot')).not.toBe(
      kept.budgets(context, 'spot'),
    )
  })

  test('is told by host, with the pause that lasts longest', async () => {
    const { kept, context } = await rig()
    const { markets } = kept.budgets(context, 'um')
    kept.budgets(context, 'spot')
    markets.spot.pauseUntil(markets.spot.nowMs() + 60_000)
    await markets.um.reserve(40, new AbortController().signal)
    const byHost = Object.fromEntries(kept.weights().map((weight) => [weight.host, weight]))
    expect(byHost).toEqual({
      'fapi.binance.com': {
        ...{ host: 'fapi.binance.com', used: 40, limit: 2_400 },
        ...{ pausedUntilMs: null, pausedForMs: null },
      },
      'api.binance.com': {
        ...{ host: 'api.binance.com', used: 0, limit: 6_000 },
        pausedUntilMs: markets.spot.pausedUntilMs,
        pausedForMs: 60_000,
      },
    })
  })

  test('brings the clock: of the exchange, or, where only archives are asked, of this machine', async () => {
    const { kept, context, contextWith } = await rig()
    const { spot } = kept.budgets(context, 'spot').markets
    spot.setOffset(5_000)
    expect(kept.nowMs(context, 'spot')).toBe(5_000)
    const archived = await contextWith(['--source', 'archive'])
    expect(kept.nowMs(archived, 'spot')).toBe(archived.world.nowMs())
  })
})

test('leases are renewed as a part of nothing, whatever pass took them first', async () => {
  const clock = virtualClock()
  const world = testWorld({ ...clock, env: { SQLITE_PATH: 'a.db' } })
  const pass = new AsyncLocalStorage<string>()
  const renewed: (string | undefined)[] = []
  const database = emptyMemoryDatabase()
  const kept = new KeptConnections(world, async () => {
    const store = openMemoryStore(() => database, { readOnly: false, batchRows: 500 }, clock.nowMs)
    if (!store.leases) throw new Error('a store without leases')
    const { claim, release, renew } = store.leases
    const watched: typeof renew = (call) => {
      renewed.push(pass.getStore())
      return renew(call)
    }
    return { ...store, leases: { claim, release, renew: watched } }
  })
  const context = await runContext(world, [], () => undefined)
  const own = kept.of({ key: 'k', group: 'g' }, () => true)
  await clock.run(pass.run('first', () => own.leases(context, ['spot/klines/AUSDT/1m'])))
  await clock.advance(10_000)
  expect(renewed).toEqual(['first', undefined, undefined])
  await clock.run(kept.close())
})

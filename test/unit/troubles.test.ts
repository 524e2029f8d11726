// What went wrong lately: the newest first, the same again counted, never more than a few, no passwords.
import { expect, test } from 'bun:test'
import { UnavailableError } from '../../src/errors.ts'
import { openTroubles } from '../../src/server/troubles.ts'

const warning = (message: string) => ({ type: 'warning', message }) as const

test('the newest come first, and the same again is counted', () => {
  let nowMs = 0
  const troubles = openTroubles(() => {
    nowMs += 1_000
    return nowMs
  })
  troubles.tell(warning('one'))
  troubles.tell({ type: 'failure', error: new UnavailableError('the store is away', 'start it') })
  expect(troubles.tell(warning('one'))).toMatchObject({ count: 2 })
  expect(troubles.tell({ type: 'note', message: 'no trouble' })).toBeNull()
  expect(troubles.all()).toEqual([
    { atMs: 3_000, kind: 'warning', message: 'one', count: 2 },
    { atMs: 2_000, kind: 'failure', message: 'the store is away; start it', count: 1 },
  ])
})

test('of many the last are kept, and of a long one the beginning', () => {
  const troubles = openTroubles(() => 0)
  for (let i = 0; i < 200; i += 1) troubles.tell(warning(`number ${i} ${'x'.repeat(5_000)}`))
  const all = troubles.all()
  expect([all.length, all[0]?.message.slice(0, 10), all.at(-1)?.message.slice(0, 10)]).toEqual([
    50,
    'number 199',
    'number 150',
  ])
  expect(all[0]?.message).toHaveLength(1_000)
})

test('a span that is left open, a ban and a request that is made again are told with where', () => {
  const troubles = openTroubles(() => 0)
  const series = { market: 'spot', dataset: 'klines', symbol: 'AUSDT', period: '1m' } as const
  const unsettled = { series, span: { startMs: 0, endMs: 1 }, reason: 'refused' }
  troubles.tell({ type: 'span-unsettled', unsettled })
  troubles.tell({ type: 'exchange-paused', host: 'a.test', untilMs: 5, reason: 'banned' })
  troubles.tell({ type: 'exchange-paused', host: 'b.test', untilMs: 5, reason: 'b.test has banned us' })
  troubles.tell({ type: 'page-retried', host: 'a.test', attempt: 1, pauseMs: 5, reason: 'reset' })
  expect(troubles.all().map(({ kind, message }) => `${kind} ${message}`)).toEqual([
    'retried a.test: reset',
    'paused b.test has banned us',
    'paused a.test: banned',
    'unsettled spot/klines/AUSDT/1m: refused',
  ])
})

// Queries that make no sense: each is refused with what is wrong with it, and reaches nobody.
import { expect, test } from 'bun:test'
import { servedRig } from '../rig/served.ts'

const senseless: readonly (readonly [string, string])[] = [
  ['/api/klines', 'symbol is needed'],
  ['/api/klines?symbol=BTCUSDT', 'period is needed'],
  ['/api/klines?symbol=BTC%20USDT&period=1m', 'symbol takes the name of a symbol'],
  [`/api/klines?symbol=${'A'.repeat(65)}&period=1m`, 'symbol takes the name of a symbol'],
  ['/api/klines?symbol=BTCUSDT&period=2m', 'period is needed: one of 1s 1m'],
  ['/api/klines?symbol=BTCUSDT&period=1m&market=nasdaq', 'market takes spot, um, cm'],
  [
    '/api/klines?symbol=BTCUSDT&period=1m&start=yesterday',
    'start takes a time that the calendar has, such as',
  ],
  ['/api/klines?symbol=BTCUSDT&period=1m&start=2024-02-32', 'start takes a time that the calendar has'],
  ['/api/klines?symbol=BTCUSDT&period=1m&end=2026-02-30', 'end takes a time that the calendar has'],
  ['/api/klines?symbol=BTCUSDT&period=1m&end=1710000000', 'end takes a time that the calendar has'],
  ['/api/timeline?start=2026-02-29T00:00Z', 'start takes a time that the calendar has'],
  ['/api/klines?symbol=BTCUSDT&period=1m&start=2024-02-02&end=2024-02-01', 'start lies after end'],
  ['/api/klines?symbol=BTCUSDT&period=1m&limit=5', 'limit means nothing here'],
  ['/api/klines?symbol=BTCUSDT&symbol=ETHUSDT&period=1m', 'symbol is said twice'],
  ['/api/gaps?open=maybe', 'open takes true or false'],
  ['/api/status?x', 'x means nothing here'],
  ['/events?since=1', 'since means nothing here'],
]
for (const [path, said] of senseless) {
  test(path.slice(0, 80), async () => {
    const { ask, asked, defects } = servedRig()
    const response = await ask(path)
    const { error } = (await response.json()) as { error: string }
    expect([response.status, error]).toEqual([400, expect.stringContaining(said)])
    expect([asked.length, defects.length]).toEqual([0, 0])
  })
}

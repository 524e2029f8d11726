// Gaps of contracts that have ended: their candles go on for ever, flat, and none of those is missing.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { isoTime } from '../../src/core/span.ts'
import { plainSymbol } from '../rig/bench.ts'
import { at, type GapsDesk, gapsDesk, listed } from '../rig/gaps-desk.ts'

let desk: GapsDesk
beforeEach(async () => {
  desk = await gapsDesk([plainSymbol('FFFUSDT', { market: 'um' })])
})
afterEach(() => desk.close())

test('nothing is missing after the end of a contract, whatever end is asked for', async () => {
  const words = '--symbols FFFUSDT --period 1h --market um'
  await desk.pull(words)
  await desk.restart([plainSymbol('FFFUSDT', { market: 'um', endsAtMs: at(60) })], at(100))
  desk.loseRows('FFFUSDT', 3, 6)
  const until = `--end ${isoTime(at(90))}`
  expect((await desk.run(`gaps --dry-run --json ${until}`)).result.plan).toMatchObject([
    { start: isoTime(at(3)), end: isoTime(at(6)) },
    { start: isoTime(at(48)), end: isoTime(at(60)) },
  ])
  const { code, result } = await desk.run(`gaps --fill --json ${until}`)
  expect([code, result.rows_written]).toEqual([0, 15])
  expect(result.gaps).toEqual([
    listed('FFFUSDT', 3, 6, 'lost', true),
    listed('FFFUSDT', 48, 60, 'missing', true),
  ])
  const ended = new Set(['delisted'])
  for (const more of ['', until, '--end now']) {
    for (const command of ['gaps --fill', `run ${words} --start 2024-03-20`]) {
      const again = await desk.run(`${command} --json ${more}`)
      expect(again.code).toBe(0)
      // Once the end is settled it is explained, and never missing.
      expect(new Set(again.result.gaps.map(({ verdict }) => verdict)).difference(ended).size).toBe(0)
      expect(desk.pages()).toBe(0)
    }
  }
  expect(desk.row('SELECT max(open_time) AS last FROM klines_h1')).toEqual({ last: at(59) })
})

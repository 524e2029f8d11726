// What `petrosa status` says, from its words to its result, of what is stored whole, in part or by a hand.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { plainSymbol } from '../rig/bench.ts'
import { at, type GapsDesk, gapsDesk } from '../rig/gaps-desk.ts'

let desk: GapsDesk
beforeEach(async () => {
  desk = await gapsDesk([plainSymbol('AAAUSDT'), plainSymbol('BBBUSDT')])
  await desk.pull()
})
afterEach(() => desk.close())

test('a time that no date can name is the number that it is, in every command that reads', async () => {
  desk.sql(`UPDATE klines_h1 SET open_time = 9000000000000000 WHERE open_time = ${at(47)}`)
  const { code, out } = await desk.run('status')
  expect([code, out]).toEqual([0, expect.stringContaining(' 9000000000000000 ')])
  expect(await desk.run('gaps --json')).toMatchObject({ code: 3, result: { gaps_found: 4 } })
  expect((await desk.run('verify --json')).code).toBe(3)
})

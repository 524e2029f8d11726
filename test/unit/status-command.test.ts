// What `petrosa status` says, from its words to its result, of what is stored whole, in part or by a hand.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
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

test('a source that brought nothing is told as 0', async () => {
  const { result } = await desk.run('status --symbols AAAUSDT --json')
  expect(result.series).toMatchObject([{ rows: 48, rows_by_source: { rest: 48, archive: 0 } }])
})

describe('a name of which nothing is stored', () => {
  const commands = ['gaps', 'gaps --fill', 'gaps --dry-run', 'status', 'verify']

  test.each(commands)('%s refuses it, with the nearest names', async (command) => {
    for (const [symbols, advice] of [
      ['AABUSDT', 'did you mean AAAUSDT or BBBUSDT?'],
      ['AAAUSDT,aaausdt', 'did you mean AAAUSDT?'],
      ['XYZ', 'see what is stored with: petrosa status'],
    ] as const) {
      const { code, err } = await desk.run(`${command} --symbols ${symbols}`)
      expect([symbols, code, err]).toEqual([symbols, 2, expect.stringContaining(advice)])
      expect(err).toContain(`nothing is stored of ${symbols.split(',').at(-1)}`)
    }
    expect(desk.pages()).toBe(0)
  })

  test.each(commands)('%s says where nothing fits what is no name', async (command) => {
    const says = command.includes('dry-run') ? 'nothing to fetch' : 'no stored series fits'
    const inShard = command === 'status' ? [] : ['--symbols NONE --shard 0/9']
    for (const flags of ['--symbols X*', '--symbols AAAUSDT --period 1d', ...inShard])
      expect(await desk.run(`${command} ${flags}`)).toMatchObject({
        code: 0,
        out: expect.stringContaining(says),
      })
  })
})

// Gaps while something is out of reach: what can be filled is, the rest stays open and says why.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { plainSymbol } from '../rig/bench.ts'
import { type GapsDesk, gapsDesk, listed } from '../rig/gaps-desk.ts'

const NOWHERE = 'http://127.0.0.1:1'
const bbb = plainSymbol('BBBUSDT')

let desk: GapsDesk
beforeEach(async () => {
  desk = await gapsDesk([plainSymbol('AAAUSDT'), bbb])
  await desk.pull()
  desk.loseRows('AAAUSDT', 3, 6)
  desk.loseRows('BBBUSDT', 3, 6)
})
afterEach(() => desk.close())

describe('archives out of reach', () => {
  const env = { SOURCE: 'auto', BINANCE_ARCHIVE_URL: NOWHERE, BINANCE_ARCHIVE_LISTING_URL: NOWHERE }

  test('a symbol that only they may know keeps its gaps, and the others are filled', async () => {
    await desk.restart([bbb])
    const { code, result } = await desk.run('gaps --fill --json', env)
    expect([code, result.rows_written, result.errors]).toEqual([3, 3, []])
    expect(result.gaps).toEqual([listed('AAAUSDT', 3, 6, 'lost'), listed('BBBUSDT', 3, 6, 'lost', true)])
    const reason = 'the exchange does not list AAAUSDT any more, and its archives are out of reach'
    expect(result.unsettled).toMatchObject([{ series: 'spot/klines/AAAUSDT/1h', reason }])
  })
})

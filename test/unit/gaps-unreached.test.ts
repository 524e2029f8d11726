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

describe('--dry-run', () => {
  test('with the exchange out of reach nothing is planned, and why is said', async () => {
    const env = { BINANCE_API_URL: NOWHERE }
    const { code, result } = await desk.run('gaps --dry-run --json', env)
    expect([code, result.plan]).toEqual([75, []])
    expect(result.errors).toEqual([expect.stringContaining('127.0.0.1:1')])
    expect(result).toMatchObject({ gaps_found: 2, gaps_filled: 0, series: 2 })
    expect(result.unsettled).toMatchObject([
      { series: 'spot/klines/AAAUSDT/1h', reason: expect.stringContaining('127.0.0.1:1') },
      { series: 'spot/klines/BBBUSDT/1h' },
    ])
    const { out } = await desk.run('gaps --dry-run', env)
    expect(out).toStartWith('nothing can be fetched now\n')
    expect(out).toContain('open: spot/klines/AAAUSDT/1h')
  })

  test('what the exchange lists no more is named beside the plan of the others', async () => {
    await desk.restart([bbb])
    const { code, result } = await desk.run('gaps --fill --dry-run --json')
    expect([code, result.errors]).toEqual([0, []])
    expect(result.plan).toMatchObject([{ series: 'spot/klines/BBBUSDT/1h', rows: 3 }])
    const reason = 'the exchange does not list AAAUSDT any more'
    expect(result.unsettled).toMatchObject([{ series: 'spot/klines/AAAUSDT/1h', reason }])
    expect((await desk.run('gaps --recheck --dry-run')).out).toBe(
      'nothing to fetch: all of it is stored or settled\n',
    )
  })
})

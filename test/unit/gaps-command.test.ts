// `petrosa gaps` from its words to its result, against the local exchange: what it asks, what it says, how it
// ends, and that one trouble does not hold up the rest.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { DAY_MS } from '../../src/core/calendar.ts'
import { isoTime } from '../../src/core/span.ts'
import { plainSymbol } from '../rig/bench.ts'
import { at, type GapsDesk, gapsDesk, listed, DESK_NOW_MS as nowMs } from '../rig/gaps-desk.ts'

const outage = { startMs: at(10), endMs: at(12) }
const specs = [
  plainSymbol('AAAUSDT', { outages: [outage] }),
  plainSymbol('BBBUSDT'),
  plainSymbol('FFFUSDT', { market: 'um' }),
]

let desk: GapsDesk
beforeEach(async () => {
  desk = await gapsDesk(specs)
})
afterEach(() => desk.close())

const run: GapsDesk['run'] = (...words) => desk.run(...words)
const pull: GapsDesk['pull'] = (words) => desk.pull(words)
const loseRows: GapsDesk['loseRows'] = (...where) => desk.loseRows(...where)
const pages = (): number => desk.pages()

describe('without --fill', () => {
  test('does without the exchange: every gap with its verdict, the open ones first, and exit 3', async () => {
    await pull()
    expect(await run('gaps --json', {}, false)).toMatchObject({
      code: 0,
      result: { gaps_found: 0, gaps: [listed('AAAUSDT', 10, 12, 'outage')] },
    })
    loseRows('BBBUSDT', 3, 6)
    desk.sql(`DELETE FROM petrosa_coverage WHERE verdict = 'outage'`)
    const { code, result, err } = await run('gaps --json', {}, false)
    expect([code, err.includes('"level":"ERROR"')]).toEqual([3, false])
    expect(result.gaps).toEqual([listed('AAAUSDT', 10, 12, 'missing'), listed('BBBUSDT', 3, 6, 'lost')])
    expect(result).toMatchObject({
      command: 'gaps',
      series: 2,
      gaps_found: 2,
      gaps_filled: 0,
      rows_fetched: 0,
      unsettled: [],
      errors: [],
    })
  })

  test('only what the flags let through, and only where they say', async () => {
    await pull()
    await pull('--symbols FFFUSDT --period 1h --market um')
    for (const symbol of ['AAAUSDT', 'BBBUSDT', 'FFFUSDT']) loseRows(symbol, 3, 6)
    const open = async (flags: string): Promise<string[]> =>
      (await run(`gaps --json ${flags}`, {}, false)).result.gaps
        .filter(({ verdict }) => verdict === 'lost')
        .map((gap) => `${gap.series.split('/')[2]} ${gap.rows_missing}`)
    expect(await open('')).toEqual(['AAAUSDT 3', 'BBBUSDT 3', 'FFFUSDT 3'])
    expect(await open('--symbols A*')).toEqual(['AAAUSDT 3'])
    expect(await open('--exclude A*,F*')).toEqual(['BBBUSDT 3'])
    expect(await open('--market um')).toEqual(['FFFUSDT 3'])
    expect(await open('--period 1m')).toEqual([])
    expect(await open('--dataset funding')).toEqual([])
    expect(await open('--dataset klines --market spot --symbols B*')).toEqual(['BBBUSDT 3'])
    expect(await open(`--symbols A* --start ${isoTime(at(4))} --end ${isoTime(at(5))}`)).toEqual([
      'AAAUSDT 1',
    ])
    expect(await open(`--start ${isoTime(at(6))}`)).toEqual([])
  })

  test('goes to the last closed period by the exchange, asking it for no page', async () => {
    await run('klines --symbols BBBUSDT --period 1h --start 2024-03-20 --end 2024-03-21')
    await run('klines --symbols FFFUSDT --period 1h --market um --start 2024-03-20 --end 2024-03-21')
    const { code, result } = await run('gaps --json')
    expect([code, pages(), result.requests]).toEqual([3, 0, 4])
    expect(result.gaps).toEqual([listed('BBBUSDT', 24, 48, 'missing'), listed('FFFUSDT', 24, 48, 'missing')])
    const short = await run('gaps --json --market um --end 2024-03-21T05:00Z')
    expect(short.result.gaps).toEqual([listed('FFFUSDT', 24, 29, 'missing')])
    expect((await run('gaps --json --source archive')).result).toMatchObject({ requests: 0, gaps: [] })
  })

  test('where the exchange does not answer: to the last period that was asked for, and says so', async () => {
    await run('klines --symbols BBBUSDT --period 1h --start 2024-03-20 --end 2024-03-21')
    const { code, err, result } = await run('gaps --json', {}, false)
    expect([code, result.gaps]).toEqual([0, []])
    expect(err).toContain('its gaps are looked for up to where it was last asked')
    const told = await run('gaps --json --end 2024-03-21T05:00Z', {}, false)
    expect(told.result.gaps).toEqual([listed('BBBUSDT', 24, 29, 'missing')])
  })

  test('nothing stored yet, and words that make no sense', async () => {
    expect(await run('gaps', {}, false)).toMatchObject({
      code: 0,
      out: 'nothing is stored yet; begin with: petrosa klines\n',
    })
    expect((await run('gaps --start 2024-03-02 --end 2024-03-01', {}, false)).code).toBe(2)
    expect((await run('gaps --dataset candles', {}, false)).code).toBe(2)
    expect(await run('klines --dataset funding', {}, false)).toMatchObject({ code: 2 })
  })
})

describe('--fill', () => {
  test('fetches what is missing and nothing else, and asks for nothing the second time', async () => {
    await pull()
    loseRows('AAAUSDT', 20, 21)
    loseRows('BBBUSDT', 3, 6)
    const { code, result } = await run('gaps --fill --json')
    expect([code, pages(), result.rows_fetched, result.rows_written]).toEqual([0, 2, 4, 4])
    expect(result).toMatchObject({ gaps_found: 2, gaps_filled: 2, series: 2 })
    expect(result.gaps).toEqual([
      listed('AAAUSDT', 20, 21, 'lost', true),
      listed('BBBUSDT', 3, 6, 'lost', true),
      listed('AAAUSDT', 10, 12, 'outage'),
    ])
    const again = await run('gaps --fill --json')
    expect([again.code, pages(), again.result.rows_fetched]).toEqual([0, 0, 0])
    expect(again.result).toMatchObject({ gaps_found: 0, gaps_filled: 0, unsettled: [] })
    // Nor has the pass anything to do.
    await run('klines --symbols AAAUSDT,BBBUSDT --period 1h --start 2024-03-20')
    expect(pages()).toBe(0)
  })

  test('brings every series to the last closed period', async () => {
    await run('klines --symbols BBBUSDT --period 1h --start 2024-03-20 --end 2024-03-21')
    const { code, result } = await run('gaps --fill --json')
    expect([code, result.gaps_found, result.rows_written]).toEqual([0, 1, 24])
    expect(result.gaps).toEqual([listed('BBBUSDT', 24, 48, 'missing', true)])
  })

  test('--dry-run tells the plan and touches nothing', async () => {
    await pull()
    loseRows('BBBUSDT', 3, 6)
    const before = Bun.hash(await Bun.file(desk.file).bytes())
    for (const words of ['gaps --fill --dry-run --json', 'gaps --dry-run --json']) {
      const { code, result } = await run(words)
      expect(code).toBe(0)
      expect(result.plan).toMatchObject([
        {
          series: 'spot/klines/BBBUSDT/1h',
          start: isoTime(at(3)),
          end: isoTime(at(6)),
          requests: 1,
          rows: 3,
        },
      ])
      expect(result).toMatchObject({ gaps_found: 1, gaps_filled: 0, series: 2 })
      expect(pages()).toBe(0)
    }
    expect(Bun.hash(await Bun.file(desk.file).bytes())).toBe(before)
  })

  test('a symbol that is listed no more keeps its gaps, with the reason; others are filled', async () => {
    await pull()
    loseRows('AAAUSDT', 3, 6)
    loseRows('BBBUSDT', 3, 6)
    await desk.restart(specs.filter(({ symbol }) => symbol !== 'AAAUSDT'))
    const { code, result } = await run('gaps --fill --json')
    expect([code, result.rows_written]).toEqual([3, 3])
    expect(result.gaps[0]).toEqual(listed('AAAUSDT', 3, 6, 'lost'))
    expect(result.unsettled).toMatchObject([
      {
        series: 'spot/klines/AAAUSDT/1h',
        reason: 'the exchange does not list AAAUSDT any more',
      },
    ])
    expect((await run('gaps --fill')).out).toContain('the exchange does not list AAAUSDT any more\n')
    expect(pages()).toBe(0)
  })

  test('a market that is out of reach does not hold up the other, and ends with 75', async () => {
    await pull('--symbols BBBUSDT --period 1h')
    await pull('--symbols FFFUSDT --period 1h --market um')
    loseRows('BBBUSDT', 3, 6)
    loseRows('FFFUSDT', 3, 6)
    const nowhere = { BINANCE_FUTURES_API_URL: 'http://127.0.0.1:1' }
    const { code, result } = await run('gaps --fill --json', nowhere)
    expect([code, result.rows_written]).toEqual([75, 3])
    expect(result.gaps).toEqual([listed('FFFUSDT', 3, 6, 'lost'), listed('BBBUSDT', 3, 6, 'lost', true)])
    expect(result.unsettled).toMatchObject([{ series: 'um/klines/FFFUSDT/1h' }])
  })
})

describe('an outage', () => {
  /** How often the outage was asked for, and how many days after the start it was last. */
  const asked = (): number[] => {
    const text = "SELECT asked, checked_at AS checkedMs FROM petrosa_coverage WHERE verdict = 'outage'"
    const row = desk.row<{ asked: number; checkedMs: number }>(text)
    return [row?.asked ?? 0, Math.round(((row?.checkedMs ?? 0) - nowMs) / DAY_MS)]
  }

  test('is asked for again a week later, or at once when told to; the answer is written down', async () => {
    await pull('--symbols AAAUSDT --period 1h')
    expect(asked()).toEqual([1, 0])
    desk.exchange().setNowMs(nowMs + 6 * DAY_MS)
    await run('klines --symbols AAAUSDT --period 1h')
    await run('gaps --fill')
    expect([pages(), asked()]).toEqual([0, [1, 0]])
    const recheck = await run('gaps --recheck --json')
    expect([recheck.code, pages(), asked()]).toEqual([0, 2, [3, 6]])
    expect(recheck.result.gaps).toEqual([listed('AAAUSDT', 10, 12, 'outage')])
    desk.exchange().setNowMs(nowMs + 14 * DAY_MS)
    await run('klines --symbols AAAUSDT --period 1h')
    await run('gaps --fill')
    expect([pages(), asked()]).toEqual([2, [5, 14]])
    await run('gaps --fill')
    expect(pages()).toBe(0)
  })

  test('that was mended is filled; --recheck alone fills nothing else', async () => {
    await pull('--symbols AAAUSDT --period 1h')
    loseRows('AAAUSDT', 20, 22)
    await desk.restart([plainSymbol('AAAUSDT', { outages: [{ startMs: at(11), endMs: at(12) }] })])
    const { code, result } = await run('gaps --recheck --json')
    expect([code, result.rows_written, result.gaps_found, result.gaps_filled]).toEqual([3, 1, 1, 1])
    expect(result.gaps).toEqual([
      listed('AAAUSDT', 20, 22, 'lost'),
      listed('AAAUSDT', 10, 11, 'outage', true),
      listed('AAAUSDT', 11, 12, 'outage'),
    ])
  })
})

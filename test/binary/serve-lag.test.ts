// Fifty symbols, minute after minute, in real time: each candle is stored within seconds of its close, once.
// How many seconds is held on a quiet machine only. TEST_MINUTES makes it longer.
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { floorToPeriod, MINUTE_MS } from '../../src/core/calendar.ts'
import { benchAt, plainSymbol } from '../rig/bench.ts'
import { embedded } from '../rig/binary-databases.ts'
import { differences } from '../rig/compare-store.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { isQuiet } from '../rig/real-time.ts'
import { afterwards, removeWorkFolders, tail, workFolder } from '../rig/run-petrosa.ts'
import { eventually, servePetrosa } from '../rig/serve-petrosa.ts'

afterAll(removeWorkFolders)

const minutes = Number(Bun.env.TEST_MINUTES ?? (isQuiet ? 5 : 1))
const limitMs = (minutes * 60 + 60) * 1_000

/** The lag that is promised. */
const PROMPT_MS = 5_000
const LOOKBACK_HOURS = 2
const specs = Array.from({ length: 50 }, (_, i) => plainSymbol(`S${i}USDT`))
const START_MS = Date.parse('2024-03-22T00:00:50Z')

async function exchangeOf(): Promise<LocalExchange> {
  const exchange = await startExchange({ symbols: specs, clock: { startMs: START_MS } })
  afterwards(() => exchange.stop())
  return exchange
}

const words = ['klines', '--serve', '--json', '--symbols', '*USDT', '--source', 'rest', '--period', '1m']
const all = [...words, '--lookback-hours', String(LOOKBACK_HOURS)]

describe.concurrent('in real time', () => {
  test(
    `each candle of ${minutes} minutes of ${specs.length} symbols is stored soon after its close, and once`,
    async () => {
      const exchange = await exchangeOf()
      const folder = workFolder()
      const at = benchAt(exchange, folder, await embedded.place(folder))
      const serving = await servePetrosa([...all, ...at.flags], { cwd: folder, env: at.env, limitMs })
      await serving.passes(1)
      const database = new Database(at.uri, { readonly: true })
      const count = database.query<{ n: number }, [number]>(
        'SELECT count(*) AS n FROM klines_m1 WHERE open_time = ?',
      )
      const lagsMs: number[] = []
      for (
        let closeMs = floorToPeriod('1m', START_MS) + MINUTE_MS;
        lagsMs.length < minutes;
        closeMs += MINUTE_MS
      ) {
        await eventually(async () => exchange.nowMs() >= closeMs, 2 * MINUTE_MS)
        await eventually(async () => count.get(closeMs - MINUTE_MS)?.n === specs.length)
        lagsMs.push(exchange.nowMs() - closeMs)
        expect(await serving.metric('petrosa_lag_seconds', { period: '1m' })).toBe(0)
      }
      database.close()
      console.log(`stored after the close, ms: ${lagsMs.map(Math.round).join(' ')}`)
      if (isQuiet) expect(lagsMs.filter((ms) => ms > PROMPT_MS)).toEqual([])
      const run = await serving.stop()
      expect(tail(run)).toStartWith('exit 0\n')
      const span = {
        startMs: floorToPeriod('1m', START_MS) - LOOKBACK_HOURS * 60 * MINUTE_MS,
        endMs: floorToPeriod('1m', START_MS) + minutes * MINUTE_MS,
      }
      const expected = specs.map((spec) => ({
        ...({ spec, period: '1m', spans: [span], closedBeforeMs: exchange.nowMs() } as const),
      }))
      expect(await differences(at.contents, expected)).toEqual([])
      const { rows_written: written, rows_changed: changed } = run.result()
      expect([written, changed]).toEqual([specs.length * (LOOKBACK_HOURS * 60 + minutes), 0])
      expect(exchange.counts()).toMatchObject({ limited: 0, bans: 0 })
    },
    limitMs,
  )
})

// Fifty symbols, minute after minute, in real time: each candle is stored within seconds of its close,
// once. And a soak: passes every second, and requests all the while, leave memory and open files as they
// were. TEST_MINUTES and TEST_SOAK_SECONDS make both longer.
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect } from 'bun:test'
import { floorToPeriod, MINUTE_MS } from '../../src/core/calendar.ts'
import { benchAt, plainSymbol } from '../rig/bench.ts'
import { embedded } from '../rig/binary-databases.ts'
import { differences } from '../rig/compare-store.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { testInRealTime } from '../rig/real-time.ts'
import { afterwards, removeWorkFolders, tail, workFolder } from '../rig/run-petrosa.ts'
import { eventually, servePetrosa } from '../rig/serve-petrosa.ts'

afterAll(removeWorkFolders)

const minutes = Number(Bun.env.TEST_MINUTES ?? 2)
const soakSeconds = Number(Bun.env.TEST_SOAK_SECONDS ?? 20)
const limitMs = (Math.max(minutes * 60, soakSeconds) + 60) * 1_000

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
  testInRealTime(
    `each candle of ${minutes} minutes of ${specs.length} symbols is stored within 5 s of its close`,
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
      expect(lagsMs.filter((ms) => ms > PROMPT_MS)).toEqual([])
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

  testInRealTime(
    `${soakSeconds} s of passes and requests leave memory and open files as they were`,
    async () => {
      const exchange = await exchangeOf()
      const folder = workFolder()
      const at = benchAt(exchange, folder, await embedded.place(folder))
      const often = [...all, ...at.flags, '--schedule', '* * * * * *']
      const serving = await servePetrosa(often, { cwd: folder, env: at.env, limitMs })
      await serving.passes(2)
      const marks: { readonly residentBytes: number; readonly openFiles: number }[] = []
      const endMs = performance.now() + soakSeconds * 1_000
      while (performance.now() < endMs) {
        for (let i = 0; i < 10; i += 1) {
          for (const path of ['/healthz', '/ready', '/api/status', '/api/gaps', '/nothing'])
            await (await serving.get(path)).arrayBuffer()
          const stream = new AbortController()
          const events = await serving.get('/events', { signal: stream.signal })
          await events.body?.getReader().read()
          stream.abort()
          await Bun.sleep(40)
        }
        marks.push({
          residentBytes: (await serving.metric('process_resident_memory_bytes')) ?? Number.NaN,
          openFiles: (await serving.metric('process_open_fds')) ?? Number.NaN,
        })
      }
      const third = Math.ceil(marks.length / 3)
      const least = (from: number, of: (mark: (typeof marks)[number]) => number): number =>
        Math.min(...marks.slice(from, from + third).map(of))
      const bytes = [
        least(third, (mark) => mark.residentBytes),
        least(2 * third, (mark) => mark.residentBytes),
      ]
      console.log(`memory in use, MB: ${bytes.map((value) => Math.round(value / 1_048_576)).join(' then ')}`)
      // What grows by a tenth in a third of a soak grows without end.
      expect((bytes[1] ?? 0) / (bytes[0] ?? 0)).toBeLessThan(1.1)
      expect(least(2 * third, (mark) => mark.openFiles) - least(0, (mark) => mark.openFiles)).toBeLessThan(5)
      expect(marks.length).toBeGreaterThan(5)
      await serving.stop()
    },
    limitMs,
  )
})

// The compiled program verifies what it stored: clean at first; a value changed by hand is found by the sums
// and by the sample, mended by --repair, and then clean again. Real candles of old days are odd, not wrong.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { isoTime } from '../../src/core/span.ts'
import { type Bench, bench, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { type BinaryDatabase, findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences, type Expectation, inconsistencies } from '../rig/compare-store.ts'
import { recordedSymbol, recordings, testWithRecordings } from '../rig/recorded.ts'
import { removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { sqliteDatabase } from '../rig/sqlite-database.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const span = { startMs: Date.parse('2024-03-20T00:00Z'), endMs: nowMs - 30_000 }
const outage = { startMs: Date.parse('2024-03-20T07:10Z'), endMs: Date.parse('2024-03-20T08:45Z') }
const spec = plainSymbol('AAAUSDT', { outages: [outage] })
const wrongMs = Date.parse('2024-03-21T09:17Z')

type Finding = {
  readonly series: string
  readonly time: string
  readonly check: string
  readonly severity: 'error' | 'note'
  readonly stored: string | null
  readonly expected: string | null
  readonly repaired: boolean
}
type Verified = {
  readonly exitCode: number
  readonly findings: readonly Finding[]
  readonly [field: string]: unknown
}

/** Runs `petrosa verify --json` on the bench's database. */
async function verify(at: Bench, flags: readonly string[] = []): Promise<Verified> {
  const run = await runPetrosa(['verify', ...at.flags, '--json', ...flags], { cwd: at.folder, env: at.env })
  if (run.exitCode !== 0 && run.exitCode !== 3) throw new Error(tail(run))
  return { ...(run.result() as unknown as Verified), exitCode: run.exitCode }
}

const errorsOf = ({ findings }: Verified): string[] =>
  findings
    .filter(({ severity }) => severity === 'error')
    .map(({ check, series, time, repaired }) => `${check} ${series} ${time}${repaired ? ' repaired' : ''}`)

/** Sets the volume of one minute by hand, or takes the minute away, past the program. */
async function byHand(
  { server }: BinaryDatabase,
  uri: string,
  what: 'change' | 'remove',
  timeMs: number,
): Promise<void> {
  const exec = server?.exec ?? sqliteDatabase.exec
  const symbol = 'AAAUSDT'
  if (server?.kind === 'mongodb') {
    const query = `{ "symbol": "${symbol}", "open_time": { "$date": "${isoTime(timeMs)}" } }`
    const change = `{ "q": ${query}, "u": { "$set": { "volume": { "$numberDecimal": "7.5" } } } }`
    const remove = `{ "q": ${query}, "limit": 1 }`
    const commands = {
      change: `{ "update": "klines_m1", "updates": [${change}] }`,
      remove: `{ "delete": "klines_m1", "deletes": [${remove}] }`,
    }
    await exec(uri, commands[what])
    return
  }
  const literal = isoTime(timeMs)
    .replace('T', ' ')
    .replace('Z', server?.kind === 'postgresql' ? '+00' : '')
  const time = server ? `'${literal}'` : String(timeMs)
  const where = `WHERE symbol = '${symbol}' AND open_time = ${time}`
  await exec(
    uri,
    what === 'change' ? `UPDATE klines_m1 SET volume = '7.5' ${where}` : `DELETE FROM klines_m1 ${where}`,
  )
}

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await spawnExchange({ symbols: [spec], clock: { manualMs: nowMs }, limits: NO_LIMITS })
})
afterAll(() => exchange.stop())

describe.each(databases)('$label', (database) => {
  test('a value changed by hand is found by the sums and by the sample, and mended', async () => {
    const at = await bench(exchange, database)
    const range = ['--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]
    const pull = ['--symbols', 'AAAUSDT', '--period', '1m,15m,1h', ...range]
    expect(tail(await at.klines(pull))).toStartWith('exit 0')
    const expected = (['1m', '15m', '1h'] as const).map(
      (period): Expectation => ({ spec, period, spans: [span], closedBeforeMs: nowMs }),
    )
    const rows = 2_880 - 95 + 192 - 6 + 48
    const clean = await verify(at)
    expect(clean).toMatchObject({
      exitCode: 0,
      error_findings: 0,
      rows_checked: rows,
      requests: 0,
      series: 3,
    })
    expect(new Set(clean.findings.map(({ check }) => check))).toEqual(new Set(['flat', 'day', 'behind']))

    await byHand(database, at.uri, 'change', wrongMs)
    await byHand(database, at.uri, 'remove', wrongMs + 60_000)
    const minute = 'spot/klines/AAAUSDT/1m'
    const alone = await verify(at)
    expect([alone.exitCode, errorsOf(alone)]).toEqual([3, [`day ${minute} 2024-03-21T09:18:00.000Z`]])
    await byHand(database, at.uri, 'change', wrongMs + 3_600_000)
    const sums = await verify(at)
    expect(errorsOf(sums)).toEqual([
      'sum spot/klines/AAAUSDT/15m 2024-03-21T10:15:00.000Z',
      `day ${minute} 2024-03-21T09:18:00.000Z`,
    ])

    const sampled = await verify(at, ['--sample', '100%'])
    expect(errorsOf(sampled).filter((line) => line.startsWith('exchange'))).toEqual([
      `exchange ${minute} 2024-03-21T09:17:00.000Z`,
      `exchange ${minute} 2024-03-21T09:18:00.000Z`,
      `exchange ${minute} 2024-03-21T10:17:00.000Z`,
    ])
    expect(
      sampled.findings.find(({ time, check }) => check === 'exchange' && time === isoTime(wrongMs)),
    ).toMatchObject({
      stored: 'volume 7.5 (from REST)',
      expected: expect.stringMatching(/^volume [\d.]+ \(REST\)$/),
    })
    expect(await differences(at.contents, expected)).not.toEqual([])

    const mended = await verify(at, ['--repair'])
    expect(mended).toMatchObject({ exitCode: 0, rows_written: 1, rows_changed: 2 })
    expect(errorsOf(mended).every((line) => line.endsWith(' repaired'))).toBe(true)
    expect(await differences(at.contents, expected)).toEqual([])
    expect(await inconsistencies(at.contents, expected)).toEqual([])
    expect(await verify(at, ['--sample', '100%'])).toMatchObject({
      exitCode: 0,
      error_findings: 0,
      rows_checked: rows,
      rows_compared: rows,
      note_findings: (clean.note_findings as number) - 3,
    })
    const again = await at.klines(pull)
    expect(again.result()).toMatchObject({ rows_fetched: 0, rows_changed: 0 })
  }, 60_000)
})

describe('real candles', () => {
  testWithRecordings(
    'odd closes and odd days are notes; weeks are the sums of their days',
    async () => {
      const real = recordings().filter(({ name }) => name.startsWith('klines-spot-btcusdt/'))
      const its = await fromRecordings(real)
      try {
        const at = await bench(its)
        for (const period of ['1d', '1w'])
          expect(
            tail(
              await at.klines([
                '--symbols',
                'BTCUSDT',
                '--period',
                period,
                '--start',
                '2017-08-01',
                '--end',
                '2026-01-05',
              ]),
            ),
          ).toStartWith('exit 0')
        const verified = await verify(at)
        expect([verified.exitCode, errorsOf(verified)]).toEqual([0, []])
        expect(verified.rows_checked).toBeGreaterThan(3_400)
        const notes = verified.findings.filter(({ check }) => check !== 'behind')
        expect(notes.map(({ check, time, stored }) => [check, time, stored])).toEqual([
          ['close-time', '2018-02-08T00:00:00.000Z', 'closes at 2018-02-08T00:28:14.788Z'],
        ])
      } finally {
        await its.stop()
      }
    },
    60_000,
  )
})

async function fromRecordings(real: ReturnType<typeof recordings>): Promise<SpawnedExchange> {
  const symbols = [recordedSymbol('spot', 'BTCUSDT', real)]
  // The candles are longer than an argument may be.
  const path = `${workFolder()}/options.json`
  const clock = { manualMs: Date.parse('2026-03-01T12:00:30Z') }
  await Bun.write(path, JSON.stringify({ symbols, clock, limits: NO_LIMITS }))
  return spawnExchange(path)
}

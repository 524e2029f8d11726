// Archives that are published anew after their rows were taken in: --refresh finds them by their checksums,
// downloads those alone, puts their rows in the place of what is stored, wherever that is from, and keeps
// what it replaced. A second one finds nothing to do.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { HOUR_MS } from '../../src/core/calendar.ts'
import {
  ARCHIVED_NOW_MS,
  archivedExchange,
  minutesOf,
  minutesStored,
  warnings,
} from '../rig/archive-bench.ts'
import type { ArchiveRule } from '../rig/archive-rules.ts'
import { type Bench, bench, exchangeEnv, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences } from '../rig/compare-store.ts'
import { type Run, removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import type { SpawnedExchange } from '../rig/spawn-exchange.ts'
import { sqliteDatabase } from '../rig/sqlite-database.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const spec = plainSymbol('AUSDT')
const days = { startMs: Date.parse('2025-01-03T00:00Z'), endMs: Date.parse('2025-01-09T00:00Z') }
const flags = [...minutesOf(['AUSDT'], days), '--source', 'auto']
const series = 'spot/klines/AUSDT/1m'
const keyOf = (day: string): string => `data/spot/daily/klines/AUSDT/1m/AUSDT-1m-${day}.zip`
const [holey, altered] = [keyOf('2025-01-04'), keyOf('2025-01-06')]
/** When files are published anew: wrong ones first, and the right ones an hour later. */
const [wrongMs, rightMs] = [ARCHIVED_NOW_MS + HOUR_MS, ARCHIVED_NOW_MS + 2 * HOUR_MS]
const noon = { fromMs: Date.parse('2025-01-04T12:00Z'), toMs: Date.parse('2025-01-04T15:00Z') }
const rules: readonly ArchiveRule[] = [
  { kind: 'missing-rows', key: holey, ...noon, untilMs: wrongMs },
  { kind: 'altered-rows', key: holey, sinceMs: wrongMs, untilMs: rightMs },
  { kind: 'altered-rows', key: altered, sinceMs: wrongMs, untilMs: rightMs },
]

type Refreshed = {
  readonly series: string
  readonly archive: string
  readonly rows_written: number
  readonly rows_changed: number
}
const refreshedOf = (run: Run): readonly Refreshed[] =>
  (run.result() as unknown as { refreshed: readonly Refreshed[] }).refreshed

let exchange: SpawnedExchange
beforeAll(async () => {
  exchange = await archivedExchange([spec, plainSymbol('BUSDT')], { faults: { archives: { rules } } })
})
afterAll(() => exchange.stop())

/** A fresh database with the rows in it, by archives and, for what one of them lacked, by REST. */
async function filled(on = databases[0]): Promise<Bench> {
  await exchange.setNowMs(ARCHIVED_NOW_MS)
  await exchange.setFaults({ archives: { rules } })
  const at = await bench(exchange, on)
  const run = await at.klines(flags)
  expect(tail(run)).toStartWith('exit 0')
  expect(await differences(at.contents, minutesStored([spec], [days]))).toEqual([])
  return at
}

/** What was asked of the exchange while `work` ran. */
async function asked(work: () => Promise<unknown>) {
  await exchange.resetCounts()
  await work()
  return exchange.counts()
}

/** How many archives verify finds to be other ones now. */
async function republished(at: Bench): Promise<number> {
  const { findings } = (await at.run(['verify', '--archives'])).result() as unknown as {
    findings: readonly { check: string }[]
  }
  return findings.filter(({ check }) => check === 'archive').length
}

for (const database of databases) {
  test(`${database.label}: wrong archives, corrected later, are taken in again each time`, async () => {
    const at = await filled(database)
    const before = await at.contents.dump()
    expect(refreshedOf(await at.klines([...flags, '--refresh']))).toEqual([])
    expect((await at.contents.dump()) === before).toBe(true)

    await exchange.setNowMs(wrongMs)
    const planned = await asked(async () => {
      const plan = (await at.klines([...flags, '--refresh', '--dry-run'])).result().plan ?? []
      const short = plan.map((one) => [one.start.slice(0, 10), one.requests, one.rows])
      expect(short).toEqual([holey, altered].map((key) => [key.slice(-14, -4), 0, 1_440]))
    })
    expect(planned.archives).toMatchObject({ zips: 0, checksums: 6 })
    expect((await at.contents.dump()) === before).toBe(true)
    expect(await republished(at)).toBe(2)

    const taken = await asked(async () => {
      const run = await at.klines([...flags, '--refresh'])
      expect(tail(run)).toStartWith('exit 0')
      expect(run.result()).toMatchObject({ archives: 2, rows_written: 0, rows_fetched: 2 * 1_440 })
      const all = refreshedOf(run)
      expect(all.map(({ archive }) => archive)).toEqual([holey, altered])
      for (const one of all) expect(one).toMatchObject({ series, rows_written: 0 })
      for (const one of all) expect(one.rows_changed).toBeGreaterThan(40)
      const sum = all.reduce((total, one) => total + one.rows_changed, 0)
      expect(run.result().rows_changed).toBe(sum)
      // All that was replaced is kept; a part of it had come by REST, for the archive that lacked it.
      const kept = await (database.server ?? sqliteDatabase).replaced(at.uri, series)
      expect(kept).toHaveLength(sum)
      expect(kept.some(({ row }) => (JSON.parse(row) as { source: string }).source === 'rest')).toBe(true)
    })
    expect(taken.archives).toMatchObject({ zips: 2, byKey: { [holey]: 1, [altered]: 1 } })
    // REST has no say in it: nothing of what is settled is asked for.
    expect(Object.keys(taken.byEndpoint).filter((path) => path.endsWith('klines'))).toEqual([])
    const second = await asked(async () => {
      const run = await at.klines([...flags, '--refresh'])
      expect(run.result()).toMatchObject({ archives: 0, rows_fetched: 0, rows_changed: 0 })
      expect(refreshedOf(run)).toEqual([])
    })
    expect(second.archives).toMatchObject({ zips: 0, checksums: 6, listings: 0 })
    expect(await republished(at)).toBe(0)

    await exchange.setNowMs(rightMs)
    // Killed while it is at it, the next one begins again.
    const running = at.startKlines([...flags, '--refresh', '--batch-size', '200', '--log-level', 'debug'])
    await running.said('written').catch(() => undefined)
    running.kill('SIGKILL')
    await running.ended
    const last = await at.klines([...flags, '--refresh'])
    expect(tail(last)).toStartWith('exit 0')
    expect(refreshedOf(last).map(({ archive }) => archive)).toContain(altered)
    expect(await differences(at.contents, minutesStored([spec], [days]))).toEqual([])
    expect(refreshedOf(await at.klines([...flags, '--refresh']))).toEqual([])
  }, 60_000)
}

describe('--refresh', () => {
  test('takes what is missing of a file with it: REST is asked for what lies outside only', async () => {
    const at = await filled()
    const cutMs = Date.parse('2025-01-06T20:00Z')
    const nextMs = Date.parse('2025-01-07T00:00Z')
    await sqliteDatabase.exec(at.uri, `DELETE FROM klines_m1 WHERE open_time >= ${cutMs}`)
    await sqliteDatabase.exec(
      at.uri,
      `UPDATE petrosa_coverage SET end_time = ${cutMs} WHERE end_time = ${days.endMs}`,
    )
    await exchange.setNowMs(rightMs)
    await sqliteDatabase.exec(
      at.uri,
      `UPDATE petrosa_archives SET sha256 = 'other' WHERE name = '${altered}'`,
    )
    await exchange.setFaults({ archives: { rules: [{ kind: 'missing-rows', key: holey, ...noon }] } })
    const rows = (days.endMs - Date.parse('2025-01-06T00:00Z')) / 60_000
    const plan = (await at.klines([...flags, '--refresh', '--dry-run'])).result().plan ?? []
    expect(plan.reduce((sum, one) => sum + one.rows, 0)).toBe(rows)
    const run = await at.klines([...flags, '--refresh'])
    expect(tail(run)).toStartWith('exit 0')
    expect(run.result()).toMatchObject({ archives: 1, rows_fetched: rows, rows_changed: 0 })
    expect(await differences(at.contents, minutesStored([spec], [days]))).toEqual([])
    const starts = (await exchange.log())
      .flatMap(({ query }) => /startTime=(\d+)/.exec(query)?.[1] ?? [])
      .map(Number)
    expect(starts.filter((startMs) => startMs >= cutMs && startMs < nextMs)).toEqual([])
    expect(starts).toContain(nextMs)
  }, 30_000)

  test('leaves what lies outside of --start and --end, and what other series have', async () => {
    const at = await filled()
    await exchange.setNowMs(wrongMs)
    const only = { startMs: Date.parse('2025-01-06T00:00Z'), endMs: Date.parse('2025-01-07T00:00Z') }
    const run = await at.klines([...minutesOf(['AUSDT'], only), '--source', 'auto', '--refresh'])
    expect(refreshedOf(run).map(({ archive }) => archive)).toEqual([altered])
    const other = await at.klines([...minutesOf(['BUSDT'], only), '--source', 'auto', '--refresh'])
    expect(refreshedOf(other)).toEqual([])
  }, 30_000)

  test('of a file that is no good leaves what is stored, says so and exits 3; then it is taken', async () => {
    const at = await filled()
    await exchange.setNowMs(rightMs)
    const before = await at.contents.dump()
    const later = { ...days, startMs: Date.parse('2025-01-05T00:00Z') }
    const bad: readonly ArchiveRule[] = [...rules, { kind: 'torn-row', key: altered, sinceMs: wrongMs }]
    await exchange.setFaults({ archives: { rules: bad } })
    const run = await at.klines([...minutesOf(['AUSDT'], later), '--source', 'auto', '--refresh'])
    expect(tail(run)).toStartWith('exit 3')
    const [open] = run.result().unsettled
    expect(open).toMatchObject({ series, start: '2025-01-06T00:00:00.000Z', end: '2025-01-07T00:00:00.000Z' })
    expect(open?.reason).toContain('published anew, and what is stored of it stays as it is')
    expect(warnings(run).filter((one) => one.includes('is no good'))).toHaveLength(1)
    expect((await at.contents.dump()) === before).toBe(true)
    await exchange.setFaults({ archives: { rules: rules.slice(0, 2) } })
    expect(tail(await at.klines([...flags, '--refresh']))).toStartWith('exit 0')
    expect(await differences(at.contents, minutesStored([spec], [days]))).toEqual([])
  }, 30_000)

  test('is a part of the pipeline and says in words what came of it', async () => {
    const at = await filled()
    await exchange.setNowMs(wrongMs)
    const words = ['run', ...at.flags, ...flags, '--refresh']
    const run = await runPetrosa(words, { cwd: at.folder, env: { ...at.env, LOG_LEVEL: 'error' } })
    expect(run.stdout).toMatch(/published anew: AUSDT-1m-2025-01-04\.zip: 0 new, \d+ changed\n/)
    const again = await runPetrosa(words, { cwd: at.folder, env: at.env })
    expect(again.stdout).toContain('no archive was published anew\n')
  }, 30_000)

  test('is refused where it means nothing', async () => {
    const env = exchangeEnv('http://127.0.0.1:9')
    const refused = async (...more: string[]): Promise<string> => {
      const run = await runPetrosa(['klines', '--refresh', ...more], { cwd: workFolder(), env })
      expect(run.exitCode).toBe(2)
      return run.stderr
    }
    expect(await refused('--source', 'rest')).toContain('--refresh takes in archives, and --source rest none')
    expect(await refused('--source', 'auto', '--serve')).toContain('--refresh and --serve exclude each other')
  }, 30_000)
})

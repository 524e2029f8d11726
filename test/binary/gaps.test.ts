// petrosa gaps, the compiled program: whatever is deleted, interrupted, stopped or turned back in time, a
// fill brings the rows back, says why the others are not there, and the next one asks for nothing.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/core/calendar.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import type { Series } from '../../src/core/series.ts'
import { isoTime, type Span } from '../../src/core/span.ts'
import { klines } from '../../src/datasets/klines.ts'
import { type Bench, bench, benchAt, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { type BinaryDatabase, findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences } from '../rig/compare-store.ts'
import { type GapBed, punches } from '../rig/gap-bed.ts'
import { page } from '../rig/pages.ts'
import { type Result, removeWorkFolders, tail } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { sqliteDatabase } from '../rig/sqlite-database.ts'
import type { SymbolSpec } from '../rig/symbol-spec.ts'
import { openStore } from '../rig/test-database.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const lastMs = nowMs - 30_000
const startMs = lastMs - 2 * DAY_MS
const at = (hour: number): number => startMs + hour * HOUR_MS
const outage = { startMs: at(10), endMs: at(12) + 7 * MINUTE_MS }
const spec = plainSymbol('AAAUSDT', { outages: [outage] })
const series: Series = { market: 'spot', dataset: 'klines', symbol: 'AAAUSDT', period: '1m' }
const flags = ['--symbols', 'AAAUSDT', '--period', '1m', '--start', isoTime(startMs)]
const whole = (of: SymbolSpec, endMs = lastMs) =>
  [{ spec: of, period: '1m', spans: [{ startMs, endMs }], closedBeforeMs: endMs }] as const

let exchange: SpawnedExchange | null = null
afterEach(() => exchange?.stop())

async function exchangeWith(symbols: readonly SymbolSpec[], atMs = nowMs): Promise<SpawnedExchange> {
  exchange = await spawnExchange({ symbols, clock: { manualMs: atMs }, limits: NO_LIMITS })
  return exchange
}

async function pulled(database: BinaryDatabase): Promise<Bench> {
  const here = await bench(await exchangeWith([spec]), database)
  expect(tail(await here.klines(flags))).toStartWith('exit 0')
  return here
}

/** Runs `petrosa gaps` and wants this exit code; gives its result and how many pages were asked for. */
async function gaps(
  here: Bench,
  more: readonly string[],
  exitCode: number,
): Promise<Result & { pages: number }> {
  await exchange?.resetCounts()
  const ended = await here.start(['gaps', ...more]).ended
  expect(tail(ended)).toStartWith(`exit ${exitCode}\n`)
  return { ...ended.result(), pages: (await exchange?.counts())?.klinesRequests ?? -1 }
}

/** The gaps that are left, as hours from the start. */
const listed = (result: Result): (string | number)[][] =>
  (result.gaps ?? [])
    .filter(({ filled }) => !filled)
    .map(({ start, end, verdict }) => [
      (Date.parse(start) - at(0)) / HOUR_MS,
      (Date.parse(end) - at(0)) / HOUR_MS,
      verdict,
    ])

const hours = ({ startMs: from, endMs: to }: Span): number[] => [
  (from - at(0)) / HOUR_MS,
  (to - at(0)) / HOUR_MS,
]
const theOutage = [...hours(outage), 'outage']

/** A fill mends all, the next asks for nothing, and everything is as the exchange has it. */
async function expectMended(here: Bench, of = spec): Promise<void> {
  expect(listed(await gaps(here, ['--fill'], 0))).toEqual([theOutage])
  const again = await gaps(here, ['--fill'], 0)
  expect([again.pages, again.rows_fetched, again.gaps_found]).toEqual([0, 0, 0])
  expect(listed(await gaps(here, [], 0))).toEqual([theOutage])
  expect(await differences(here.contents, whole(of))).toEqual([])
}

const handOf = (database: BinaryDatabase, { uri }: Bench): Pick<GapBed, 'deleteRows' | 'deleteLedger'> =>
  punches(database.server ?? sqliteDatabase, uri)

describe.each(databases)('$label', (database) => {
  test('rows deleted by hand: lost, then back', async () => {
    const here = await pulled(database)
    const hand = handOf(database, here)
    const table = klines.table(series)
    await hand.deleteRows(series, table, { startMs: at(0), endMs: at(0) + MINUTE_MS })
    await hand.deleteRows(series, table, { startMs: at(9), endMs: at(14) })
    await hand.deleteRows(series, table, { startMs: at(47.5), endMs: at(48) })
    const found = await gaps(here, [], 3)
    expect(found).toMatchObject({ gaps_found: 4, requests: 2, pages: 0 })
    expect(listed(found)).toEqual([
      [0, 1 / 60, 'lost'],
      [9, 10, 'lost'],
      [12 + 7 / 60, 14, 'lost'],
      [47.5, 48, 'lost'],
      theOutage,
    ])
    await expectMended(here)
  })

  test('all rows deleted by hand: the ledger knows what was there', async () => {
    const here = await pulled(database)
    await handOf(database, here).deleteRows(series, klines.table(series), { startMs: at(0), endMs: at(48) })
    expect(listed(await gaps(here, [], 3))).toEqual([[0, 10, 'lost'], [12 + 7 / 60, 48, 'lost'], theOutage])
    const status = (await here.run(['status'])).result() as unknown as { readonly series: readonly unknown[] }
    const facts = {
      first: null,
      last: null,
      rows: 0,
      open_gaps: 2,
      gap_rows: 48 * 60 - 127,
      explained_gaps: 1,
    }
    expect(status.series).toMatchObject([facts])
    await expectMended(here)
  })

  test('coverage deleted by hand, a part of it and all of it: the rows speak for themselves', async () => {
    const here = await pulled(database)
    const hand = handOf(database, here)
    await hand.deleteLedger(series, { startMs: outage.startMs, endMs: outage.endMs })
    expect(listed(await gaps(here, [], 3))).toEqual([[...hours(outage), 'missing']])
    await expectMended(here)
    await hand.deleteLedger(series, { startMs: at(0), endMs: at(48) })
    await hand.deleteRows(series, klines.table(series), { startMs: at(20), endMs: at(21) })
    expect(listed(await gaps(here, [], 3))).toEqual([
      [...hours(outage), 'missing'],
      [20, 21, 'missing'],
    ])
    await expectMended(here)
  })

  test('a fill that is killed is taken up by the next one, or by the next pass', async () => {
    for (const next of ['gaps', 'klines'] as const) {
      const here = await pulled(database)
      await handOf(database, here).deleteRows(series, klines.table(series), { startMs: at(2), endMs: at(9) })
      const fill = here.start(['gaps', '--fill', '--log-level', 'debug'])
      // The first write takes the ledger's promise back.
      await fill.said('written').then(
        () => fill.kill('SIGKILL'),
        () => undefined,
      )
      await fill.ended
      if (next === 'klines') {
        const ended = await here.klines(['--symbols', 'AAAUSDT', '--period', '1m'])
        expect(tail(ended)).toStartWith('exit 0')
        expect(await differences(here.contents, whole(spec))).toEqual([])
      }
      await expectMended(here)
      await exchange?.stop()
    }
  })

  test('rows without coverage, as a crash leaves them: asked for again, and nothing changes', async () => {
    const here = await pulled(database)
    await handOf(database, here).deleteLedger(series, { startMs: at(0), endMs: at(48) })
    const store = await openStore(database.server?.kind ?? 'sqlite', {
      uri: here.uri,
      readOnly: false,
      batchRows: null,
    })
    const wanted = ledgerRow({ startMs: at(0), endMs: at(48) }, 'wanted')
    await store.write([page(series, [], { ledger: [wanted] })])
    await store.close()
    expect(listed(await gaps(here, [], 3))).toEqual([[...hours(outage), 'missing']])
    const { rows_fetched, rows_written, rows_changed } = await gaps(here, ['--fill'], 0)
    expect([rows_fetched, rows_written, rows_changed]).toEqual([48 * 60 - 127, 0, 0])
    await expectMended(here)
  })

  test('a pull that is killed between rows and coverage is completed by a fill', async () => {
    const here = await bench(await exchangeWith([spec]), database)
    const pull = here.startKlines([...flags, '--log-level', 'debug', '--batch-size', '500'])
    await pull.said('written', 2).then(
      () => pull.kill('SIGKILL'),
      () => undefined,
    )
    await pull.ended
    await expectMended(here)
  })

  test('clocks that jump ahead and back: nothing is lost, and what has closed is there at last', async () => {
    const here = await pulled(database)
    const its = exchange
    await its?.setNowMs(nowMs + 30 * DAY_MS)
    expect(tail(await here.klines(['--symbols', 'AAAUSDT', '--period', '1m']))).toStartWith('exit 0')
    await its?.setNowMs(nowMs + HOUR_MS)
    await handOf(database, here).deleteRows(series, klines.table(series), { startMs: at(40), endMs: at(50) })
    // What has not closed by the clock as it is now must wait.
    const mended = await gaps(here, ['--fill'], 3)
    expect(listed(mended)).toEqual([[49, 50, 'lost'], theOutage])
    await its?.setNowMs(nowMs + 31 * DAY_MS)
    expect(listed(await gaps(here, ['--fill'], 0))).toEqual([theOutage])
    expect((await gaps(here, ['--fill'], 0)).pages).toBe(0)
    const endMs = lastMs + 31 * DAY_MS
    expect(await differences(here.contents, whole(spec, endMs))).toEqual([])
  })

  test('a symbol that is delisted, and listed again under its name', async () => {
    const endsAtMs = at(30)
    const gone = plainSymbol('AAAUSDT', { status: 'BREAK', endsAtMs })
    const here = await bench(await exchangeWith([gone]), database)
    expect(tail(await here.klines(flags))).toStartWith('exit 0')
    expect(listed(await gaps(here, ['--fill'], 0))).toEqual([[30, 47, 'delisted']])
    expect((await gaps(here, ['--fill'], 0)).pages).toBe(0)
    await exchange?.stop()
    const back = { startMs: endsAtMs, endMs: at(60) }
    const listedAgain = plainSymbol('AAAUSDT', { outages: [back] })
    const later = await exchangeWith([listedAgain], nowMs + DAY_MS)
    const there = benchAt(later, here.folder, here)
    expect(listed(await gaps(there, ['--fill'], 0))).toEqual([
      [30, 47, 'delisted'],
      [47, 60, 'outage'],
    ])
    expect((await gaps(there, ['--fill'], 0)).pages).toBe(0)
    expect(await differences(here.contents, whole(listedAgain, lastMs + DAY_MS))).toEqual([])
  })
})

test('a symbol that is renamed: its rows stay, and lost ones come back from its archives', async () => {
  const endsAtMs = at(24)
  const here = await bench(await exchangeWith([plainSymbol('AAAUSDT', { endsAtMs, status: 'BREAK' })]))
  expect(tail(await here.klines([...flags, '--end', isoTime(endsAtMs)]))).toStartWith('exit 0')
  await exchange?.stop()
  // The API knows the new name only; what was traded under the old one is in the archives.
  const old = plainSymbol('AAAUSDT', { endsAtMs, onlyInArchives: true })
  const renamed = plainSymbol('BBBUSDT', { listedAtMs: endsAtMs })
  const there = benchAt(await exchangeWith([old, renamed], nowMs + 3 * DAY_MS), here.folder, here)
  const newFlags = [
    '--symbols',
    'BBBUSDT',
    '--period',
    '1m',
    '--start',
    isoTime(endsAtMs),
    '--end',
    isoTime(lastMs),
  ]
  expect(tail(await there.klines(newFlags))).toStartWith('exit 0')
  expect((await gaps(there, ['--fill', '--end', isoTime(endsAtMs)], 0)).pages).toBe(0)
  const hole = { startMs: at(3), endMs: at(5) }
  await punches(sqliteDatabase, here.uri).deleteRows(series, klines.table(series), hole)
  const only = ['--fill', '--symbols', 'AAAUSDT', '--end', isoTime(endsAtMs)]
  // By REST nobody can be asked: it stays open, and why is said.
  const open = await gaps(there, only, 3)
  expect(listed(open)).toEqual([[3, 5, 'lost']])
  expect(open.unsettled.map(({ reason }) => reason)).toEqual(['the exchange does not list AAAUSDT any more'])
  const filled = await gaps(there, [...only, '--source', 'auto'], 0)
  expect(filled).toMatchObject({ gaps_found: 1, gaps_filled: 1, rows_written: 120, pages: 0 })
  // When no more of its files can come what follows the last one is explained, and asked for no more.
  await exchange?.setNowMs(nowMs + 40 * DAY_MS)
  const toThisDay = ['--fill', '--symbols', 'AAAUSDT', '--source', 'auto']
  const isDelisted = (result: Result): boolean =>
    result.gaps?.length === 1 &&
    result.gaps[0]?.verdict === 'delisted' &&
    result.gaps[0].start === isoTime(endsAtMs)
  expect(
    (await gaps(there, toThisDay, 0)).gaps?.filter(({ verdict }) => verdict === 'delisted'),
  ).toHaveLength(1)
  const again = await gaps(there, toThisDay, 0)
  expect([isDelisted(again), again.pages, again.archives, again.rows_written]).toEqual([true, 0, 0, 0])
  const expected = [
    { spec: old, period: '1m', spans: [{ startMs, endMs: endsAtMs }], closedBeforeMs: endsAtMs },
    { spec: renamed, period: '1m', spans: [{ startMs: endsAtMs, endMs: lastMs }], closedBeforeMs: lastMs },
  ] as const
  expect(await differences(here.contents, expected)).toEqual([])
}, 60_000)

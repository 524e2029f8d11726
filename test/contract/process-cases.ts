// What only other processes can show: one that is killed at any point, two that write the same rows at once,
// and one that lives in another time zone.
import { expect } from 'bun:test'
import { join } from 'node:path'
import { settledSpans } from '../../src/core/ledger.ts'
import { candles, contractTables, DAY_0_MS, klineSeries, MINUTE_MS, page, tableOf } from '../rig/pages.ts'
import { seededRandom } from '../rig/seed.ts'
import type { TestDatabase } from '../rig/test-database.ts'
import { PAGE_ROWS, WRITE_PAGES } from '../rig/writing-process.ts'
import { onSchemaOne } from './migration-cases.ts'
import { ledgerOf, readAll } from './reading.ts'
import { contractCase, onFresh, type Subject, suiteSeed, withStore } from './subject.ts'

const ROUNDS = 5
/** Pages that a process which is to be killed would write; far more than it lives for. */
const MANY_PAGES = 4_000
const LONGEST_LIFE_MS = 120
const FEW_PAGES = 12
/** 2024-11-03T03:00Z: three hours before New York puts its clocks back; ten hours of candles cross it. */
const CLOCKS_GO_BACK_MS = Date.UTC(2024, 10, 3, 3)

type Work = {
  uri: string
  symbol: string
  startMs: number
  pages: number
  direction?: 'downwards'
  timeZone?: string
}

function startWriting(database: TestDatabase, work: Work) {
  const file = join(import.meta.dir, '..', 'rig', 'writing-process.ts')
  const { symbol, startMs, pages, direction = 'upwards' } = work
  const command = [
    process.execPath,
    file,
    database.kind,
    work.uri,
    symbol,
    String(startMs),
    String(pages),
    direction,
  ]
  const env = { ...Bun.env, ...(work.timeZone ? { TZ: work.timeZone } : {}) }
  return Bun.spawn(command, { env, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
}

async function finish(child: ReturnType<typeof startWriting>): Promise<void> {
  const [said, exitCode] = await Promise.all([child.stderr.text(), child.exited])
  expect({ said, exitCode }).toEqual({ said: '', exitCode: 0 })
}

/**
 * Lets a writing process live for `lifeMs` after its first commit and kills it; gives the candles that it
 * said it committed.
 */
async function killAfter(child: ReturnType<typeof startWriting>, lifeMs: number): Promise<number> {
  let said = ''
  let timer: Timer | undefined
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += chunk
    timer ??= setTimeout(() => child.kill('SIGKILL'), lifeMs)
  }
  clearTimeout(timer)
  await child.exited
  // The last line may be cut; only whole lines were said.
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1) ?? 0)
}

/** Three processes prepare the database at `uri` and write overlapping pages of one series, both ways. */
async function threeAtOnce(database: TestDatabase, uri: string): Promise<void> {
  const series = klineSeries('BTCUSDT')
  const { symbol } = series
  const startMs = DAY_0_MS + 6 * PAGE_ROWS * MINUTE_MS
  const works: readonly Work[] = [
    { uri, symbol, startMs: DAY_0_MS, pages: FEW_PAGES },
    { uri, symbol, startMs: DAY_0_MS, pages: FEW_PAGES, direction: 'downwards' },
    { uri, symbol, startMs, pages: FEW_PAGES },
  ]
  await Promise.all(works.map((work) => finish(startWriting(database, work))))
  const rows = (6 + FEW_PAGES) * PAGE_ROWS
  await withStore(database, uri, async (store) => {
    expect(await readAll(store, series)).toEqual(candles(DAY_0_MS, rows))
    const ledger = await ledgerOf(store, series)
    expect(settledSpans(ledger)).toEqual([{ startMs: DAY_0_MS, endMs: DAY_0_MS + rows * MINUTE_MS }])
    expect(ledger).toHaveLength(1)
  })
}

/** Registers the cases that need other processes; none for a database that lives in this one. */
export function processCases(subject: Subject): void {
  if (!subject.database.shared) return
  const random = seededRandom(suiteSeed)

  contractCase(`killed ${ROUNDS} times, the ledger never claims a row that is not there`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const series = klineSeries(subject.symbol())
      const child = startWriting(subject.database, {
        uri: subject.uri(),
        symbol: series.symbol,
        startMs: DAY_0_MS,
        pages: MANY_PAGES,
      })
      const said = await killAfter(child, random() * LONGEST_LIFE_MS)
      expect(child.signalCode).toBe('SIGKILL')
      const ledger = await ledgerOf(subject.store(), series)
      const claimed = ledger.map((row) => (row.endMs - row.startMs) / MINUTE_MS)
      expect(await subject.store().counts(series, tableOf(series), ledger)).toEqual(claimed)
      expect(ledger.map((row) => row.rows)).toEqual(claimed)
      expect(claimed).toHaveLength(1)
      expect(claimed[0]).toBeGreaterThanOrEqual(said)
      expect((claimed[0] ?? 0) % (PAGE_ROWS * WRITE_PAGES)).toBe(0)
      // What was interrupted is written again, and it is as if nothing had happened.
      const whole = (claimed[0] ?? 0) + 3 * PAGE_ROWS
      await subject.store().write([page(series, candles(DAY_0_MS, whole), { fresh: true })])
      expect(await readAll(subject.store(), series)).toEqual(candles(DAY_0_MS, whole))
      expect(await ledgerOf(subject.store(), series)).toMatchObject([{ rows: whole }])
    }
  })

  contractCase('three processes prepare one database and write the same series at once', () =>
    onFresh(subject.database, ({ uri }) => threeAtOnce(subject.database, uri)),
  )
  contractCase('three processes bring one database up to date and write the same series at once', () =>
    onSchemaOne(subject.database, (uri) => threeAtOnce(subject.database, uri)),
  )

  for (const timeZone of ['America/New_York', 'Asia/Kolkata']) {
    contractCase(`a process that lives in ${timeZone} stores UTC`, async () => {
      const series = klineSeries(subject.symbol())
      const { symbol } = series
      await finish(
        startWriting(subject.database, {
          uri: subject.uri(),
          symbol,
          startMs: CLOCKS_GO_BACK_MS,
          pages: FEW_PAGES,
          timeZone,
        }),
      )
      const expected = candles(CLOCKS_GO_BACK_MS, FEW_PAGES * PAGE_ROWS)
      expect(await readAll(subject.store(), series)).toEqual(expected)
      const stamps = await subject.database.stamps(subject.uri(), tableOf(series), symbol)
      expect(stamps.map(({ timeMs }) => timeMs)).toEqual(expected.map((row) => Number(row.open_time)))
    })
  }
}

/** Registers the case of a server in another time zone. */
export function timeZoneCases({ database }: Subject): void {
  const zone = database.spoil.timeZone
  if (zone === null) return
  contractCase('a server that lives in another time zone stores UTC', () =>
    onFresh(database, async ({ uri }) => {
      const series = klineSeries('BTCUSDT')
      const rows = candles(CLOCKS_GO_BACK_MS, 600)
      const timesMs = rows.map((row) => Number(row.open_time))
      const holds = async (): Promise<void> => {
        await withStore(database, uri, async (store) => {
          expect(await readAll(store, series)).toEqual(rows)
          expect(await store.write([page(series, rows)])).toEqual({ written: 0, changed: 0 })
          expect(await ledgerOf(store, series)).toHaveLength(1)
        })
        const stamps = await database.stamps(uri, tableOf(series), series.symbol)
        expect(stamps.map(({ timeMs }) => timeMs)).toEqual(timesMs)
      }
      await withStore(database, uri, async (store) => {
        await store.prepare(contractTables)
        await store.write([page(series, rows.slice(0, 300))])
      })
      await database.exec(uri, zone.shift(uri))
      try {
        await withStore(database, uri, (store) => store.write([page(series, rows.slice(300))]))
        await holds()
      } finally {
        await database.exec(uri, zone.restore(uri))
      }
      await holds()
    }),
  )
}

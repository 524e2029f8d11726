// A pass over a few series in memory: what is wanted is written down first, workers are bounded, stops and
// failures leave a store that claims nothing it does not hold, and the summary says what came of it.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { advance } from '../../src/core/calendar.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import { wantedSpans } from '../../src/core/ledger.ts'
import type { Store } from '../../src/core/store.ts'
import { RefusedError, StoppedError, UnavailableError, UserError } from '../../src/errors.ts'
import { fromList, type MemorySourceOptions } from '../rig/memory-source.ts'
import { klineSeries } from '../rig/pages.ts'
import {
  passCandles as candles,
  PASS_PLACES as PLACES,
  passRig,
  PASS_SPAN as SPAN,
  PASS_START_MS as START_MS,
  passTable as table,
} from '../rig/pass-rig.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/pass.test.ts')

/** How many rows are stored of a symbol, after a look that the ledger claims none that is not there. */
async function honestRows(store: Store, symbol: string): Promise<number> {
  const series = klineSeries(symbol)
  const [ledger = []] = await store.ledger([series])
  for (const { verdict, startMs, endMs } of ledger) {
    if (verdict === 'wanted') continue
    expect(verdict).toBe('rows')
    const { count } = await store.read(series, table, { startMs, endMs }, 1_000)
    const due = candles.filter(({ openMs }) => openMs >= startMs && openMs < endMs).length
    expect(`${symbol} ${startMs}: ${count}`).toBe(`${symbol} ${startMs}: ${due}`)
  }
  return (await store.holding(series, table))?.rows ?? 0
}

describe('a pass without trouble', () => {
  test('writes what is wanted first, then every row, and leaves nothing wanted', async () => {
    const { pass, writes, store, events } = passRig({ symbols: ['A', 'B', 'C'] })
    const summary = await pass()
    expect(writes[0]?.map(({ rows, ledger }) => [rows.count, ledger.map(({ verdict }) => verdict)])).toEqual([
      [0, ['wanted']],
      [0, ['wanted']],
      [0, ['wanted']],
    ])
    for (const symbol of ['A', 'B', 'C']) {
      expect(await honestRows(store, symbol)).toBe(PLACES)
      expect(wantedSpans((await store.ledger([klineSeries(symbol)]))[0] ?? [])).toEqual([])
    }
    expect(summary).toMatchObject({
      series: 3,
      rowsFetched: 120,
      rowsWritten: 120,
      rowsChanged: 0,
      requests: 12,
      weight: 24,
      unsettled: [],
      errors: [],
      exitCode: 0,
    })
    expect(events[0]).toMatchObject({ type: 'pass-started', startMs: START_MS })
    expect(events[1]).toEqual({ type: 'pass-planned', seriesToDo: 3, rowsToDo: 120, requestsToDo: 12 })
    expect(events.filter(({ type }) => type === 'series-done')).toHaveLength(3)
    expect(events.at(-1)).toEqual({ type: 'pass-ended', summary })
  })

  test('a second one asks nothing and writes nothing', async () => {
    const { pass, exchange, writes } = passRig({ symbols: ['A', 'B'] })
    await pass()
    const before = [exchange.asks.length, writes.length]
    expect(await pass()).toMatchObject({ rowsFetched: 0, rowsWritten: 0, exitCode: 0, series: 2 })
    expect([exchange.asks.length, writes.length]).toEqual(before)
  })

  test('never more series in flight than workers', async () => {
    for (const workers of [1, 2, 5, 50]) {
      const { pass, exchange } = passRig({ symbols: [...'ABCDEFG'], workers })
      await pass()
      expect(exchange.mostAtOnce()).toBe(Math.min(workers, 7))
    }
  })
})

const ABC = ['A', 'B', 'C']

async function storedRows(store: Store): Promise<number> {
  let rows = 0
  for (const symbol of ABC) rows += await honestRows(store, symbol)
  return rows
}

const toldRows = (events: readonly PetrosaEvent[]): number =>
  events.reduce((sum, event) => sum + (event.type === 'batch-written' ? event.written : 0), 0)

describe('a stop', () => {
  test('at any moment: the store claims only what it holds, and the next pass completes', async () => {
    const property = fc.asyncProperty(
      fc.nat({ max: 600 }),
      fc.integer({ min: 1, max: 3 }),
      async (stopMs, workers) => {
        const first = passRig({ symbols: ABC, workers })
        const stopping = first.clock.wait(stopMs).then(() => first.stop.abort(new StoppedError()))
        const summary = await first.pass()
        await first.clock.run(stopping)
        expect([0, 130]).toContain(summary.exitCode)
        expect(summary.errors).toHaveLength(summary.exitCode === 0 ? 0 : 1)
        const stored = await storedRows(first.store)
        // What was told as written is there, and nothing else.
        expect([summary.rowsWritten, toldRows(first.events)]).toEqual([stored, stored])

        const nowMs = first.clock.nowMs()
        const next = passRig({ symbols: ABC, workers, nowMs, database: first.database, noStart: true })
        const rest = 3 * PLACES - stored
        expect(await next.pass()).toMatchObject({
          exitCode: 0,
          rowsWritten: rest,
          rowsFetched: rest,
          rowsChanged: 0,
        })
        expect(await storedRows(next.store)).toBe(3 * PLACES)
      },
    )
    await fc.assert(property, runs)
  })

  test('by SIGTERM ends with 143, whatever else went wrong', async () => {
    const { pass, stop, clock } = passRig()
    const stopping = clock.wait(60).then(() => stop.abort(new StoppedError(143)))
    expect(await pass()).toMatchObject({
      exitCode: 143,
      errors: [expect.stringContaining('stopped before the end')],
    })
    await stopping
  })
})

describe('wanted spans', () => {
  test('are taken up first, without a start, and are gone when they are covered', async () => {
    const first = passRig({ before: async () => Promise.reject(new UnavailableError('down', 'later')) })
    expect(await first.pass()).toMatchObject({ exitCode: 75, errors: ['down; later'], rowsWritten: 0 })
    const [ledger = []] = await first.store.ledger([klineSeries('A')])
    expect(wantedSpans(ledger)).toEqual([SPAN])
    const next = passRig({ nowMs: first.clock.nowMs(), database: first.database, noStart: true })
    expect(await next.pass()).toMatchObject({ exitCode: 0, rowsWritten: PLACES })
    // They were wanted already: nothing is written down anew.
    expect(next.writes.flat().every(({ rows }) => rows.count > 0)).toBe(true)
    const [after = []] = await next.store.ledger([klineSeries('A')])
    expect(after.map(({ verdict }) => verdict)).toEqual(['rows'])
  })
})

describe('what goes wrong', () => {
  test('a refused page is tried again at the end, then named; all else is stored', async () => {
    const badMs = advance('1m', START_MS, 10)
    const before: MemorySourceOptions['before'] = async ({ window }) => {
      if (window.span.startMs >= badMs && window.span.startMs < advance('1m', badMs, 10))
        throw new RefusedError('not this one')
    }
    const { pass, exchange, store } = passRig({ before })
    const summary = await pass()
    const span = { startMs: badMs, endMs: advance('1m', badMs, 10) }
    expect(summary.unsettled.map((one) => ({ ...one, series: one.series.symbol }))).toEqual([
      { series: 'A', span: { startMs: expect.any(Number), endMs: span.endMs }, reason: 'not this one' },
    ])
    expect(summary).toMatchObject({ exitCode: 3, errors: [], rowsWritten: 30 })
    expect(await honestRows(store, 'A')).toBe(30)
    expect(exchange.asks.at(-1)).toMatchObject({ hurried: true })
    const [ledger = []] = await store.ledger([klineSeries('A')])
    expect(wantedSpans(ledger).map(({ endMs }) => endMs)).toEqual([span.endMs])
  })

  test('a page that is refused for a while is had at the end', async () => {
    let refusals = 0
    const before: MemorySourceOptions['before'] = async () => {
      refusals += 1
      if (refusals === 2) throw new RefusedError('not now')
    }
    expect(await passRig({ before }).pass()).toMatchObject({
      exitCode: 0,
      unsettled: [],
      rowsWritten: PLACES,
    })
  })

  test('a young hole is named once, and settled by a second answer a minute later', async () => {
    const missing = candles.filter((_, i) => i !== PLACES - 1)
    const given = { answer: fromList(missing, '1m'), nowMs: SPAN.endMs + 5_000 }
    const first = passRig(given)
    expect(await first.pass()).toMatchObject({ exitCode: 3, unsettled: [{ span: { endMs: SPAN.endMs } }] })
    const soon = passRig({ ...given, nowMs: SPAN.endMs + 30_000, database: first.database })
    expect(await soon.pass()).toMatchObject({ exitCode: 3, rowsFetched: 0 })
    const later = passRig({ ...given, nowMs: SPAN.endMs + 66_000, database: first.database })
    expect(await later.pass()).toMatchObject({ exitCode: 0, unsettled: [] })
    const after = passRig({ ...given, nowMs: SPAN.endMs + 70_000, database: first.database })
    await after.pass()
    expect(after.exchange.asks).toEqual([])
  })

  test('a store that fails ends the pass with its error; what was told as written is there', async () => {
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 9 }), async (failing) => {
      let writes = 0
      const failWrite = (): void => {
        writes += 1
        if (writes === failing) throw new UnavailableError('the store went away', 'start it')
      }
      const { pass, store, events } = passRig({ symbols: ABC, failWrite })
      const summary = await pass()
      if (writes >= failing)
        expect(summary).toMatchObject({ exitCode: 75, errors: ['the store went away; start it'] })
      const stored = await storedRows(store)
      expect([summary.rowsWritten, toldRows(events)]).toEqual([stored, stored])
    })
    await fc.assert(property, runs)
  })

  test('an error for the user goes before what is not available, and one worker ends them all', async () => {
    let asked = 0
    const before: MemorySourceOptions['before'] = async () => {
      asked += 1
      if (asked === 3) throw new UserError('a foreign place', 'move')
      if (asked === 4) throw new UnavailableError('down')
    }
    const { pass, exchange } = passRig({ symbols: [...'ABCDEFGH'], workers: 2, before })
    expect(await pass()).toMatchObject({ exitCode: 2, errors: ['a foreign place; move', 'down'] })
    expect(exchange.asks.length).toBeLessThanOrEqual(4)
  })

  test('a defect is told as one, and exits 1', async () => {
    const before: MemorySourceOptions['before'] = async () => {
      throw new TypeError('x is not a function')
    }
    const { pass, events } = passRig({ before })
    expect(await pass()).toMatchObject({
      exitCode: 1,
      errors: [expect.stringContaining('a defect of petrosa: x is not')],
    })
    expect(events.filter(({ type }) => type === 'defect')).toHaveLength(1)
  })
})

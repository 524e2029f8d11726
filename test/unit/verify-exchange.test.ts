// Stored rows against the exchange's: what differs, what is lacking, what is there besides; that one answer
// is not enough; and what is not asked for.
import { describe, expect, test } from 'bun:test'
import { sliceRows } from '../../src/core/dataset.ts'
import type { Source } from '../../src/core/source.ts'
import { ForgottenSymbolError, RefusedError } from '../../src/errors.ts'
import { memorySource } from '../rig/memory-source.ts'
import { MINUTE_MS } from '../rig/pages.ts'
import {
  allMinutes,
  minutes,
  minutesExchange,
  minutesSpan,
  minutesStore,
  PLACES,
  placeTime,
  START_MS,
} from '../rig/verify-minutes.ts'
import { errorsOf, linesOf } from '../rig/verify-rig.ts'

const sample = { share: 1, seed: 1 }

describe('compared', () => {
  test('equal rows: nothing is found, and each page is asked for once', async () => {
    const rig = await minutesStore(allMinutes)
    const { source, asks } = minutesExchange(allMinutes)
    const outcome = await rig.verify({ source: () => source, sample })
    expect([linesOf(outcome), asks.length, outcome.asked.rows]).toEqual([[], 4, PLACES])
  })

  test('a row that differs, one that is lacking, one that is there besides', async () => {
    const rig = await minutesStore(allMinutes.filter((_, place) => place !== 12))
    rig.spoil(minutes, 3, 'volume', '5')
    const { source } = minutesExchange(allMinutes.filter((_, place) => place !== 25))
    const outcome = await rig.verify({ source: () => source, sample })
    expect(errorsOf(outcome)).toEqual([
      `error day 1m ${placeTime(12)}`,
      `error exchange 1m ${placeTime(3)}`,
      `error exchange 1m ${placeTime(12)}`,
      `error exchange 1m ${placeTime(25)}`,
    ])
    const [differs, lacking, besides] = outcome.findings.kept().filter(({ check }) => check === 'exchange')
    expect([differs?.stored, differs?.expected]).toEqual([
      'volume 5 (from an archive)',
      `volume ${allMinutes[3]?.volume} (REST)`,
    ])
    expect([lacking?.stored, lacking?.expected]).toEqual([null, expect.stringContaining('volume ')])
    expect([besides?.stored, besides?.expected]).toEqual([expect.stringContaining('volume '), null])
  })

  test('from REST is said too', async () => {
    const rig = await minutesStore(allMinutes, 'rest')
    rig.spoil(minutes, 3, 'volume', '5')
    const outcome = await rig.verify({ source: () => minutesExchange(allMinutes).source, sample })
    expect(outcome.findings.kept()[0]?.stored).toBe('volume 5 (from REST)')
  })

  test('every row is compared, however it came: all of one column off', async () => {
    const rig = await minutesStore(allMinutes)
    for (let row = 0; row < PLACES; row += 1) rig.spoil(minutes, row, 'number_of_trades', -1)
    const outcome = await rig.verify({ source: () => minutesExchange(allMinutes).source, sample })
    expect(outcome.findings.total('error')).toBe(PLACES)
  })

  test('an answer that is cut, once, accuses nothing and nobody', async () => {
    const rig = await minutesStore(allMinutes)
    const { source } = minutesExchange(allMinutes, (rows, ask) => (ask === 2 ? sliceRows(rows, 0, 4) : rows))
    const outcome = await rig.verify({ source: () => source, sample, workers: 1 })
    expect(linesOf(outcome)).toEqual([])
    expect(outcome.asked.unsettled).toMatchObject([
      { reason: expect.stringContaining('the exchange contradicts itself') },
    ])
  })

  test('an unfinished candle of the exchange is no row that is lacking', async () => {
    const rig = await minutesStore(allMinutes.slice(0, 25))
    const { source } = minutesExchange(allMinutes.slice(0, 26))
    // The ledger vouches for more, so that the last page reaches into the candle that is not closed yet.
    const early: Source = {
      ...source,
      nowMs: () => START_MS + 25.5 * MINUTE_MS,
      fetch: async (...asked) => ({
        ...(await source.fetch(...asked)),
        servedAtMs: START_MS + 25.5 * MINUTE_MS,
      }),
    }
    const outcome = await rig.verify({ source: () => early, sample })
    expect(outcome.asked.rows).toBe(25)
    expect(outcome.findings.kept().filter(({ check }) => check === 'exchange')).toEqual([])
  })

  test('a row of a day to come: nothing is asked for that has not been yet', async () => {
    const rig = await minutesStore(allMinutes)
    rig.spoil(minutes, PLACES - 1, 'open_time', START_MS + 3_000_000 * MINUTE_MS)
    const { source, asks } = minutesExchange(allMinutes)
    const outcome = await rig.verify({ source: () => source, sample })
    expect(Math.max(...asks.map(({ window }) => window.span.endMs))).toBe(source.nowMs())
    expect(outcome.findings.kept().map(({ check }) => check)).toContain('day')
  })

  test('what is refused is named; after three in a row the rest of the series is left', async () => {
    const rig = await minutesStore(allMinutes)
    const { source, asks } = memorySource({
      nowMs: () => minutesSpan.endMs,
      pageRows: 2,
      answer: () => {
        throw new RefusedError('no such symbol')
      },
    })
    const outcome = await rig.verify({ source: () => source, sample, workers: 1 })
    expect(asks).toHaveLength(3)
    expect(outcome.asked.unsettled.map(({ reason }) => reason)).toEqual([
      ...Array.from({ length: 3 }, () => 'no such symbol'),
      'not asked any more: too much was refused',
    ])
    expect(outcome.asked.unsettled.at(-1)?.span).toEqual({
      startMs: START_MS + 6 * MINUTE_MS,
      endMs: minutesSpan.endMs,
    })
  })

  test('a symbol that the exchange has forgotten is told as not compared once, not open', async () => {
    const rig = await minutesStore(allMinutes)
    const { source, asks } = memorySource({
      nowMs: () => minutesSpan.endMs,
      pageRows: 2,
      answer: () => {
        throw new ForgottenSymbolError('answered 400 (code -1121): Invalid symbol.')
      },
    })
    const outcome = await rig.verify({ source: () => source, sample, workers: 1 })
    expect(asks).toHaveLength(1)
    expect(outcome.asked.unsettled).toEqual([])
    expect(outcome.findings.kept()).toMatchObject([
      {
        check: 'exchange',
        severity: 'note',
        stored: 'not compared',
        expected: expect.stringContaining('knows the symbol no more'),
      },
    ])
  })

  test('what the exchange does not reach back to is a note, and not asked for', async () => {
    const rig = await minutesStore(allMinutes)
    const { source, asks } = minutesExchange(allMinutes)
    const near: Source = { ...source, reachMs: 70 * MINUTE_MS }
    const outcome = await rig.verify({ source: () => near, sample })
    expect(asks).toHaveLength(1)
    expect(linesOf(outcome)).toEqual([`note exchange 1m ${placeTime(0)}`])
    expect(outcome.findings.kept()[0]?.stored).toBe(`not compared up to ${placeTime(30)}`)
  })
})

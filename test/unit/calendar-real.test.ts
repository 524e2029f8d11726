// Real candles, recorded from Binance: every open time lies where the calendar says, and the holes that the
// calendar finds are the outages that are known. Skipped, loudly, where the recordings are missing.
import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { advance, emptyPlaces, floorToPeriod } from '../../src/core/calendar.ts'
import { isMember, type Period, periods } from '../../src/core/series.ts'
import { spanText } from '../../src/core/span.ts'
import { realDataDir } from '../rig/real-data.ts'

const dataDir = realDataDir('test/unit/calendar-real.test.ts')

type Recording = { readonly period: Period; readonly opensMs: readonly number[]; readonly name: string }

function checkedPeriod(text: string | null | undefined): Period {
  if (!isMember(periods, text ?? undefined)) throw new Error(`the recording has no period "${text}"`)
  return text as Period
}

/** Columns: symbol, timeframe, open_time, close_time, … */
async function readCsv(path: string): Promise<Recording> {
  const lines = (await Bun.file(path).text()).trim().split('\n').slice(1)
  const cells = lines.map((line) => line.split(','))
  return { period: checkedPeriod(cells[0]?.[1]), opensMs: cells.map((row) => Number(row[2])), name: path }
}

type Exchange = { readonly query: string; readonly response: unknown }

async function readRecordedPages(path: string): Promise<Recording[]> {
  const exchanges: readonly Exchange[] = await Bun.file(path).json()
  return exchanges.flatMap(({ query, response }) => {
    if (!Array.isArray(response)) return []
    const opensMs = response.map((row: readonly unknown[]) => Number(row[0]))
    return [{ period: checkedPeriod(new URLSearchParams(query).get('interval')), opensMs, name: query }]
  })
}

/** The whole of a recording, from its first open time to the end of its last candle. */
function holesIn({ period, opensMs }: Recording): string[] {
  const lastMs = opensMs.at(-1) ?? 0
  return emptyPlaces(period, { startMs: opensMs[0] ?? 0, endMs: advance(period, lastMs, 1) }, opensMs).map(
    spanText,
  )
}

function expectOnGrid({ period, opensMs }: Recording): void {
  expect(opensMs.length).toBeGreaterThan(0)
  for (const openMs of opensMs) expect(floorToPeriod(period, openMs)).toBe(openMs)
}

describe.skipIf(dataDir === null)('recorded candles', () => {
  const folder = join(dataDir ?? '', 'klines-spot-btcusdt')
  const files = dataDir === null ? [] : readdirSync(folder).filter((name) => name.endsWith('.csv'))

  test.each(files)('%s lies on the grid, without a hole', async (name) => {
    const recording = await readCsv(join(folder, name))
    expectOnGrid(recording)
    expect(holesIn(recording)).toEqual([])
  })

  test('there are such files', () => {
    expect(files.length).toBeGreaterThan(0)
  })

  test('recorded REST pages lie on the grid; their one hole is the outage of 2020-06-28', async () => {
    const pages = await readRecordedPages(join(dataDir ?? '', 'rest-recorded', 'api_v3_klines.json'))
    expect(pages.length).toBeGreaterThan(10)
    for (const page of pages) expectOnGrid(page)
    const holes = new Set(pages.flatMap(holesIn))
    expect([...holes]).toEqual(['2020-06-28T02:00:00.000Z … 2020-06-28T05:00:00.000Z'])
  })
})

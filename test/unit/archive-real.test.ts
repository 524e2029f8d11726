// Real archives of Binance, as they were published: the zips with their CHECKSUM, and CSVs in milliseconds
// and microseconds, with a header and without. Skipped where the recordings are not.
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ArchiveFile } from '../../src/core/archive.ts'
import { countPlaces } from '../../src/core/calendar.ts'
import type { Market, Period } from '../../src/core/series.ts'
import { klines } from '../../src/datasets/klines.ts'
import { archiveRig } from '../rig/archive-rig.ts'
import { formOf, piecesOf, plainRow, rowsOf } from '../rig/csv-reading.ts'
import { klineSeries } from '../rig/pages.ts'
import { realDataDir } from '../rig/real-data.ts'
import { readZip } from '../rig/zip-reader.ts'

const DAY_MS = 86_400_000

describe('real archives', () => {
  const folder = realDataDir('test/unit/archive-real.test.ts')
  const withData = folder === null ? test.skip : test
  const read = (name: string): Buffer => readFileSync(join(folder ?? '', name))

  for (const date of ['2020-01-01', '2020-01-02']) {
    withData(`the zip of ${date} is what its CHECKSUM says, and gives its 1440 candles`, async () => {
      const name = `BTCUSDT-1m-${date}.zip`
      const key = `data/spot/daily/klines/BTCUSDT/1m/${name}`
      const bytes = read(`archive-spot-zip/${name}`)
      const { clock, source } = archiveRig(({ url }) => ({
        body: url.pathname.endsWith('CHECKSUM') ? read(`archive-spot-zip/${name}.CHECKSUM`) : bytes,
      }))
      const startMs = Date.parse(date)
      const span = { startMs, endMs: startMs + DAY_MS }
      const file: ArchiveFile = { key, unit: 'day', span, bytes: bytes.length }
      const series = klineSeries('BTCUSDT')
      const open = await clock.run(source.open(series, file))
      const rows = rowsOf(await Array.fromAsync(open.pieces()))
      await open.close()
      const lines = readZip(bytes)[0]?.text.trim().split('\n') ?? []
      expect(rows).toEqual(lines.map((line) => plainRow(formOf(klines, series), line)))
      expect(rows).toHaveLength(countPlaces('1m', span))
      expect(rows[0]?.[0]).toBe(startMs)
    })
  }

  const csvs: readonly (readonly [string, Market, Period, string, string])[] = [
    ['archive-spot-csv/BTCUSDT-1h-2024-12.csv', 'spot', '1h', '2024-12-01', '2025-01-01'],
    ['archive-spot-csv/BTCUSDT-1h-2025-01.csv', 'spot', '1h', '2025-01-01', '2025-02-01'],
    ['archive-um-csv/BTCUSDT-5m-2025-01.csv', 'um', '5m', '2025-01-01', '2025-02-01'],
    ['archive-um-csv/1000PEPEUSDT-5m-2025-01.csv', 'um', '5m', '2025-01-01', '2025-02-01'],
  ]
  for (const [name, market, period, start, end] of csvs) {
    withData(`${name} is read as it is, all its month in milliseconds`, () => {
      const span = { startMs: Date.parse(start), endMs: Date.parse(end) }
      const form = formOf(klines, klineSeries('X', { market, period }))
      const text = read(name).toString()
      const lines = text.split(/\r?\n/).filter((line) => /^\d/.test(line))
      const due = lines.map((line) => plainRow(form, line))
      for (const sizes of [[262_144], [1], [997, 13]]) {
        expect(rowsOf(piecesOf(form, text, sizes, span))).toEqual(due)
      }
      expect(due).toHaveLength(countPlaces(period, span))
      for (const [openMs, closeMs] of due) expect(Number(closeMs) - Number(openMs)).toBeLessThan(3_600_000)
    })
  }
})

// Keys of archives: what reference 8.2 writes for each kind of file, and back to month and day.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  archiveKey,
  checksumKey,
  encodeKey,
  fileName,
  filePrefix,
  folderOf,
  parseKey,
  symbolsPrefix,
} from '../../src/binance/archive-paths.ts'
import type { Series } from '../../src/core/series.ts'
import { klineSeries } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/archive-paths.test.ts')
const atMs = Date.parse('2024-02-29T13:14:15.016Z')
const trades: Series = { market: 'cm', dataset: 'agg-trades', symbol: 'BTCUSD_PERP', period: null }

describe('keys', () => {
  test('are those of the reference', () => {
    const cases: [Series, string, 'month' | 'day', string][] = [
      [
        klineSeries('BTCUSDT'),
        'klines',
        'day',
        'data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-02-29.zip',
      ],
      [
        klineSeries('BTCUSDT', { period: '1M' }),
        'klines',
        'month',
        'data/spot/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2024-02.zip',
      ],
      [
        klineSeries('BTCUSDT', { market: 'um', dataset: 'mark-price-klines' }),
        'markPriceKlines',
        'month',
        'data/futures/um/monthly/markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2024-02.zip',
      ],
      [
        trades,
        'aggTrades',
        'day',
        'data/futures/cm/daily/aggTrades/BTCUSD_PERP/BTCUSD_PERP-aggTrades-2024-02-29.zip',
      ],
    ]
    for (const [series, folder, unit, key] of cases) {
      expect(archiveKey(series, folder, unit, atMs)).toBe(key)
      expect(folderOf(key) + fileName(key)).toBe(key)
      expect(folderOf(key)).toStartWith(symbolsPrefix(series.market, folder, unit))
    }
    expect(checksumKey('a.zip')).toBe('a.zip.CHECKSUM')
  })

  test('name a whole month or day again, of any time', () => {
    const anyTime = fc.date({ min: new Date('2017-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
    const property = fc.property(anyTime, fc.constantFrom('month', 'day'), (date, unit) => {
      const prefix = filePrefix(trades, 'aggTrades', unit)
      const span = parseKey(archiveKey(trades, 'aggTrades', unit, date.getTime()), prefix, unit)
      if (!span) throw new Error('no span')
      expect(span.startMs <= date.getTime() && date.getTime() < span.endMs).toBe(true)
      const next = new Date(span.endMs)
      expect(next.toISOString()).toEndWith('T00:00:00.000Z')
      if (unit === 'month') expect([next.getUTCDate(), new Date(span.startMs).getUTCDate()]).toEqual([1, 1])
      else expect(span.endMs - span.startMs).toBe(86_400_000)
    })
    fc.assert(property, runs)
  })

  test('are nothing else: dates that are none, other units, other symbols, checksums', () => {
    const prefix = filePrefix(trades, 'aggTrades', 'day')
    const of = (date: string): string => `${prefix}${date}.zip`
    expect(parseKey(of('2024-02-29'), prefix, 'day')).not.toBeNull()
    for (const date of [
      '2023-02-29',
      '2024-02-30',
      '2024-13-01',
      '2024-00-01',
      '2024-02-00',
      '2024-02',
      '24-2-1',
    ])
      expect(parseKey(of(date), prefix, 'day')).toBeNull()
    expect(parseKey(of('2024-02-29'), prefix, 'month')).toBeNull()
    expect(parseKey(`${of('2024-02-29')}.CHECKSUM`, prefix, 'day')).toBeNull()
    expect(parseKey(of('2024-02-29').replaceAll('BTC', 'ETH'), prefix, 'day')).toBeNull()
  })

  test('are percent-encoded part by part for URLs', () => {
    const series = klineSeries('币安人生USDT', { market: 'um' })
    const url = encodeKey(archiveKey(series, 'klines', 'day', atMs))
    expect(url).toMatch(/^data\/futures\/um\/daily\/klines\/(%[0-9A-F]{2})+USDT\/1m\//)
    expect(decodeURIComponent(url)).toBe(archiveKey(series, 'klines', 'day', atMs))
  })
})

// The archives as a source, against the local exchange: what is published is listed at the price of the pages
// that it needs, and sound files give the rows of the market.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { ArchiveSource } from '../../src/core/archive.ts'
import { DAY_MS } from '../../src/core/calendar.ts'
import type { Series } from '../../src/core/series.ts'
import {
  btc,
  hours,
  january,
  KEY,
  monthOf,
  NOW_MS,
  readRows,
  soundRows,
  sourceOf,
  spanOf,
  symbols,
} from '../rig/archive-case.ts'
import { type ArchiveReader, archiveReader } from '../rig/archive-reader.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import { klineSeries } from '../rig/pages.ts'

let exchange: LocalExchange
let read: ArchiveReader
let source: ArchiveSource
beforeAll(async () => {
  exchange = await startExchange({ symbols, clock: { manualMs: NOW_MS }, graceMs: 0 })
  read = archiveReader(exchange.url)
})
afterAll(() => exchange.stop())
beforeEach(() => {
  exchange.setFaults({})
  exchange.resetCounts()
  source = sourceOf(exchange.url)
})

describe('the listing', () => {
  test('has the days and months that overlap a span, and no others', async () => {
    const files = await source.list(hours, spanOf('2024-12-30T05:00Z', '2025-01-02T00:00:00.001Z'))
    const dates = ['2024-12-30', '2024-12-31', '2025-01-01', '2025-01-02']
    expect(files.map(({ key, unit }) => [unit, key.replace(/^.*-1h-|\.zip$/g, '')])).toEqual([
      ...dates.map((date) => ['day', date]),
      ['month', '2024-12'],
      ['month', '2025-01'],
    ])
    expect(files[0]).toMatchObject({
      key: 'data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12-30.zip',
      span: { startMs: Date.parse('2024-12-30'), endMs: Date.parse('2024-12-31') },
      bytes: (await read.bytes('data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12-30.zip')).length,
    })
    expect(files[5]?.span).toEqual(january)
    expect(await source.list(hours, spanOf('2025-01-05', '2025-01-05'))).toEqual([])
    expect(await source.list(klineSeries('NOUSDT'), january)).toEqual([])
  })

  test('costs a page for the last days, and for years as many as they have', async () => {
    await source.list(hours, { startMs: NOW_MS - 3 * DAY_MS, endMs: NOW_MS })
    expect(exchange.counts().archives.listings).toBe(2)
    exchange.resetCounts()
    await source.list(hours, spanOf('2022-03-01', '2022-03-04'))
    expect(exchange.counts().archives.listings).toBe(2)
    exchange.resetCounts()
    const files = await source.list(hours, { startMs: 0, endMs: NOW_MS })
    const days = files.filter(({ unit }) => unit === 'day')
    expect(days).toHaveLength(Math.floor(NOW_MS / DAY_MS) - Math.floor(btc.listedAtMs / DAY_MS))
    // Two keys a file, a thousand keys a page, and the months.
    expect(exchange.counts().archives.listings).toBe(Math.ceil(days.length / 500) + 1)
    expect(source.spent().requests).toBe(2 + 2 + Math.ceil(days.length / 500) + 1)
  })

  test('has no days of long periods, and calls a month 1mo', async () => {
    const files = await source.list(klineSeries('BTCUSDT', { period: '1M' }), january)
    expect(files.map(({ key }) => key)).toEqual([
      'data/spot/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2025-01.zip',
    ])
    expect(exchange.counts().archives.listings).toBe(1)
  })

  test('leaves out what has no CHECKSUM yet', async () => {
    exchange.setFaults({ archives: { rules: [{ kind: 'hidden', key: `${KEY}.CHECKSUM` }] } })
    expect((await source.list(hours, january)).filter(({ unit }) => unit === 'month')).toEqual([])
  })

  test('knows every symbol, delisted ones, new ones, in any script', async () => {
    expect(await source.symbols('spot', 'klines')).toEqual(['BTCUSDT', 'ICPUSDTSETTLED', '币安人生USDT'])
    expect(await source.symbols('um', 'klines')).toEqual(['BTCUSDT'])
    expect(exchange.counts().archives.listings).toBe(4)
  })
})

describe('sound files', () => {
  test('give the rows of the market, at one request each beside the CHECKSUM', async () => {
    const file = await monthOf(source)
    exchange.resetCounts()
    expect(await readRows(source, hours, file)).toEqual(await soundRows(read))
    const key = 'data/spot/daily/klines/币安人生USDT/1m/币安人生USDT-1m-2025-02-04.zip'
    const series = klineSeries('币安人生USDT')
    const [day] = await source.list(series, spanOf('2025-02-04', '2025-02-05'))
    expect(day?.key).toBe(key)
    if (day) expect(await readRows(source, series, day)).toEqual(await soundRows(read, key, series))
    const um: Series = { ...hours, market: 'um' }
    expect(await readRows(source, um, await monthOf(source, um))).toEqual(
      await soundRows(read, KEY.replace('spot', 'futures/um'), um),
    )
    const { archives, bytes } = source.spent()
    expect(archives).toBe(3)
    expect(bytes).toBe(exchange.counts().archives.zipBytes - (await sizes(key)))
  })

  /** Bytes of the zips that the test itself has read. */
  const sizes = async (key: string): Promise<number> => {
    const keys = [KEY, key, KEY.replace('spot', 'futures/um')]
    return (await Promise.all(keys.map(async (one) => (await read.bytes(one)).length))).reduce(
      (a, b) => a + b,
    )
  }

  test('say their sha256, which the CHECKSUM says too', async () => {
    const file = await monthOf(source)
    const open = await source.open(hours, file)
    expect([open.sha256, await source.checksum(file)]).toEqual(Array(2).fill(await read.checksum(KEY)))
    expect(() => {
      open.pieces()
      open.pieces()
    }).toThrow('read twice')
    await open.close()
    await open.close()
  })

  test('that are put down in the middle give back what they hold', async () => {
    const series = klineSeries('BTCUSDT')
    const open = await source.open(series, await monthOf(source, series))
    for await (const { rows } of open.pieces()) {
      expect(rows.count).toBeGreaterThan(0)
      break
    }
    await open.close()
  })
})

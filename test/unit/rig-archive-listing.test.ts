// The listing of the local exchange's archives: pages, order, folders, and sizes that are true, as reference
// 8.1 describes it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type ArchiveReader, archiveReader } from '../rig/archive-reader.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import type { SymbolSpec } from '../rig/market.ts'
import { scenarios } from '../rig/scenario.ts'
import { readZip } from '../rig/zip-reader.ts'

const day = 86_400_000
const nowMs = Date.parse('2025-02-10T12:00Z')
const listedAtMs = Date.parse('2024-02-20T10:30Z')
const btc: SymbolSpec = { market: 'spot', symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs }
const symbols: SymbolSpec[] = [
  { ...btc },
  { ...btc, symbol: '币安人生USDT', base: '币安人生' },
  { ...btc, symbol: 'ICPUSDTSETTLED', onlyInArchives: true, endsAtMs: Date.parse('2024-05-03T08:00Z') },
  { ...btc, market: 'um', listedAtMs: Date.parse('2022-03-15T00:00Z') },
  { ...btc, market: 'cm', symbol: 'BTCUSD_PERP' },
]

let exchange: LocalExchange
let read: ArchiveReader
beforeAll(async () => {
  exchange = await startExchange({ symbols, clock: { manualMs: nowMs }, graceMs: 0 })
  read = archiveReader(exchange.url)
})
afterAll(() => exchange.stop())

describe('the listing', () => {
  test('groups by the delimiter, in the order of the bytes', async () => {
    expect((await read.list({ delimiter: '/', prefix: 'data/' })).folders).toEqual([
      'data/futures/',
      'data/spot/',
    ])
    expect((await read.list({ delimiter: '/', prefix: 'data/futures/' })).folders).toEqual([
      'data/futures/cm/',
      'data/futures/um/',
    ])
    const { folders } = await read.list({ delimiter: '/', prefix: 'data/spot/monthly/klines/' })
    expect(folders).toEqual(
      ['BTCUSDT', 'ICPUSDTSETTLED', '币安人生USDT'].map((name) => `data/spot/monthly/klines/${name}/`),
    )
    expect((await read.list({ delimiter: '/', prefix: 'data/spot/monthly/klines/B' })).folders).toEqual(
      folders.slice(0, 1),
    )
    const next = await read.list({
      delimiter: '/',
      prefix: 'data/spot/monthly/klines/',
      marker: folders[0] ?? '',
    })
    expect(next.folders).toEqual(folders.slice(1))
    expect(await read.list({ delimiter: '/', prefix: 'data/option/' })).toMatchObject({
      keys: [],
      folders: [],
    })
  })

  test('goes through thousands of keys by markers without losing or doubling one', async () => {
    const from = Date.UTC(2022, 2, 15)
    const expected = ['1h', '4h']
      .flatMap((period) =>
        Array.from({ length: Math.floor((nowMs - 9 * 3_600_000 - from) / day) }, (_, i) => {
          const date = new Date(from + i * day).toISOString().slice(0, 10)
          const key = `data/futures/um/daily/klines/BTCUSDT/${period}/BTCUSDT-${period}-${date}.zip`
          return [key, `${key}.CHECKSUM`]
        }),
      )
      .flat()
    const prefix = 'data/futures/um/daily/klines/BTCUSDT/'
    expect(await read.listAll(`${prefix}1h/`)).toEqual(expected.filter((key) => key.includes('/1h/')))
    // Without a delimiter there is no next marker, and no folder.
    const bare = await read.list({ prefix: `${prefix}1h/` })
    expect([bare.keys.length, bare.isTruncated, bare.nextMarker]).toEqual([1_000, true, null])
    const withoutDelimiter = (await read.listAll(prefix, {})).filter((key) => /\/(1h|4h)\//.test(key))
    expect(withoutDelimiter).toEqual(expected)
    expect(expected.length).toBeGreaterThan(4_000)
    const byFew = await read.list({ delimiter: '/', prefix, 'max-keys': '3' })
    expect([byFew.folders.length, byFew.nextMarker]).toEqual([3, `${prefix}1d/`])
  })

  test('begins behind any marker, also one that is no key', async () => {
    const prefix = 'data/spot/daily/klines/BTCUSDT/1h/'
    const { keys } = await read.list({ delimiter: '/', prefix, marker: `${prefix}BTCUSDT-1h-2025-01-31` })
    expect(keys[0]).toBe(`${prefix}BTCUSDT-1h-2025-01-31.zip`)
    expect(keys).toHaveLength(20)
  })

  test('tells sizes and times of both files', async () => {
    const { keys, sizes, modified } = await read.list({
      prefix: 'data/spot/monthly/klines/币安人生USDT/1mo/币安人生USDT-1mo-2024-03',
    })
    expect(keys[1]).toBe(`${keys[0]}.CHECKSUM`)
    expect(modified).toEqual(['2024-04-04T00:00:00.000Z', '2024-04-04T00:00:00.000Z'])
    for (const [i, key] of keys.entries()) expect((await read.bytes(key)).length).toBe(sizes[i] ?? 0)
  })

  test('refuses what the rig cannot do', async () => {
    for (const query of ['list-type=2', 'delimiter=-', 'max-keys=0', 'encoding-type=url']) {
      expect((await fetch(`${exchange.url}/listing?prefix=data/&${query}`)).status).toBe(501)
    }
  })

  test('are of the size that the listing tells, whatever the digits and the period', async () => {
    const { symbols: specs, nowMs: atMs } = scenarios.fewWeeks
    const clock = { manualMs: atMs + 20 * day }
    const other = await startExchange({ symbols: specs, clock })
    const otherRead = archiveReader(other.url)
    const few = [
      'spot/SHIBUSDT',
      'spot/DUSTUSDT',
      'spot/LATEUSDT',
      'futures/um/币安人生USDT',
      'futures/um/AGIXUSDT',
    ]
    for (const [market, symbol] of few.map((each) => [
      each.slice(0, each.lastIndexOf('/')),
      each.split('/').at(-1),
    ])) {
      for (const period of '1m 5m 15m 1h 4h 12h 1d 3d 1w 1mo'.split(' ')) {
        const at = (frequency: string, date: string): string =>
          `data/${market}/${frequency}/klines/${symbol}/${period}/${symbol}-${period}-${date}`
        for (const prefix of [at('daily', '2024-03-1'), at('monthly', '2024-03')]) {
          const { keys, sizes } = await otherRead.list({ prefix })
          expect([prefix, keys.length > 0 || prefix.includes('/daily/')]).toEqual([prefix, true])
          for (const [i, key] of keys.entries()) {
            const bytes = await otherRead.bytes(key)
            expect([key, bytes.length]).toEqual([key, sizes[i] ?? 0])
            if (key.endsWith('.zip')) readZip(bytes)
          }
        }
      }
    }
    await other.stop()
  })
})

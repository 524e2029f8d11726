// Real archives of Binance and those of the local exchange are alike: the zip, its CHECKSUM and the CSV, byte
// for byte for the same rows. Skipped where the recordings are not.
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { archiveReader } from '../rig/archive-reader.ts'
import { startExchange } from '../rig/exchange.ts'
import type { OddCandle, SymbolSpec } from '../rig/market.ts'
import { realDataDir } from '../rig/real-data.ts'
import { readZip } from '../rig/zip-reader.ts'

const btc = { symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT' }
const nowMs = Date.parse('2025-02-10T12:00Z')

describe('real archives', () => {
  const folder = realDataDir('test/unit/rig-archive-real.test.ts')
  const testWithData = folder === null ? test.skip : test
  const read = (name: string): Buffer => readFileSync(join(folder ?? '', name))

  test.each([['2020-01-01'], ['2020-01-02']])('of %s are read by the same reader', (date) => {
    if (folder === null) return
    const zip = read(`archive-spot-zip/BTCUSDT-1m-${date}.zip`)
    const [member, ...others] = readZip(zip)
    expect([member?.name, member?.method, others]).toEqual([`BTCUSDT-1m-${date}.csv`, 8, []])
    const sha256 = new Bun.CryptoHasher('sha256').update(zip).digest('hex')
    const checksum = read(`archive-spot-zip/BTCUSDT-1m-${date}.zip.CHECKSUM`).toString()
    expect(checksum).toBe(`${sha256}  BTCUSDT-1m-${date}.zip`)
  })

  testWithData('are what the rig serves for the same rows, headers of the zip and CSV alike', async () => {
    const zip = read('archive-spot-zip/BTCUSDT-1m-2020-01-01.zip')
    const cases = [
      ['spot', '1m', '2020-01-01', 'daily', readZip(zip)[0]?.text ?? ''],
      ['spot', '1h', '2024-12', 'monthly', read('archive-spot-csv/BTCUSDT-1h-2024-12.csv').toString()],
      ['spot', '1h', '2025-01', 'monthly', read('archive-spot-csv/BTCUSDT-1h-2025-01.csv').toString()],
      ['um', '5m', '2025-01', 'monthly', read('archive-um-csv/BTCUSDT-5m-2025-01.csv').toString()],
    ] as const
    for (const [market, period, date, frequency, text] of cases) {
      const startMs = Date.parse(date)
      const odd = text
        .trim()
        .split('\n')
        .filter((line) => /^\d/.test(line))
        .map((line) => oddOf(line, period))
      const outages = [{ startMs, endMs: Number.MAX_SAFE_INTEGER }]
      const spec: SymbolSpec = { ...btc, market, listedAtMs: startMs, outages, odd }
      const other = await startExchange({ symbols: [spec], clock: { manualMs: nowMs } })
      const root = market === 'spot' ? 'spot' : 'futures/um'
      const key = `data/${root}/${frequency}/klines/BTCUSDT/${period}/BTCUSDT-${period}-${date}.zip`
      const served = await archiveReader(other.url).bytes(key)
      await other.stop()
      expect(readZip(served)[0]?.text === text).toBe(true)
      if (frequency === 'monthly') continue
      // Signature, version, flags and method; then the length of name and extra field, and the name.
      const fields = (bytes: Uint8Array): number[] => [...bytes.subarray(0, 10), ...bytes.subarray(26, 55)]
      expect(fields(served)).toEqual(fields(zip))
    }
  })
})

const MICROSECONDS_FROM = 1e14
function oddOf(line: string, period: OddCandle['period']): OddCandle {
  const [open = '', ...rest] = line.split(',')
  const ms = (text: string): number =>
    Number(text) >= MICROSECONDS_FROM ? Math.floor(Number(text) / 1_000) : Number(text)
  const [o = '', high = '', low = '', close = '', volume = '', closeTime = '', quoteVolume = '', trades] =
    rest
  const [takerBase = '', takerQuote = '', ignore = ''] = rest.slice(8)
  return {
    period,
    openMs: ms(open),
    closeMs: ms(closeTime),
    ...{ open: o, high, low, close, volume, quoteVolume, takerBase, takerQuote, ignore },
    trades: Number(trades),
  }
}

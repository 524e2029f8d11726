// The archives of the local exchange: names, zips, checksums, CSV and publication, as reference 8 describes
// them, and the same rows as over REST.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromLines } from '../rig/archive-csv.ts'
import { type ArchiveReader, archiveReader } from '../rig/archive-reader.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import type { SymbolSpec } from '../rig/market.ts'
import { readZip } from '../rig/zip-reader.ts'

const day = 86_400_000
const nowMs = Date.parse('2025-02-10T12:00Z')
const listedAtMs = Date.parse('2024-02-20T10:30Z')
const btc: SymbolSpec = { market: 'spot', symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs }
const outage = { startMs: Date.parse('2024-03-10T05:00Z'), endMs: Date.parse('2024-03-12T07:30Z') }
const symbols: SymbolSpec[] = [
  { ...btc, outages: [outage] },
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
beforeEach(() => {
  exchange.setNowMs(nowMs)
  exchange.setFaults({})
  exchange.resetCounts()
})

const monthKey = 'data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-04.zip'

describe('zips', () => {
  test('hold one member, and their sha256 is that of CHECKSUM', async () => {
    const zip = await read.bytes(monthKey)
    const [member] = readZip(zip)
    expect(member?.name).toBe('BTCUSDT-1m-2024-04.csv')
    expect(member?.text.split('\n')).toHaveLength(30 * 1_440 + 1)
    const checksum = await (await read.get(`${monthKey}.CHECKSUM`)).text()
    const sha256 = new Bun.CryptoHasher('sha256').update(zip).digest('hex')
    expect(checksum).toBe(`${sha256}  BTCUSDT-1m-2024-04.zip`)
  })

  const python =
    'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(z.namelist())'
  const readers = [
    ['unzip', '-t'],
    ['python3', '-c', python],
  ].filter(([program = '']) => Bun.which(program) !== null)
  if (readers.length === 0) console.warn('SKIPPED in rig-archives.test.ts: neither unzip nor python3 is here')
  test.each(readers)('are accepted by %s', async (...command) => {
    const folder = mkdtempSync(join(tmpdir(), 'rig-archives-'))
    const path = join(folder, 'one.zip')
    await Bun.write(path, await read.bytes(monthKey.replaceAll('BTC', '币安人生')))
    const run = Bun.spawnSync([...command, path])
    rmSync(folder, { recursive: true })
    expect([run.exitCode, run.stdout.toString()]).toEqual([0, expect.stringContaining('1m-2024-04.csv')])
  })

  test('tell length, time and type', async () => {
    const response = await read.get(monthKey)
    expect(Number(response.headers.get('content-length'))).toBe((await response.bytes()).length)
    expect(response.headers.get('last-modified')).toBe('Sat, 04 May 2024 00:00:00 GMT')
    expect(response.headers.get('content-type')).toBe('application/zip')
    const again = await read.get(`${monthKey}.CHECKSUM`)
    expect(Number(again.headers.get('content-length'))).toBe((await again.text()).length)
  })

  test('hold the rows of REST, digit for digit', async () => {
    const daily = (path: string, name: string, date: string): string => `data/${path}/${name}-${date}.zip`
    const cases = [
      [daily('spot/daily/klines/BTCUSDT/1m', 'BTCUSDT-1m', '2024-03-10'), '/api/v3/klines', '1m', 'BTCUSDT'],
      [daily('spot/daily/klines/BTCUSDT/1d', 'BTCUSDT-1d', '2024-06-01'), '/api/v3/klines', '1d', 'BTCUSDT'],
      [monthKey.replaceAll('1m', '1h'), '/api/v3/klines', '1h', 'BTCUSDT'],
      [monthKey.replaceAll('1m', '1mo'), '/api/v3/klines', '1M', 'BTCUSDT'],
      [
        daily('futures/um/daily/klines/BTCUSDT/5m', 'BTCUSDT-5m', '2022-04-30'),
        '/fapi/v1/klines',
        '5m',
        'BTCUSDT',
      ],
    ] as const
    for (const [key, path, interval, symbol] of cases) {
      const date = /(\d{4}-\d\d(?:-\d\d)?)\.zip/.exec(key)?.[1] ?? ''
      const startMs = Date.parse(date)
      const endMs = date.length === 10 ? startMs + day : Date.parse('2024-05-01')
      const rows: unknown[][] = []
      for (let fromMs = startMs; ; ) {
        const bounds = `startTime=${fromMs}&endTime=${endMs - 1}&limit=1000`
        const query = `symbol=${symbol}&interval=${interval}&${bounds}`
        const page = (await (await fetch(`${exchange.url}${path}?${query}`)).json()) as unknown[][]
        rows.push(...page)
        if (page.length < 1_000) break
        fromMs = Number(page.at(-1)?.[0]) + 1
      }
      expect(rows.length).toBeGreaterThan(0)
      expect(await read.csv(key)).toBe(rows.map((row) => `${row.join(',')}\n`).join(''))
    }
  })

  test('of spot are in microseconds from 2025 on, those of futures never', async () => {
    const spot = (date: string): Promise<string> =>
      read.csv(`data/spot/daily/klines/BTCUSDT/12h/BTCUSDT-12h-${date}.zip`)
    expect(await spot('2024-12-31')).toMatch(/^1735603200000,[\d.,]+,1735646399999,.*\n1735646400000,.*\n$/)
    expect(await spot('2025-01-01')).toMatch(
      /^1735689600000000,[\d.,]+,1735732799999999,.*\n1735732800000000,/,
    )
    const um = await read.csv('data/futures/um/daily/klines/BTCUSDT/12h/BTCUSDT-12h-2025-01-01.zip')
    expect(um.split('\n')[1]).toMatch(/^1735689600000,[\d.,]+,1735732799999,/)
  })

  test('of futures have a header from May 2022 on, those of spot never, unless told otherwise', async () => {
    const um = (date: string): Promise<string> =>
      read.csv(`data/futures/um/monthly/klines/BTCUSDT/1d/BTCUSDT-1d-${date}.zip`)
    expect((await um('2022-04')).split('\n')).toHaveLength(31)
    expect((await um('2022-05')).split('\n')).toHaveLength(33)
    expect((await um('2022-05')).split('\n')[0]).toBe(
      'open_time,open,high,low,close,volume,close_time,quote_volume,count,' +
        'taker_buy_volume,taker_buy_quote_volume,ignore',
    )
    const other = await startExchange({
      symbols,
      clock: { manualMs: nowMs },
      archives: { headers: 'always' },
    })
    const zip = await fetch(`${other.url}/archive/data/spot/monthly/klines/BTCUSDT/1d/BTCUSDT-1d-2024-04.zip`)
    expect(readZip(await zip.bytes())[0]?.text).toStartWith('open_time,')
    await other.stop()
  })
})

describe('what is there', () => {
  test('daily files up to a day, monthly ones of every period, no seconds on futures', async () => {
    const spotDaily = await read.list({ delimiter: '/', prefix: 'data/spot/daily/klines/BTCUSDT/' })
    const periods = '12h 15m 1d 1h 1m 1s 2h 30m 3m 4h 5m 6h 8h'.split(' ')
    const under = (prefix: string, names: string[]): string[] => names.map((name) => `${prefix}${name}/`)
    expect(spotDaily.folders).toEqual(under('data/spot/daily/klines/BTCUSDT/', periods))
    const monthly = await read.list({ delimiter: '/', prefix: 'data/futures/um/monthly/klines/BTCUSDT/' })
    const umPeriods = '12h 15m 1d 1h 1m 1mo 1w 2h 30m 3d 3m 4h 5m 6h 8h'.split(' ')
    expect(monthly.folders).toEqual(under('data/futures/um/monthly/klines/BTCUSDT/', umPeriods))
  })

  test('also what exchangeInfo and REST no longer know, up to its end', async () => {
    const keys = await read.listAll('data/spot/monthly/klines/ICPUSDTSETTLED/1d/')
    expect(keys.at(-2)).toBe('data/spot/monthly/klines/ICPUSDTSETTLED/1d/ICPUSDTSETTLED-1d-2024-05.zip')
    expect((await read.csv(keys.at(-2) ?? '')).split('\n')).toHaveLength(4)
    expect((await fetch(`${exchange.url}/api/v3/klines?symbol=ICPUSDTSETTLED&interval=1d`)).status).toBe(400)
    expect(await (await fetch(`${exchange.url}/api/v3/exchangeInfo`)).text()).not.toContain('SETTLED')
  })

  test('nothing before the listing, nor of a day that was an outage from end to end', async () => {
    const days = (await read.listAll('data/spot/daily/klines/BTCUSDT/1m/')).filter((key) =>
      key.endsWith('.zip'),
    )
    expect(days[0]).toEndWith('2024-02-20.zip')
    expect(days.some((key) => key.endsWith('2024-03-11.zip'))).toBe(false)
    expect(days.some((key) => key.endsWith('2024-03-10.zip'))).toBe(true)
    expect(await read.status('data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-03-11.zip')).toBe(404)
  })

  test('everything else is 404, in XML', async () => {
    const response = await read.get(monthKey.replace('2024-04', '2019-04'))
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/xml'])
    expect(await response.text()).toContain('<Code>NoSuchKey</Code>')
    for (const key of [
      'data/spot/monthly/klines/NOPEUSDT/1m/NOPEUSDT-1m-2024-04.zip',
      'data/spot/monthly/klines/BTCUSDT/1M/BTCUSDT-1M-2024-04.zip',
      'data/spot/daily/klines/BTCUSDT/3d/BTCUSDT-3d-2024-04-01.zip',
      'data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-04-31.zip',
      'data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-4-1.zip',
      'data/futures/um/daily/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-04-01.zip',
      'data/spot/monthly/klines/BTCUSDT/1m/',
      '%zz',
    ]) {
      expect([key, await read.status(key)]).toEqual([key, 404])
    }
    expect((await fetch(`${exchange.url}/archive/${monthKey}`, { method: 'POST' })).status).toBe(405)
  })

  test('a week that runs over the end of its month is left out while it runs', async () => {
    const csv = await read.csv('data/spot/monthly/klines/BTCUSDT/1w/BTCUSDT-1w-2024-04.zip')
    const opens = csv
      .trim()
      .split('\n')
      .map((line) => new Date(Number(line.split(',')[0])).getUTCDate())
    // Monday the 29th closes on Sunday the 5th, two days after the file is published.
    expect(opens).toEqual([1, 8, 15, 22])
  })
})

test('datasets of single lines are gathered to chunks, and asked for no more than is taken', () => {
  let asked = 0
  const render = fromLines(function* () {
    for (; asked < 1_000_000; asked += 1) yield `${asked},1.50000000,True`
  })
  const [first, second] = render(btc, null, { startMs: 0, endMs: day }, { microseconds: false })
  const lines = `${first}${second}`.split('\n')
  expect(lines.slice(0, 2)).toEqual(['0,1.50000000,True', '1,1.50000000,True'])
  expect(lines.pop()).toBe('')
  expect(lines.length).toBeLessThan(200_000)
  expect(Math.abs(asked - lines.length)).toBeLessThan(2)
})

describe('publication', () => {
  const dayKey = 'data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-04-30.zip'
  const endMs = Date.parse('2024-05-01T00:00Z')

  test('a day is there nine hours after its end, a month three days after', async () => {
    exchange.setNowMs(endMs + 9 * 3_600_000 - 1)
    expect(await read.status(dayKey)).toBe(404)
    expect(await read.listAll(dayKey)).toEqual([])
    exchange.setNowMs(endMs + 9 * 3_600_000)
    expect([await read.status(dayKey), await read.status(`${dayKey}.CHECKSUM`)]).toEqual([200, 200])
    expect(await read.listAll(dayKey)).toHaveLength(2)
    expect(await read.status(monthKey)).toBe(404)
    exchange.setNowMs(endMs + 3 * day)
    expect(await read.status(monthKey)).toBe(200)
  })

  test('delays can be others, for all or for single keys', async () => {
    const archives = { dailyDelayMs: 1_000, monthlyDelayMs: 2_000 }
    const other = await startExchange({ symbols, clock: { manualMs: endMs + 1_000 }, archives })
    const statuses = async (): Promise<number[]> =>
      Promise.all([dayKey, monthKey].map(async (key) => (await fetch(`${other.url}/archive/${key}`)).status))
    expect(await statuses()).toEqual([200, 404])
    other.setNowMs(endMs + 2_000)
    expect(await statuses()).toEqual([200, 200])
    other.setFaults({ archives: { rules: [{ kind: 'delayed', key: dayKey, delayMs: 5 * day }] } })
    expect(await statuses()).toEqual([404, 200])
    other.setNowMs(endMs + 5 * day)
    expect(await statuses()).toEqual([200, 200])
    await other.stop()
  })
})

test('requests are counted for themselves, by kind and by key, and logged', async () => {
  await read.bytes(monthKey)
  await read.bytes(monthKey)
  await read.bytes(`${monthKey}.CHECKSUM`)
  await read.status(monthKey.replace('2024-04', '2019-04'))
  await read.list({ delimiter: '/', prefix: 'data/' })
  const { archives, requests } = exchange.counts()
  expect(requests).toBe(0)
  expect(archives).toMatchObject({
    zips: 3,
    checksums: 1,
    listings: 1,
    byKey: { [monthKey]: 2, [`${monthKey}.CHECKSUM`]: 1 },
    byPrefix: { 'data/': 1 },
    byStatus: { 200: 4, 404: 1 },
    byFault: {},
  })
  expect(archives.zipBytes).toBe(2 * (await read.bytes(monthKey)).length)
  expect(exchange.log().map(({ status }) => status)).toEqual([200, 200, 200, 404, 200, 200])
  exchange.resetCounts()
  expect(exchange.counts().archives).toMatchObject({ zips: 0, byKey: {} })
})

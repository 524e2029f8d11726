// The faults of the archives do what their names say, to the keys that they are for, while they are on.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { type ArchiveReader, archiveReader, type ListedPage } from '../rig/archive-reader.ts'
import type { ArchiveFaultKind, ArchiveFaults, ArchiveRule } from '../rig/archive-rules.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'
import type { SymbolSpec } from '../rig/market.ts'
import { type ReadMember, readZip } from '../rig/zip-reader.ts'

const nowMs = Date.parse('2024-06-10T12:00Z')
const listedAtMs = Date.parse('2024-04-20T10:30Z')
const btc: SymbolSpec = { market: 'spot', symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', listedAtMs }
const um: SymbolSpec = { ...btc, market: 'um' }
const eth: SymbolSpec = { ...btc, symbol: 'ETHUSDT' }
const key = 'data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-05.zip'
const otherKey = key.replaceAll('BTC', 'ETH')
const umKey = key.replace('spot', 'futures/um')
const ROWS = 31 * 24

let exchange: LocalExchange
let read: ArchiveReader
beforeAll(async () => {
  exchange = await startExchange({ symbols: [btc, um, eth], clock: { manualMs: nowMs }, graceMs: 0 })
  read = archiveReader(exchange.url)
})
afterAll(() => exchange.stop())
beforeEach(() => {
  exchange.setNowMs(nowMs)
  exchange.setFaults({})
  exchange.resetCounts()
})

const set = (archives: ArchiveFaults): void => exchange.setFaults({ archives })
const rule = (kind: ArchiveFaultKind, more: Partial<ArchiveRule> = {}): void =>
  set({ rules: [{ kind, key, ...more }] })
const get = (of = key): Promise<Uint8Array> => read.bytes(of)
const sha256 = (bytes: Uint8Array): string => new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
const checksum = (of = key): Promise<string> => read.checksum(of)
const only = (members: readonly ReadMember[]): string => members[0]?.text ?? ''
const lines = async (of = key): Promise<string[]> =>
  only(readZip(await get(of)))
    .trimEnd()
    .split('\n')
const listed = (prefix = key): Promise<ListedPage> => read.list({ prefix, delimiter: '/' })

describe('checksums', () => {
  test('are wrong always, or for the first downloads of each key', async () => {
    rule('wrong-checksum')
    const right = sha256(await get())
    for (let i = 0; i < 3; i += 1) {
      expect(await checksum()).toMatch(/^[0-9a-f]{64}$/)
      expect(await checksum()).not.toBe(right)
    }
    set({ rules: [{ kind: 'wrong-checksum', times: 2 }] })
    const seen = [await checksum(), await checksum(), await checksum()].map((each) => each === right)
    expect(seen).toEqual([false, false, true])
    expect((await checksum(otherKey)) === sha256(await get(otherKey))).toBe(false)
    expect(exchange.counts().archives.byFault).toEqual({ 'wrong-checksum': 9 })
  })
})

describe('zips', () => {
  /** What the reader says, whether CHECKSUM and listing are those of what is served. */
  async function judged(): Promise<{ says: string; signed: boolean }> {
    const zip = await get()
    const signed = sha256(zip) === (await checksum()) && zip.length === (await listed()).sizes[0]
    try {
      readZip(zip)
      return { says: 'sound', signed }
    } catch (error) {
      return { says: String(error), signed }
    }
  }

  const cases: [ArchiveFaultKind, RegExp][] = [
    ['short-zip', /no end of a zip/],
    ['wrong-crc', /another CRC/],
    ['wrong-size', /another size/],
    ['flipped-byte', /Error/],
  ]
  test.each(cases)('%s is damaged, and signed so', async (kind, says) => {
    rule(kind)
    expect(await judged()).toEqual({ says: expect.stringMatching(says), signed: true })
    rule(kind, { unsigned: true })
    expect(await judged()).toEqual({ says: expect.stringMatching(says), signed: false })
    rule(kind, { times: 1 })
    expect((await judged()).says).toMatch(says)
    expect(await judged()).toEqual({ says: 'sound', signed: true })
  })

  test('short-zip is as short as it is told, and announced as whole', async () => {
    rule('short-zip', { bytes: 100 })
    const response = await read.get(key)
    expect([response.headers.get('content-length'), (await response.bytes()).length]).toEqual(['100', 100])
  })

  test('wrong-size declares gigabytes', async () => {
    rule('wrong-size')
    expect(Buffer.from(await get()).readUInt32LE(22)).toBe(0xffff_fffe)
  })

  test('a bomb is small, and grows to what it declares, rows or zeros', async () => {
    const bytes = 64 * 1024 * 1024
    for (const filling of ['rows', 'zeros'] as const) {
      rule('bomb', { bytes, filling })
      const zip = await get()
      expect(zip.length).toBeLessThan(1024 * 1024)
      const text = only(readZip(zip))
      expect(text.length).toBeGreaterThan(bytes)
      expect(text.slice(-2)).toBe(filling === 'zeros' ? '\0\0' : '0\n')
    }
    rule('bomb', { bytes: 3 * 1024 ** 3 })
    const zip = await get()
    expect(zip.length).toBeLessThan(32 * 1024 * 1024)
    expect(Buffer.from(zip).readUInt32LE(22)).toBeGreaterThan(3 * 1024 ** 3)
  })

  test('other-member, two-members and stored-member are sound, and not as usual', async () => {
    const usual = only(readZip(await get()))
    rule('other-member')
    expect(readZip(await get())).toEqual([{ name: 'other-BTCUSDT-1h-2024-05.csv', method: 8, text: usual }])
    rule('two-members')
    expect(readZip(await get()).map(({ name }) => name)).toEqual(['BTCUSDT-1h-2024-05.csv', 'README.txt'])
    rule('stored-member')
    expect(readZip(await get())).toEqual([{ name: 'BTCUSDT-1h-2024-05.csv', method: 0, text: usual }])
    expect(await judged()).toEqual({ says: 'sound', signed: true })
    expect((await lines(otherKey)).length).toBe(ROWS)
  })
})

describe('rows', () => {
  test('unsorted: two halves interleaved, every row once', async () => {
    const usual = await lines()
    rule('unsorted-rows')
    const rows = await lines()
    expect(rows.slice(0, 4)).toEqual([usual[ROWS / 2], usual[0], usual[ROWS / 2 + 1], usual[1]].map(String))
    expect(rows.toSorted()).toEqual(usual.toSorted())
  })

  test('doubled: the same again, row by row or block by block', async () => {
    const usual = await lines()
    rule('doubled-rows')
    const rows = await lines()
    expect(rows.length).toBeGreaterThan(ROWS + ROWS / 40)
    expect(rows.filter((row, i) => row !== rows[i - 1])).toEqual(usual)
    rule('doubled-rows', { rows: 24 })
    const blocks = await lines()
    expect(blocks.slice(24, 48)).toEqual(usual.slice(0, 24))
    expect([...new Set(blocks)]).toEqual(usual)
    expect((blocks.length - ROWS) % 24).toBe(0)
  })

  test('contradictory: the same open time again, with another volume', async () => {
    const usual = await lines()
    rule('contradictory-rows')
    const rows = await lines()
    const added = rows.filter((row) => !usual.includes(row))
    expect(added.length).toBe(rows.length - ROWS)
    expect(added.length).toBeGreaterThan(ROWS / 40)
    for (const row of added) {
      const original = usual.find((each) => each.startsWith(row.slice(0, 13)))?.split(',') ?? []
      const differing = row.split(',').flatMap((field, i) => (field === original[i] ? [] : [i]))
      expect(differing).toEqual([5])
    }
  })

  test('altered: another volume than over REST', async () => {
    const usual = await lines()
    rule('altered-rows', { seed: 7 })
    const rows = await lines()
    expect(rows.map((row) => row.split(',')[0])).toEqual(usual.map((row) => row.split(',')[0]))
    expect(rows.filter((row, i) => row !== usual[i]).length).toBeGreaterThan(ROWS / 40)
    expect(await lines()).toEqual(rows)
  })

  test('missing: an hour that REST has', async () => {
    const fromMs = Date.parse('2024-05-09T07:00Z')
    const usual = await lines()
    rule('missing-rows', { fromMs, toMs: fromMs + 2 * 3_600_000 })
    const rows = await lines()
    expect(rows).toHaveLength(ROWS - 2)
    expect(rows).toEqual(usual.filter((row) => !/^17152380{5}|^17152416{1}0{5}/.test(row)))
  })

  test('torn: a row that lost its middle', async () => {
    rule('torn-row')
    const [first, second] = await lines()
    expect((first ?? '').split(',').length).toBeLessThan((second ?? '').split(',').length)
  })

  test('and headers stay in front of all of it', async () => {
    rule('unsorted-rows', { key: 'data/**' })
    expect((await lines(umKey))[0]).toStartWith('open_time,')
    expect(await lines(umKey)).toHaveLength(ROWS + 1)
  })
})

describe('publication', () => {
  test('anew: the same key has other content, checksum and time from a moment on', async () => {
    const untilMs = nowMs + 1_000
    rule('altered-rows', { untilMs })
    const before = [await get(), await checksum(), await listed()] as const
    expect(sha256(before[0])).toBe(before[1])
    exchange.setNowMs(untilMs)
    const after = [await get(), await checksum(), await listed()] as const
    expect(sha256(after[0])).toBe(after[1])
    expect(after[1]).not.toBe(before[1])
    expect(before[2].modified[0]).toBe('2024-06-04T00:00:00.000Z')
    expect(after[2].modified[0]).toBe('2024-06-10T12:00:01.000Z')
    expect(after[2].etags[0]).not.toBe(before[2].etags[0] ?? '')
    exchange.setFaults({})
    expect(only(readZip(await get()))).toBe(only(readZip(after[0])))
  })

  test('hidden keys are neither listed nor there, nor their checksums; gone ones are listed', async () => {
    const checksumKey = `${key}.CHECKSUM`
    const statuses = async (): Promise<number[]> => [await read.status(key), await read.status(checksumKey)]
    rule('hidden')
    expect([(await listed()).keys, await statuses()]).toEqual([[], [404, 404]])
    rule('gone')
    expect([(await listed()).keys, await statuses()]).toEqual([
      [key, checksumKey],
      [404, 404],
    ])
    rule('hidden', { key: checksumKey })
    expect([(await listed()).keys, await statuses()]).toEqual([[key], [200, 404]])
    rule('hidden', { key: 'data/spot/**', untilMs: nowMs + 1 })
    expect((await listed('data/')).folders).toEqual(['data/futures/'])
    exchange.setNowMs(nowMs + 1)
    expect((await listed('data/')).folders).toEqual(['data/futures/', 'data/spot/'])
  })
})

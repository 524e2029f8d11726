// Zips of one member: what is in them comes out byte by byte, whatever is wrong with them is said before or
// while it is inflated, and a bomb costs no more than what it declares.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { memberBytes } from '../../src/binance/inflate.ts'
import { type ZipBytes, zipMember } from '../../src/binance/zip.ts'
import { MalformedError } from '../../src/errors.ts'
import { deflatedMember, fragmentOf, type Member, storedMember, zipOf } from '../rig/archive-zip.ts'
import { runsFor } from '../rig/seed.ts'
import { wideZip } from '../rig/wide-zip.ts'

const runs = runsFor('test/unit/zip.test.ts', 100)
const NAME = 'BTCUSDT-1m-2024-01.csv'
const TEXT = 'one,two\n'.repeat(1_000)

/** The bytes of a zip, and how many of them were asked for. */
function inMemory(bytes: Uint8Array): ZipBytes & { readonly asked: () => number } {
  let asked = 0
  return {
    length: bytes.length,
    read: async (at, length) => {
      asked += length
      return bytes.subarray(at, at + length)
    },
    asked: () => asked,
  }
}

const zipped = (...members: readonly Member[]): Buffer => Buffer.concat(zipOf(members, Date.UTC(2024, 0, 1)))
const sound = (text: string | Uint8Array = TEXT): Buffer => zipped(deflatedMember(NAME, [fragmentOf(text)]))

async function inflated(bytes: Uint8Array, name = NAME): Promise<Buffer> {
  const zip = inMemory(bytes)
  const chunks: Uint8Array[] = []
  for await (const chunk of memberBytes(zip, await zipMember(zip, name))) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** What is wrong with a zip; a test that expects nothing fails on it. */
async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    await inflated(bytes)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return error.message
  }
  return 'accepted'
}

/** A sound zip with a number of its headers changed: of the entry in the directory, or where `at` says. */
function changed(change: (zip: Buffer, entryAt: number) => void, zip = sound()): Buffer {
  const copy = Buffer.from(zip)
  change(copy, copy.indexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02])))
  return copy
}

describe('what is in a zip', () => {
  test('comes out as it went in, deflated and stored, empty and large, with a comment', async () => {
    expect((await inflated(sound())).toString()).toBe(TEXT)
    expect((await inflated(zipped(storedMember(NAME, [Buffer.from(TEXT)])))).toString()).toBe(TEXT)
    expect(await inflated(sound(''))).toHaveLength(0)
    const large = Buffer.alloc(5_000_000, 'a line with 0123456789, and another\n')
    expect((await inflated(sound(large))).equals(large)).toBe(true)
    const comment = Buffer.from('PK\u0005\u0006 is no end')
    const commented = Buffer.concat([
      changed((zip) => zip.writeUInt16LE(comment.length, zip.length - 2)),
      comment,
    ])
    expect((await inflated(commented)).toString()).toBe(TEXT)
  })

  test('comes out where its sizes and places stand in 64 bits', async () => {
    expect((await inflated(wideZip(NAME, TEXT))).toString()).toBe(TEXT)
  })

  test('is any bytes at all', async () => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
      expect((await inflated(sound(bytes))).equals(bytes)).toBe(true)
    })
    await fc.assert(property, runs)
  })
})

describe('a zip is refused', () => {
  const cases: [string, Buffer, RegExp][] = [
    ['that is none', Buffer.from('<html>no zip</html>'), /no directory/],
    ['that is empty', Buffer.alloc(0), /no directory/],
    ['with no member', zipped(), /0 members/],
    [
      'with two members',
      zipped(deflatedMember(NAME, [fragmentOf('a')]), deflatedMember('b', [])),
      /2 members/,
    ],
    ['with another member', zipped(deflatedMember('other.csv', [fragmentOf('a')])), /"other.csv", not BTC/],
    ['with a password', changed((zip, at) => zip.writeUInt16LE(1, at + 8)), /encrypted/],
    ['with a password in its member', changed((zip) => zip.writeUInt16LE(1, 6)), /encrypted/],
    ['of another method', changed((zip, at) => zip.writeUInt16LE(12, at + 10)), /method 12/],
    ['with two names', changed((zip) => zip.write('X', 30)), /two names/],
    [
      'whose member is elsewhere',
      changed((zip, at) => zip.writeUInt32LE(5, at + 42)),
      /does not begin where/,
    ],
    ['whose member is outside', changed((zip, at) => zip.writeUInt32LE(999_999, at + 42)), /outside/],
    [
      'whose member is too long',
      changed((zip, at) => zip.writeUInt32LE(9_999, at + 20)),
      /before its directory/,
    ],
    ['whose directory is outside', changed((zip) => zip.writeUInt32LE(999_999, zip.length - 6)), /outside/],
    ['whose directory is another', changed((zip) => zip.writeUInt32LE(0, zip.length - 6)), /garbled/],
    ['in parts', changed((zip) => zip.writeUInt16LE(1, zip.length - 18)), /several parts/],
    ['with a wrong CRC', changed((zip, at) => zip.writeUInt32LE(7, at + 16)), /CRC/],
    [
      'with less than it says',
      changed((zip, at) => zip.writeUInt32LE(TEXT.length + 1, at + 24)),
      /in place of/,
    ],
    [
      'with more than it says',
      changed((zip, at) => zip.writeUInt32LE(TEXT.length - 1, at + 24)),
      /more than/,
    ],
    ['stored, with two sizes', changed((zip, at) => zip.writeUInt16LE(0, at + 10)), /contradict/],
    [
      'with something behind its data',
      zipped({
        ...deflatedMember(NAME, [fragmentOf(TEXT)]),
        parts: [fragmentOf(TEXT).deflated, Buffer.from([3, 0, 9, 9])],
      }),
      /ends after/,
    ],
    [
      'whose data has no end',
      zipped({ ...deflatedMember(NAME, [fragmentOf(TEXT)]), parts: [fragmentOf(TEXT).deflated] }),
      /does not inflate/,
    ],
  ]
  for (const [name, zip, says] of cases) {
    test(name, async () => {
      expect(await refusal(zip)).toMatch(says)
    })
  }

  test('that is cut anywhere, and one with any byte changed gives the same bytes or none', async () => {
    const zip = sound('some,text\n'.repeat(20))
    const wide = wideZip(NAME, 'some,text\n'.repeat(20))
    for (const whole of [zip, wide]) {
      for (let length = 0; length < whole.length; length += 1)
        expect(await refusal(whole.subarray(0, length))).not.toBe('accepted')
    }
    const property = fc.asyncProperty(
      fc.boolean(),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (isWide, at, by) => {
        const damaged = Buffer.from(isWide ? wide : zip)
        const index = at % damaged.length
        damaged[index] = (damaged[index] ?? 0) ^ by
        const message = await refusal(damaged)
        if (message === 'accepted')
          expect((await inflated(damaged)).toString()).toBe('some,text\n'.repeat(20))
      },
    )
    await fc.assert(property, { ...runs, numRuns: runs.numRuns * 10 })
  })
})

describe('a bomb', () => {
  const MEGABYTE = 1024 ** 2
  const bomb = fragmentOf(Buffer.alloc(MEGABYTE), 9)
  const member = deflatedMember(NAME, Array(1_000).fill(bomb))

  test('that says what it is is refused by its sizes alone', async () => {
    expect(await refusal(zipped(member))).toMatch(/inflates from \d+ to 1048576000 bytes/)
    const huge = wideZip(NAME, TEXT)
    huge.writeBigUInt64LE(2n ** 40n, huge.indexOf(Buffer.from([1, 0, 24, 0])) + 4)
    expect(await refusal(huge)).toMatch(/says that it has 1099511627776 bytes/)
  })

  test('that lies is left as soon as it has more than it says', async () => {
    const zip = inMemory(zipped({ ...member, bytes: MEGABYTE }))
    let bytes = 0
    const inflate = async (): Promise<void> => {
      for await (const chunk of memberBytes(zip, await zipMember(zip, NAME))) bytes += chunk.length
    }
    await expect(inflate()).rejects.toThrow('more than 1048576 bytes')
    expect(bytes).toBeLessThanOrEqual(MEGABYTE)
  })

  test('is inflated no faster than it is taken', async () => {
    const zip = inMemory(zipped({ ...member, bytes: 1_000 * MEGABYTE }))
    // As if the ratio were within its limit: what counts here is what is held.
    const found = { ...(await zipMember(inMemory(sound()), NAME)), bytes: 1_000 * MEGABYTE }
    const places = {
      at: 30 + NAME.length,
      packedBytes: member.parts.reduce((sum, part) => sum + part.length, 0),
    }
    Bun.gc(true)
    const before = process.memoryUsage().rss
    let peak = before
    for await (const chunk of memberBytes(zip, { ...found, ...places, crc32: member.crc })) {
      peak = Math.max(peak, process.memoryUsage().rss)
      expect(chunk.length).toBeLessThanOrEqual(256 * 1024)
    }
    expect(peak - before).toBeLessThan(100 * MEGABYTE)
  })

  test('that nobody reads to its end is given up', async () => {
    const zip = inMemory(sound(Buffer.alloc(20 * MEGABYTE, 'some text, again and again\n')))
    for await (const chunk of memberBytes(zip, { ...(await zipMember(zip, NAME)) })) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
  })

  test('that cannot be read says why', async () => {
    const zip = inMemory(sound())
    const found = await zipMember(zip, NAME)
    const broken: ZipBytes = { ...zip, read: async () => Promise.reject(new Error('the disk is gone')) }
    const inflate = async (): Promise<void> => {
      for await (const chunk of memberBytes(broken, found)) expect(chunk).toBeDefined()
    }
    await expect(inflate()).rejects.toThrow('the disk is gone')
  })
})

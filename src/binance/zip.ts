// Finds the one member of a zip of the archives (reference 8.4) by its directory, and nothing more: what has
// two members, another name, a password or sizes that cannot be is refused before a byte is inflated.
import { MalformedError } from '../errors.ts'

/** The bytes of a zip, in memory or in a file. */
export type ZipBytes = {
  readonly length: number
  /** Exactly `length` bytes from `at` on. */
  read(at: number, length: number): Promise<Uint8Array>
}

export type ZipMember = {
  readonly method: 'deflate' | 'stored'
  /** Where its data begins in the zip, and how long it is there and when it is inflated. */
  readonly at: number
  readonly packedBytes: number
  readonly bytes: number
  readonly crc32: number
}

/** The largest month of trades has some 20 GB. */
export const MOST_INFLATED_BYTES = 64 * 1024 ** 3

/** Flat candles of a dead market inflate to 22 times their size; a bomb to a thousand times. */
export const MOST_RATIO = 100
/** Below this the ratio is not looked at. */
const SMALL_BYTES = 1024 ** 2

const [END, END_64, LOCATOR_64, ENTRY, LOCAL] = [
  0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50,
] as const
const [END_BYTES, END_64_BYTES, LOCATOR_64_BYTES, ENTRY_BYTES, LOCAL_BYTES] = [22, 56, 20, 46, 30] as const
const MOST_COMMENT_BYTES = 0xffff
const EXTRA_64 = 1
const [FULL_16, FULL_32] = [0xffff, 0xffffffff] as const
const ENCRYPTED = 1
const methods = new Map([
  [0, 'stored'],
  [8, 'deflate'],
] as const)

/** The member of `zip`, which must be called `name`. Throws MalformedError. */
export async function zipMember(zip: ZipBytes, name: string): Promise<ZipMember> {
  const directory = await readEnd(zip)
  if (directory.entries !== 1) throw damaged(`it has ${directory.entries} members in place of one`)
  const entry = new Fields(await part(zip, directory.at, directory.bytes, 'directory'))
  if (entry.bytes.length < ENTRY_BYTES || entry.u32(0) !== ENTRY) throw damaged('its directory is garbled')
  const method = methods.get(entry.u16(10) as 0 | 8)
  if (!method) throw damaged(`its member is packed by method ${entry.u16(10)}, not by deflate`)
  if (entry.u16(8) & ENCRYPTED) throw damaged('its member is encrypted')
  const nameEnd = ENTRY_BYTES + entry.u16(28)
  const called = entry.text(ENTRY_BYTES, nameEnd)
  if (called !== name) throw damaged(`its member is ${JSON.stringify(called)}, not ${name}`)
  const sizes = wideSizes(entry, nameEnd, nameEnd + entry.u16(30))
  const { bytes, packedBytes } = sizes
  if (bytes > MOST_INFLATED_BYTES) throw damaged(`its member says that it has ${bytes} bytes`)
  if (bytes > SMALL_BYTES && bytes > packedBytes * MOST_RATIO)
    throw damaged(`its member says that it inflates from ${packedBytes} to ${bytes} bytes`)
  if (method === 'stored' && bytes !== packedBytes) throw damaged('its sizes contradict each other')
  const at = await dataStart(zip, sizes.at, name)
  if (at + packedBytes > directory.at) throw damaged('its member does not end before its directory')
  return { method, at, packedBytes, bytes, crc32: entry.u32(16) }
}

function damaged(problem: string): MalformedError {
  return new MalformedError(`the zip is damaged: ${problem}`)
}

/** Little-endian fields at their offsets; those outside of the bytes are damage. */
class Fields {
  readonly bytes: Buffer

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u16(at: number): number {
    this.#check(at, 2)
    return this.bytes.readUInt16LE(at)
  }

  u32(at: number): number {
    this.#check(at, 4)
    return this.bytes.readUInt32LE(at)
  }

  /** A number of 64 bits; none that is needed has more than 53. */
  u64(at: number): number {
    const value = this.u32(at) + this.u32(at + 4) * 2 ** 32
    if (!Number.isSafeInteger(value)) throw damaged(`it names a place or a size of ${value}`)
    return value
  }

  text(from: number, to: number): string {
    this.#check(from, to - from)
    return this.bytes.toString('utf8', from, to)
  }

  #check(at: number, length: number): void {
    if (at + length > this.bytes.length) throw damaged('its directory is cut')
  }
}

async function part(zip: ZipBytes, at: number, length: number, what: string): Promise<Uint8Array> {
  if (at < 0 || length < 0 || at + length > zip.length) throw damaged(`its ${what} lies outside of it`)
  return zip.read(at, length)
}

type Directory = { readonly entries: number; readonly at: number; readonly bytes: number }

/** The largest directory of one member: its name, extra field and comment have 64 KiB at most, each. */
const MOST_DIRECTORY_BYTES = ENTRY_BYTES + 3 * 0xffff

/** What the record at the end says of the directory. */
async function readEnd(zip: ZipBytes): Promise<Directory> {
  const tailBytes = Math.min(zip.length, END_BYTES + MOST_COMMENT_BYTES)
  const tail = new Fields(await part(zip, zip.length - tailBytes, tailBytes, 'end'))
  let at = tailBytes - END_BYTES
  while (at >= 0 && !(tail.u32(at) === END && at + END_BYTES + tail.u16(at + 20) === tailBytes)) at -= 1
  if (at < 0) throw damaged('it has no directory: it is cut, or no zip at all')
  const endAt = zip.length - tailBytes + at
  if (tail.u16(at + 4) !== 0 && tail.u16(at + 4) !== FULL_16) throw damaged('it is one of several parts')
  const found = { entries: tail.u16(at + 10), at: tail.u32(at + 16), bytes: tail.u32(at + 12) }
  const isWide = found.entries === FULL_16 || found.at === FULL_32 || found.bytes === FULL_32
  const wide = isWide ? await readWideEnd(zip, endAt) : found
  if (wide.bytes > MOST_DIRECTORY_BYTES || wide.at + wide.bytes > endAt)
    throw damaged('its directory lies outside of it')
  return wide
}

/** The same from the record of a zip whose sizes need 64 bits. */
async function readWideEnd(zip: ZipBytes, endAt: number): Promise<Directory> {
  const locator = new Fields(await part(zip, endAt - LOCATOR_64_BYTES, LOCATOR_64_BYTES, 'end'))
  if (locator.u32(0) !== LOCATOR_64) throw damaged('its end is garbled')
  const wide = new Fields(await part(zip, locator.u64(8), END_64_BYTES, 'end'))
  if (wide.u32(0) !== END_64) throw damaged('its end is garbled')
  return { entries: wide.u64(32), at: wide.u64(48), bytes: wide.u64(40) }
}

/** Sizes and place of a member: those that need 64 bits stand in the extra field, in this order. */
function wideSizes(
  entry: Fields,
  from: number,
  to: number,
): { readonly bytes: number; readonly packedBytes: number; readonly at: number } {
  const narrow = [entry.u32(24), entry.u32(20), entry.u32(42)]
  let next = from
  while (narrow.includes(FULL_32) && next + 4 <= to && entry.u16(next) !== EXTRA_64)
    next += 4 + entry.u16(next + 2)
  let value = next + 4
  const [bytes = 0, packedBytes = 0, at = 0] = narrow.map((size) => {
    if (size !== FULL_32) return size
    if (value + 8 > to) throw damaged('its sizes are missing')
    value += 8
    return entry.u64(value - 8)
  })
  return { bytes, packedBytes, at }
}

/** Where the data of the member begins whose local header is at `at`. */
async function dataStart(zip: ZipBytes, at: number, name: string): Promise<number> {
  const header = new Fields(await part(zip, at, LOCAL_BYTES, 'member'))
  if (header.u32(0) !== LOCAL) throw damaged('its member does not begin where its directory says')
  if (header.u16(6) & ENCRYPTED) throw damaged('its member is encrypted')
  const nameBytes = header.u16(26)
  const called = new Fields(await part(zip, at + LOCAL_BYTES, nameBytes, 'member')).text(0, nameBytes)
  if (called !== name) throw damaged('its member has two names')
  return at + LOCAL_BYTES + nameBytes + header.u16(28)
}

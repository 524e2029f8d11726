// Zips with one deflated member, as the archives have them (reference 8.4), and zips that are damaged. A
// member is made of fragments, parts of it that were deflated each for itself, so that a month can be put
// together from its days and a bomb from one megabyte.
import { constants, crc32, deflateRawSync } from 'node:zlib'

/** A part of a member: its deflated bytes, up to a byte's boundary, and the length and CRC of its text. */
export type Fragment = { readonly deflated: Uint8Array; readonly bytes: number; readonly crc: number }

const FAST = 1
const BEST = 9
const fullFlush = constants.Z_FULL_FLUSH

/** Deflates a part of a member. */
export function fragmentOf(text: string | Uint8Array, level = FAST): Fragment {
  const plain = typeof text === 'string' ? Buffer.from(text) : text
  const deflated = deflateRawSync(plain, { level, finishFlush: fullFlush })
  return { deflated, bytes: plain.length, crc: crc32(plain) }
}

/** The fragments that are `bytes` bytes of the same text again and again, at no more cost than one. */
export function repeatedFragments(text: string, bytes: number): Fragment[] {
  const FRAGMENT_BYTES = 1024 * 1024
  const times = Math.max(1, Math.floor(FRAGMENT_BYTES / text.length))
  const fragment = fragmentOf(text.repeat(times), BEST)
  return Array<Fragment>(Math.ceil(bytes / fragment.bytes)).fill(fragment)
}

/** Empty blocks, stored (5 bytes) and with fixed codes and stored (6 bytes): nothing comes out of them. */
const STORED_BLOCK = [0x00, 0x00, 0x00, 0xff, 0xff]
const FIXED_BLOCK = [0x02, 0x00, 0x00, 0x00, 0xff, 0xff]
/** From this length on every number of bytes can be made of fives and sixes. */
export const LEAST_EMPTY_BYTES = 20

/** A fragment of `length` bytes, at least LEAST_EMPTY_BYTES, that inflates to nothing. */
export function emptyFragment(length: number): Fragment {
  const sixes = length % STORED_BLOCK.length
  const first = FIXED_BLOCK.length * sixes
  const deflated = Buffer.alloc(length, Buffer.from(STORED_BLOCK))
  deflated.fill(Buffer.from(FIXED_BLOCK), 0, first)
  // The pattern of the stored blocks begins anew behind the others.
  deflated.fill(Buffer.from(STORED_BLOCK), first)
  return { deflated, bytes: 0, crc: 0 }
}

/** One member: what its headers say, and its bytes as they are stored. */
export type Member = {
  readonly name: string
  /** 8: deflated. 0: stored. */
  readonly method: 8 | 0
  readonly crc: number
  /** Declared length when inflated. */
  readonly bytes: number
  readonly parts: readonly Uint8Array[]
}

/** An empty last block with fixed codes: all that ends a deflated stream after a full flush. */
const END_OF_STREAM = Buffer.from([0x03, 0x00])
const MAX_BYTES = 0xffff_ffff

/** The member that fragments make in their order. */
export function deflatedMember(name: string, fragments: readonly Fragment[]): Member {
  let crc = 0
  let bytes = 0
  for (const fragment of fragments) {
    crc = joinedCrc(crc, fragment.crc, fragment.bytes)
    bytes += fragment.bytes
  }
  const parts = [...fragments.map((fragment) => fragment.deflated), END_OF_STREAM]
  return { name, method: 8, crc, bytes, parts }
}

/** A member that is not deflated. */
export function storedMember(name: string, chunks: readonly Uint8Array[]): Member {
  const crc = chunks.reduce((sum, chunk) => crc32(chunk, sum), 0)
  return { name, method: 0, crc, bytes: lengthOf(chunks), parts: chunks }
}

/** The length of several buffers in bytes. */
export const lengthOf = (parts: readonly Uint8Array[]): number =>
  parts.reduce((sum, part) => sum + part.length, 0)

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const VERSION = 20
const MADE_BY_UNIX = 0x0314
/** An ordinary file, rw-r--r--. */
const ATTRIBUTES = (0o100644 << 16) >>> 0
const UTF8_NAME = 0x0800

/** A zip of these members, as written at `timeMs`: no comment, no extra fields, sizes in the local header. */
export function zipOf(members: readonly Member[], timeMs: number): Uint8Array[] {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const member of members) {
    const name = Buffer.from(member.name)
    const shared = sharedFields(member, name, timeMs)
    const local = Buffer.alloc(4)
    local.writeUInt32LE(LOCAL, 0)
    const central = Buffer.alloc(6)
    central.writeUInt32LE(CENTRAL, 0)
    central.writeUInt16LE(MADE_BY_UNIX, 4)
    // Comment length, disk, internal attributes; then external attributes and where the member begins.
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(ATTRIBUTES, 6)
    tail.writeUInt32LE(offset, 10)
    directory.push(central, shared, tail, name)
    const before = [local, shared, name]
    parts.push(...before, ...member.parts)
    offset += lengthOf(before) + lengthOf(member.parts)
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(END, 0)
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(lengthOf(directory), 12)
  end.writeUInt32LE(offset, 16)
  return [...parts, ...directory, end]
}

/** What stands in both headers of a member, from the version needed to the length of the extra field. */
function sharedFields(member: Member, name: Uint8Array, timeMs: number): Buffer {
  const fields = Buffer.alloc(26)
  const date = new Date(timeMs)
  fields.writeUInt16LE(VERSION, 0)
  fields.writeUInt16LE(name.length === member.name.length ? 0 : UTF8_NAME, 2)
  fields.writeUInt16LE(member.method, 4)
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1)
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate()
  fields.writeUInt16LE(time, 6)
  fields.writeUInt16LE(day, 8)
  fields.writeUInt32LE(member.crc, 10)
  fields.writeUInt32LE(Math.min(lengthOf(member.parts), MAX_BYTES), 14)
  fields.writeUInt32LE(Math.min(member.bytes, MAX_BYTES), 18)
  fields.writeUInt16LE(name.length, 22)
  return fields
}

/** Both headers of a member without its name, and the end of the directory. */
const HEADERS_BYTES = 30 + 46 + 22

/** The length of a zip with one member, from its name and the length of its deflated fragments. */
export function zipBytes(name: string, deflatedBytes: number): number {
  return HEADERS_BYTES + 2 * Buffer.byteLength(name) + deflatedBytes + END_OF_STREAM.length
}

const POLYNOMIAL = 0xedb88320
const BITS = 32

/** A linear map of 32 bits, as the images of the single bits. */
type BitMap = readonly number[]

function applied(map: BitMap, bits: number): number {
  let sum = 0
  for (let i = 0; i < BITS; i += 1) if ((bits >>> i) & 1) sum ^= map[i] ?? 0
  return sum
}

const twice = (map: BitMap): BitMap => map.map((image) => applied(map, image))

/** What one zero byte does to a CRC, and then two, four, eight bytes and so on. */
const zeroBytes: readonly BitMap[] = (() => {
  const bit: BitMap = Array.from({ length: BITS }, (_, i) => (i === 0 ? POLYNOMIAL : 2 ** (i - 1)))
  let map = twice(twice(twice(bit)))
  return Array.from({ length: BITS + 1 }, () => {
    const now = map
    map = twice(map)
    return now
  })
})()

/** The CRC of two texts in a row, from those of each and the length of the second. */
export function joinedCrc(first: number, second: number, secondBytes: number): number {
  let crc = first
  let rest = secondBytes
  for (let i = 0; rest > 0; i += 1) {
    if (rest % 2 === 1) crc = applied(zeroBytes[i] ?? [], crc)
    rest = Math.floor(rest / 2)
  }
  return (crc ^ second) >>> 0
}

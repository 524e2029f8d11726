// Reads a small zip whole, strictly and independently of the writer (and of the program): the tests' own
// judge of what the local exchange serves. Throws for whatever is not as the headers say.
import { crc32, inflateRawSync } from 'node:zlib'

export type ReadMember = {
  readonly name: string
  readonly method: number
  readonly text: string
}

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const END_BYTES = 22
const CENTRAL_BYTES = 46
const LOCAL_BYTES = 30
/** Fields that both headers of a member have, from the version needed on. */
const SHARED_BYTES = 26

/** The members of a zip without comment. */
export function readZip(bytes: Uint8Array): ReadMember[] {
  const zip = Buffer.from(bytes)
  const end = zip.length - END_BYTES
  if (end < 0 || zip.readUInt32LE(end) !== END) throw new Error('no end of a zip')
  const count = zip.readUInt16LE(end + 10)
  let at = zip.readUInt32LE(end + 16)
  const members: ReadMember[] = []
  for (let i = 0; i < count; i += 1) {
    if (zip.readUInt32LE(at) !== CENTRAL) throw new Error('no entry where one should be')
    members.push(readMember(zip, at))
    at += CENTRAL_BYTES + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  if (at !== end) throw new Error('the directory ends elsewhere')
  return members
}

function readMember(zip: Buffer, entry: number): ReadMember {
  const local = zip.readUInt32LE(entry + 42)
  const shared = zip.subarray(entry + 6, entry + 6 + SHARED_BYTES)
  if (zip.readUInt32LE(local) !== LOCAL) throw new Error('no member where the directory says')
  if (!shared.equals(zip.subarray(local + 4, local + LOCAL_BYTES))) throw new Error('two headers differ')
  const method = shared.readUInt16LE(4)
  const nameBytes = shared.readUInt16LE(22)
  const from = local + LOCAL_BYTES + nameBytes + shared.readUInt16LE(24)
  const packed = zip.subarray(from, from + shared.readUInt32LE(14))
  const plain = method === 8 ? inflateRawSync(packed) : packed
  if (plain.length !== shared.readUInt32LE(18)) throw new Error(`another size: ${plain.length}`)
  if (crc32(plain) !== shared.readUInt32LE(10)) throw new Error('another CRC')
  const name = zip.subarray(entry + CENTRAL_BYTES, entry + CENTRAL_BYTES + nameBytes).toString()
  return { name, method, text: plain.toString('latin1') }
}

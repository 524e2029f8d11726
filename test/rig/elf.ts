// What a Linux binary asks of the system that it is started on, read from its own headers (ELF, 64 bits,
// little-endian): the loader, and the libraries that it names.
import { closeSync, openSync, readSync } from 'node:fs'

export type ElfNeeds = { readonly interpreter: string; readonly needed: readonly string[] }

const [INTERPRETER, DYNAMIC, LOAD] = [3, 2, 1]
const [NEEDED, STRINGS] = [1n, 5n]
/** A name of a library is no longer. */
const LONGEST_NAME = 256

/** Reads the headers of the file at `path`. Throws where it is no such binary. */
export function elfNeeds(path: string): ElfNeeds {
  const file = openSync(path, 'r')
  const read = (at: number, length: number): Buffer => {
    const bytes = Buffer.alloc(length)
    readSync(file, bytes, 0, length, at)
    return bytes
  }
  try {
    const header = read(0, 64)
    if (header.toString('latin1', 1, 4) !== 'ELF' || header[4] !== 2)
      throw new Error(`${path} is no ELF of 64 bits`)
    const segments = readSegments(header, read)
    const textAt = (at: number): string => read(at, LONGEST_NAME).toString('latin1').split('\0', 1)[0] ?? ''
    const interpreter = segments.find(({ type }) => type === INTERPRETER)
    const dynamic = segments.find(({ type }) => type === DYNAMIC)
    if (!dynamic) return { interpreter: '', needed: [] }
    const entries = pairs(read(dynamic.offset, dynamic.size))
    const strings = Number(entries.find(([tag]) => tag === STRINGS)?.[1] ?? 0n)
    const home = segments.find(
      ({ type, address, size }) => type === LOAD && strings >= address && strings < address + size,
    )
    const base = home ? strings - home.address + home.offset : strings
    const needed = entries.filter(([tag]) => tag === NEEDED).map(([, name]) => textAt(base + Number(name)))
    return { interpreter: interpreter ? textAt(interpreter.offset) : '', needed }
  } finally {
    closeSync(file)
  }
}

type Segment = {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly size: number
}

function readSegments(header: Buffer, read: (at: number, length: number) => Buffer): readonly Segment[] {
  const size = header.readUInt16LE(54)
  const table = read(Number(header.readBigUInt64LE(32)), size * header.readUInt16LE(56))
  return Array.from({ length: header.readUInt16LE(56) }, (_, i) => ({
    type: table.readUInt32LE(i * size),
    offset: Number(table.readBigUInt64LE(i * size + 8)),
    address: Number(table.readBigUInt64LE(i * size + 16)),
    size: Number(table.readBigUInt64LE(i * size + 32)),
  }))
}

/** The entries of a dynamic section: tag and value. */
function pairs(bytes: Buffer): readonly (readonly [bigint, bigint])[] {
  return Array.from({ length: Math.floor(bytes.length / 16) }, (_, i) => [
    bytes.readBigUInt64LE(i * 16),
    bytes.readBigUInt64LE(i * 16 + 8),
  ])
}

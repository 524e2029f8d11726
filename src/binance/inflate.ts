// Inflates the member of a zip chunk by chunk: memory stays bounded whatever its size, since nothing is
// inflated before the last chunk was taken, and no more than was declared. Length and CRC are compared at the
// end.
import { once } from 'node:events'
import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib'
import { freeMemory } from '../core/free-memory.ts'
import { MalformedError } from '../errors.ts'
import type { ZipBytes, ZipMember } from './zip.ts'

/**
 * Bytes that are read from the zip at once, and bytes of an inflated chunk. Large reads, since the next chunk
 * is inflated while this one is looked at, but only within what was read.
 */
const READ_BYTES = 1024 * 1024
const CHUNK_BYTES = 256 * 1024

/**
 * The bytes of `member`, in chunks; each may be looked at until the next one is asked for. Throws
 * MalformedError where they are not what the zip says of them; the CRC is known only when the last chunk is
 * out.
 */
export async function* memberBytes(
  zip: ZipBytes,
  member: ZipMember,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0
  let crc = 0
  const chunks = member.method === 'stored' ? packed(zip, member) : inflated(zip, member)
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > member.bytes) throw new MalformedError(`the zip inflates to more than ${member.bytes} bytes`)
    crc = crc32(chunk, crc)
    yield chunk
  }
  if (bytes < member.bytes)
    throw new MalformedError(`the zip inflates to ${bytes} bytes in place of ${member.bytes}`)
  if (crc !== member.crc32) throw new MalformedError('the CRC of what the zip inflates to is wrong')
}

/** The bytes of the member as they stand in the zip. */
async function* packed(zip: ZipBytes, member: ZipMember): AsyncGenerator<Uint8Array, void, undefined> {
  const end = member.at + member.packedBytes
  for (let at = member.at; at < end; at += READ_BYTES)
    yield await zip.read(at, Math.min(READ_BYTES, end - at))
}

async function* inflated(zip: ZipBytes, member: ZipMember): AsyncGenerator<Uint8Array, void, undefined> {
  const inflate = createInflateRaw({ chunkSize: CHUNK_BYTES })
  const feeding = feed(inflate, packed(zip, member))
  try {
    for await (const chunk of inflate) {
      yield chunk
      freeIfFull(chunk)
    }
    await feeding
    const used = inflate.bytesWritten
    if (used < member.packedBytes)
      throw new MalformedError(`the zip's data ends after ${used} of ${member.packedBytes} bytes`)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!code.startsWith('Z_')) throw error
    throw new MalformedError(`the zip's data does not inflate (${code})`, '', { cause: error })
  } finally {
    inflate.destroy()
    await feeding
  }
}

/**
 * Gives a chunk's memory back at once where it ends its buffer: then the next chunk has one of its own. A
 * small buffer may be one that others have parts of.
 */
function freeIfFull(chunk: Uint8Array): void {
  const { buffer, byteOffset, byteLength } = chunk
  if (buffer.byteLength >= CHUNK_BYTES && byteOffset + byteLength === buffer.byteLength) freeMemory([chunk])
}

/** Gives `inflate` what is packed, as fast as it takes it. Never rejects: what goes wrong destroys it. */
async function feed(inflate: InflateRaw, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const closed = once(inflate, 'close').catch(() => undefined)
  try {
    for await (const chunk of chunks) {
      if (inflate.destroyed) return
      if (!inflate.write(chunk)) await Promise.race([once(inflate, 'drain').catch(() => undefined), closed])
    }
    inflate.end()
  } catch (error) {
    inflate.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

// Downloads a zip to where it can be read from: to memory while all zips in hand have room there, else to a
// temporary file. Its sha256 is taken on the way; whether that is right is for the caller to judge.
import { createHash } from 'node:crypto'
import type { ArchiveFile } from '../core/archive.ts'
import type { Tell } from '../core/events.ts'
import { DiskFullError, MalformedError, UserError } from '../errors.ts'
import type { TemporaryFile, World } from '../world.ts'
import type { ArchiveClient } from './archive-client.ts'
import { Turns } from './turns.ts'
import type { ZipBytes } from './zip.ts'

/**
 * Memory for all zips that are held at once; where no temporary file can be made, for each of them. A month
 * of 1m klines has some 2 MiB.
 */
export const ZIPS_IN_MEMORY_BYTES = 32 * 1024 ** 2

/** Downloads in flight: enough to fill a line, and no burden. */
export const DOWNLOADS_AT_ONCE = 4

/** The largest zip that is taken; a month of trades may have some 5 GB. */
export const MOST_ZIP_BYTES = 32 * 1024 ** 3

/** A file may have been published anew since it was listed: it may be twice as large and this much more. */
const GROWTH_BYTES = 1024 ** 2

/** A zip that is here, until it is closed. */
export type HeldZip = ZipBytes & { readonly sha256: string; close(): Promise<void> }

export class Downloads {
  readonly #world: World
  readonly #client: ArchiveClient
  readonly #tell: Tell
  readonly #slots = new Turns(DOWNLOADS_AT_ONCE)
  #heldBytes = 0
  #hasWarned = false
  #archives = 0
  #bytes = 0

  constructor(world: World, client: ArchiveClient, tell: Tell) {
    this.#world = world
    this.#client = client
    this.#tell = tell
  }

  /** Zips that came whole, and their bytes. */
  get spent(): { readonly archives: number; readonly bytes: number } {
    return { archives: this.#archives, bytes: this.#bytes }
  }

  /** Downloads `file`. Throws as ArchiveClient.file does; UserError or DiskFullError without a place. */
  async take(file: ArchiveFile): Promise<HeldZip> {
    if (file.bytes > MOST_ZIP_BYTES)
      throw new MalformedError(`${file.key}: by the listing it has ${file.bytes} bytes`)
    await this.#slots.take(this.#world.signal)
    try {
      const place = await this.#place(file)
      try {
        const received = await this.#client.file(file.key, (response, heard) =>
          receive(file, place, response, heard),
        )
        this.#archives += 1
        this.#bytes += received.length
        return { ...received, read: place.read, close: place.close }
      } catch (error) {
        await place.close()
        throw error
      }
    } finally {
      this.#slots.give()
    }
  }

  async #place(file: ArchiveFile): Promise<TemporaryFile> {
    if (this.#heldBytes + file.bytes <= ZIPS_IN_MEMORY_BYTES) return this.#placeInMemory(file.bytes)
    try {
      return await this.#world.openTemporary()
    } catch (error) {
      const hasNoFile = error instanceof UserError || error instanceof DiskFullError
      if (!hasNoFile || file.bytes > ZIPS_IN_MEMORY_BYTES) throw error
      // To wait for room could be to wait for ever: a zip that is held may be one that is to be read later.
      const message = `${error.message}; archives are held in memory, which needs more of it: ${error.advice}`
      if (!this.#hasWarned) this.#tell({ type: 'warning', message })
      this.#hasWarned = true
      return this.#placeInMemory(file.bytes)
    }
  }

  /** A place in memory for `reserved` bytes, counted until it is closed. */
  #placeInMemory(reserved: number): TemporaryFile {
    this.#heldBytes += reserved
    let bytes: Buffer | null = Buffer.allocUnsafeSlow(reserved)
    const open = (): Buffer => {
      if (!bytes) throw new Error('this zip is closed')
      return bytes
    }
    return {
      write: async (chunk, at) => {
        const needed = at + chunk.length
        if (needed > open().length) bytes = Buffer.concat([open()], needed * 2)
        open().set(chunk, at)
      },
      read: async (at, length) => open().subarray(at, at + length),
      close: async () => {
        if (bytes) this.#heldBytes -= reserved
        bytes = null
      },
    }
  }
}

/** Writes an answer's body to `place`; its length and sha256. */
async function receive(
  file: ArchiveFile,
  place: TemporaryFile,
  response: Response,
  heard: () => void,
): Promise<{ readonly length: number; readonly sha256: string }> {
  const most = 2 * file.bytes + GROWTH_BYTES
  const announced = Number(response.headers.get('content-length') ?? Number.NaN)
  const tooLarge = (): MalformedError =>
    new MalformedError(`it has more than ${most} bytes, and ${file.bytes} by the listing`)
  if (announced > most) {
    await response.body?.cancel()
    throw tooLarge()
  }
  const hash = createHash('sha256')
  let length = 0
  for await (const chunk of response.body ?? []) {
    heard()
    if (length + chunk.length > most) throw tooLarge()
    hash.update(chunk)
    await place.write(chunk, length)
    length += chunk.length
    heard()
  }
  if (length < announced) throw new Error(`the answer was cut: ${length} of ${announced} bytes came`)
  return { length, sha256: hash.digest('hex') }
}

// Downloads a zip to where it can be read from: to memory while the zips in hand are few and small, else to a
// temporary file. Its sha256 is taken on the way; whether that is right is for the caller to judge.
import { createHash } from 'node:crypto'
import type { ArchiveFile } from '../core/archive.ts'
import type { Tell } from '../core/events.ts'
import { freeMemory, isWhole } from '../core/free-memory.ts'
import { DiskFullError, MalformedError, UserError } from '../errors.ts'
import type { TemporaryFile, World } from '../world.ts'
import type { ArchiveClient } from './archive-client.ts'
import { Turns } from './turns.ts'
import type { ZipBytes } from './zip.ts'

/**
 * Memory for all zips that are held at once, those that wait for their turn among them: a month of 1m klines
 * has some 2 MiB, and many months are to need no more memory than one.
 */
export const ZIPS_IN_MEMORY_BYTES = 4 * 1024 ** 2

/** The same where no temporary file can be kept; each zip may have as much beyond that, with a warning. */
export const MOST_IN_MEMORY_BYTES = 32 * 1024 ** 2

/** Downloads in flight: enough to fill a line, and no burden. */
export const DOWNLOADS_AT_ONCE = 4

/** The largest zip that is taken; a month of trades may have some 5 GB. */
export const MOST_ZIP_BYTES = 32 * 1024 ** 3

/** A file may have been published anew since it was listed: it may be twice as large and this much more. */
const GROWTH_BYTES = 1024 ** 2

/** Where the bytes of a zip are held. `free` gives memory back at once: nothing may be reading any more. */
type Place = TemporaryFile & { free?(): void }

/** A zip that is here, until it is closed. */
export type HeldZip = ZipBytes & Pick<Place, 'close' | 'free'> & { readonly sha256: string }

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
      if (this.#fits(file, ZIPS_IN_MEMORY_BYTES)) return await this.#receive(file, this.#inMemory(file.bytes))
      try {
        return await this.#receive(file, await this.#world.openTemporary())
      } catch (error) {
        const hasNoFile = error instanceof UserError || error instanceof DiskFullError
        if (!hasNoFile || file.bytes > MOST_IN_MEMORY_BYTES) throw error
        // To wait for room could be to wait for ever: a zip that is held may be one that is to be read later.
        if (!this.#fits(file, MOST_IN_MEMORY_BYTES)) this.#warn(error)
        return await this.#receive(file, this.#inMemory(file.bytes))
      }
    } finally {
      this.#slots.give()
    }
  }

  #fits(file: ArchiveFile, mostBytes: number): boolean {
    return this.#heldBytes + file.bytes <= mostBytes
  }

  #warn({ message, advice }: UserError | DiskFullError): void {
    const text = `${message}; archives are held in memory, which needs more of it: ${advice}`
    if (!this.#hasWarned) this.#tell({ type: 'warning', message: text })
    this.#hasWarned = true
  }

  async #receive(file: ArchiveFile, place: Place): Promise<HeldZip> {
    try {
      const received = await this.#client.file(file.key, (response, heard) =>
        receive(file, place, response, heard),
      )
      this.#archives += 1
      this.#bytes += received.length
      return { ...place, ...received }
    } catch (error) {
      await place.close()
      throw error
    }
  }

  /** A place in memory for `reserved` bytes, counted until it is closed. */
  #inMemory(reserved: number): Place {
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
      free: () => freeMemory([open()]),
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
    // It is copied, and nobody else has it: a line brings much of this between two visits of the collector.
    if (isWhole(chunk)) freeMemory([chunk])
    heard()
  }
  if (length < announced) throw new Error(`the answer was cut: ${length} of ${announced} bytes came`)
  return { length, sha256: hash.digest('hex') }
}

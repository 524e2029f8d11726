// Where a zip is held: in memory as long as all zips in hand have room there, then in a temporary file of
// which nobody sees a name; what never fits, what grows, and what is given back.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DOWNLOADS_AT_ONCE,
  MOST_IN_MEMORY_BYTES,
  MOST_ZIP_BYTES,
  ZIPS_IN_MEMORY_BYTES,
} from '../../src/binance/archive-download.ts'
import type { ArchiveFile, OpenArchive } from '../../src/core/archive.ts'
import { DiskFullError, MalformedError, RefusedError, StoppedError, UserError } from '../../src/errors.ts'
import { openTemporaryIn, type TemporaryFile } from '../../src/world.ts'
import { type ArchiveRig, archiveRig, checksumOf, csvZip } from '../rig/archive-rig.ts'
import { rowsOf } from '../rig/csv-reading.ts'
import { klineSeries } from '../rig/pages.ts'

const DAY = Date.UTC(2024, 0, 1)
const series = klineSeries('BTCUSDT')
const KEY = 'data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-01.zip'
const line = (minute: number): string =>
  `${DAY + minute * 60_000},1,2,1,2,3,${DAY + minute * 60_000 + 59_999},4,5,6,7,0\n`
const zip = csvZip(KEY, Array.from({ length: 1_440 }, (_, minute) => line(minute)).join(''))
const MEGABYTE = 1024 ** 2
/** A file that the listing says is as large. */
const file = (bytes: number): ArchiveFile => ({
  key: KEY,
  unit: 'day',
  span: { startMs: DAY, endMs: DAY + 86_400_000 },
  bytes,
})

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'petrosa-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

type Disk = { opened: number; open: number }

/** The sound file at its key, temporary files in a real folder, and how many there were and are. */
function rig(
  body: Uint8Array = zip,
  headers: Record<string, string> = {},
): ArchiveRig & { readonly disk: Disk } {
  const disk = { opened: 0, open: 0 }
  const made = archiveRig(
    ({ url }) => (url.pathname.endsWith('CHECKSUM') ? { body: checksumOf(KEY, zip) } : { body, headers }),
    {
      openTemporary: async (): Promise<TemporaryFile> => {
        const real = await made.clock.during(openTemporaryIn(folder))
        disk.opened += 1
        disk.open += 1
        return {
          write: (bytes, at) => made.clock.during(real.write(bytes, at)),
          read: (at, length) => made.clock.during(real.read(at, length)),
          close: async () => {
            disk.open -= 1
            await made.clock.during(real.close())
          },
        }
      },
    },
  )
  return { ...made, disk }
}

const readOnly = (): Promise<TemporaryFile> =>
  Promise.reject(new UserError('no temporary file', 'set TMPDIR'))

async function countRows(open: OpenArchive): Promise<number> {
  const rows = rowsOf(await Array.fromAsync(open.pieces()))
  await open.close()
  return rows.length
}

describe('a zip is held', () => {
  test('in memory where there is room, and nothing touches the disk', async () => {
    const { clock, source, disk } = rig()
    expect(await countRows(await clock.run(source.open(series, file(zip.length))))).toBe(1_440)
    expect(disk.opened).toBe(0)
  })

  test('in a temporary file without a name where it is large; it is gone when it is closed', async () => {
    const { clock, source, disk } = rig()
    const open = await clock.run(source.open(series, file(ZIPS_IN_MEMORY_BYTES + 1)))
    expect([disk, readdirSync(folder)]).toEqual([{ opened: 1, open: 1 }, []])
    expect(await countRows(open)).toBe(1_440)
    expect([disk.open, readdirSync(folder)]).toEqual([0, []])
  })

  test('in a file where others fill the memory, and in memory again when those are closed', async () => {
    const { clock, source, disk } = rig()
    const half = file(ZIPS_IN_MEMORY_BYTES / 2)
    const [first, second, third] = await clock.run(
      Promise.all([1, 2, 3].map(() => source.open(series, half))),
    )
    expect(disk).toEqual({ opened: 1, open: 1 })
    await first?.close()
    await first?.close()
    const fourth = await clock.run(source.open(series, half))
    expect(disk.opened).toBe(1)
    for (const open of [second, third, fourth]) expect(open && (await countRows(open))).toBe(1_440)
    expect(disk.open).toBe(0)
  })

  test('in memory where no file can be made, unless it is large; what takes much is told once', async () => {
    const { clock, source, events } = archiveRig(
      ({ url }) => ({ body: url.pathname.endsWith('CHECKSUM') ? checksumOf(KEY, zip) : zip }),
      { openTemporary: readOnly },
    )
    const whole = file(MOST_IN_MEMORY_BYTES)
    const first = await clock.run(source.open(series, whole))
    expect(events.filter((event) => event.type === 'warning')).toEqual([])
    const others = await clock.run(Promise.all([1, 2].map(() => source.open(series, whole))))
    expect(await Promise.all([first, ...others].map(countRows))).toEqual([1_440, 1_440, 1_440])
    expect(events.filter((event) => event.type === 'warning')).toEqual([
      { type: 'warning', message: expect.stringContaining('no temporary file; archives are held in memory') },
    ])
    const large = await clock.run(
      source.open(series, file(MOST_IN_MEMORY_BYTES + 1)).catch((error: unknown) => error),
    )
    expect(large).toMatchObject({ exitCode: 2, advice: 'set TMPDIR' })
  })

  test('in memory where the disk is full, unless it is large: it may be taken another time', async () => {
    const full = new DiskFullError('full', 'make room')
    let open = 0
    const { clock, source } = archiveRig(
      ({ url }) => ({ body: url.pathname.endsWith('CHECKSUM') ? checksumOf(KEY, zip) : zip }),
      {
        openTemporary: async () => {
          open += 1
          const close = async (): Promise<void> => {
            open -= 1
          }
          return { write: () => Promise.reject(full), read: () => Promise.reject(full), close }
        },
      },
    )
    const taken = await clock.run(source.open(series, file(ZIPS_IN_MEMORY_BYTES + 1)))
    expect([await countRows(taken), open]).toEqual([1_440, 0])
    const large = source.open(series, file(MOST_IN_MEMORY_BYTES + 1)).catch((error: unknown) => error)
    expect(await clock.run(large)).toMatchObject({ exitCode: 75, advice: 'make room' })
    expect(open).toBe(0)
  })

  test('nowhere where it is larger than any archive', async () => {
    const { clock, source, network } = rig()
    const error = await clock.run(
      source.open(series, file(MOST_ZIP_BYTES + 1)).catch((thrown: unknown) => thrown),
    )
    expect(error).toBeInstanceOf(MalformedError)
    expect(network.calls).toHaveLength(1)
  })
})

describe('a download', () => {
  test('may have grown since it was listed, within bounds, announced or not', async () => {
    const { clock, source } = rig()
    expect(await countRows(await clock.run(source.open(series, file(1_000))))).toBe(1_440)
    const large = Buffer.alloc(2 * MEGABYTE)
    for (const headers of [{}, { 'content-length': String(large.length) }]) {
      const grown = rig(large, headers)
      const error = await grown.clock.run(
        grown.source.open(series, file(1_000)).catch((thrown: unknown) => thrown),
      )
      expect(error).toBeInstanceOf(RefusedError)
      expect(String(error)).toContain('it has more than 1050576 bytes, and 1000 by the listing')
      expect([grown.network.unread(), grown.disk.open]).toEqual([0, 0])
    }
  })

  test('that fails gives its place back, in memory and on disk', async () => {
    for (const bytes of [ZIPS_IN_MEMORY_BYTES, ZIPS_IN_MEMORY_BYTES + 1]) {
      const body = Buffer.from('cut')
      const made = rig(body, { 'content-length': '9' })
      const broken = await made.clock.run(
        made.source.open(series, file(bytes)).catch((error: unknown) => error),
      )
      expect(broken).toBeInstanceOf(RefusedError)
      expect(String(broken)).toContain('the answer was cut: 3 of 9 bytes came')
      expect(made.disk.open).toBe(0)
    }
  })

  test('is one of a few at a time, and a stop ends those that wait', async () => {
    let flying = 0
    let most = 0
    const made = archiveRig(() => 'hang', {
      fetch: async (url, init) => {
        if (String(url).endsWith('CHECKSUM')) return new Response(checksumOf(KEY, zip))
        flying += 1
        most = Math.max(most, flying)
        await made.clock.wait(1_000, init?.signal ?? undefined)
        flying -= 1
        return new Response(zip)
      },
    })
    const opens = Array.from({ length: 3 * DOWNLOADS_AT_ONCE }, () =>
      made.source.open(series, file(zip.length)),
    )
    const all = await made.clock.run(Promise.all(opens))
    expect(most).toBe(DOWNLOADS_AT_ONCE)
    for (const open of all) await open.close()
    const ends = Array.from({ length: 3 * DOWNLOADS_AT_ONCE }, () =>
      made.source.open(series, file(zip.length)).catch((error: unknown) => error),
    )
    await made.clock.advance(500)
    const stopped = new StoppedError()
    made.stop.abort(stopped)
    expect(await Promise.all(ends)).toEqual(ends.map(() => stopped))
    expect(made.clock.sleepers()).toBe(0)
  })

  test('a stop ends the reading of a file too', async () => {
    const { clock, source, stop } = rig()
    const open = await clock.run(source.open(series, file(zip.length)))
    const stopped = new StoppedError()
    stop.abort(stopped)
    expect(await countRows(open).catch((error: unknown) => error)).toBe(stopped)
    await open.close()
  })
})

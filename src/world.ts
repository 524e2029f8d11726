// The outside as one value: clock, chance, network, environment, files and streams. The program gets it from
// main.ts; tests hand in their own.
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from './core/retry.ts'
import { UserError } from './errors.ts'

export type Stream = {
  readonly isTerminal: boolean
  /** Width in columns; 80 where the stream does not say. */
  readonly columns: number
  /** Resolves when the text has left the process, so that nothing is cut off at exit. */
  write(text: string): Promise<void>
}

/** A file that nobody else sees, and that is gone when it is closed or the process ends in any way. */
export type TemporaryFile = {
  /** Writes all of `bytes` from `at` on. Throws UserError when there is no room. */
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Exactly `length` bytes from `at` on. */
  read(at: number, length: number): Promise<Uint8Array>
  /** May be called again. */
  close(): Promise<void>
}

/** What the process uses; null where the system does not tell. */
export type Usage = {
  readonly startedAtMs: number
  readonly cpuUserSeconds: number
  readonly cpuSystemSeconds: number
  readonly residentBytes: number
  readonly heapTotalBytes: number
  readonly heapUsedBytes: number
  readonly externalBytes: number
  readonly openFiles: number | null
  readonly mostFiles: number | null
}

export type World = Clock & {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly fetch: (url: string, init?: BunFetchRequestInit) => Promise<Response>
  readonly stdout: Stream
  readonly stderr: Stream
  /** The text of a file. Throws what the system throws. */
  readonly readFile: (path: string) => Promise<string>
  /** Throws UserError that names TMPDIR when no file can be made. */
  readonly openTemporary: () => Promise<TemporaryFile>
  /** Gives back the memory that nobody uses any more; takes some milliseconds. */
  readonly tidyMemory: () => void
  /** Aborted when the program is told to stop; its reason is a StoppedError. */
  readonly signal: AbortSignal
  /** What the process uses now. */
  readonly usage: () => Usage
  /** Has `work` called at every hang-up (SIGHUP), which ends the program where nobody asks for it. */
  readonly onHangup: (work: () => void) => void
  /** The program's version, as stamped in by the build. */
  readonly version: string
}

/** What `host` uses: the process of main.ts. */
export function usageOf(host: Pick<NodeJS.Process, 'cpuUsage' | 'memoryUsage'>): Usage {
  const cpu = host.cpuUsage()
  const memory = host.memoryUsage()
  return {
    startedAtMs: performance.timeOrigin,
    cpuUserSeconds: cpu.user / 1e6,
    cpuSystemSeconds: cpu.system / 1e6,
    residentBytes: memory.rss,
    heapTotalBytes: memory.heapTotal,
    heapUsedBytes: memory.heapUsed,
    externalBytes: memory.external,
    openFiles: fromSystem(() => readdirSync('/proc/self/fd').length),
    mostFiles: fromSystem(() => {
      const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
      return limit === undefined ? null : Number(limit)
    }),
  }
}

/** What /proc tells; null where there is none. */
function fromSystem(read: () => number | null): number | null {
  try {
    return read()
  } catch {
    return null
  }
}

/** A timer takes no more, and makes 1 ms of what is longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A pause of `ms` on a real clock; rejects with the signal's reason when it is aborted first. */
export async function realWait(ms: number, signal?: AbortSignal): Promise<void> {
  let leftMs = ms
  for (; leftMs > LONGEST_TIMER_MS; leftMs -= LONGEST_TIMER_MS) await timerOf(LONGEST_TIMER_MS, signal)
  await timerOf(leftMs, signal)
}

function timerOf(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/**
 * A temporary file in `folder`. Its name is taken away as soon as it is open, so that nothing is left behind,
 * not even by a process that is killed. Throws UserError.
 */
export async function openTemporaryIn(folder: string): Promise<TemporaryFile> {
  const failed = (error: unknown): never => {
    throw noRoom(folder, error)
  }
  const path = join(folder, `petrosa-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600).catch(failed)
  await unlink(path)
  let closing: Promise<void> | null = null
  return {
    write: (bytes, at) => writeAll(file, bytes, at).catch(failed),
    read: (at, length) => readExactly(file, at, length).catch(failed),
    close: () => {
      closing ??= file.close()
      return closing
    },
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let from = 0; from < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, from, bytes.length - from, at + from)
    from += bytesWritten
  }
}

async function readExactly(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length)
  for (let from = 0; from < length; ) {
    const { bytesRead } = await file.read(bytes, from, length - from, at + from)
    if (bytesRead === 0) throw new Error(`it ends before byte ${at + length}`)
    from += bytesRead
  }
  return bytes
}

function noRoom(folder: string, error: unknown): UserError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return new UserError(
    `no temporary file can be kept in ${folder} (${code})`,
    'set TMPDIR to a folder on a disk with room for the largest archive',
    { cause: error },
  )
}

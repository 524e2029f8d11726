// argv in, exit code out: the only file that touches the process. The first signal asks the program to stop
// between pages, the second ends it at once.
import { tmpdir } from 'node:os'
import { runProgram } from './cli/program.ts'
import { exitCodes, StoppedError, UnavailableError } from './errors.ts'
import { version } from './version.ts'
import { openTemporaryIn, realWait, type Stream, usageOf, type World } from './world.ts'

/** A program that was told to stop and has not ended by then is ended. */
const GRACE_MS = 9_000

const stopping = new AbortController()

for (const [signal, code] of [
  ['SIGINT', exitCodes.interrupted],
  ['SIGTERM', exitCodes.terminated],
] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(code)
    stopping.abort(new StoppedError(code))
    setTimeout(() => process.exit(code), GRACE_MS).unref()
  })
}

/** A stream of which `lost` hears what could not be written; it may throw what its writer is to know. */
function streamOf(stream: NodeJS.WriteStream, lost: (error: Error) => void): Stream {
  // What fails is told to whoever writes, below.
  stream.on('error', () => undefined)
  return {
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || 80
    },
    write: async (text) => {
      const error = await new Promise<Error | null | undefined>((resolve) => stream.write(text, resolve))
      if (error) lost(error)
    },
  }
}

/** A reader that went away (petrosa … | head) is no reason to fail: nobody is left to tell. */
function lostResult(error: Error): void {
  const code = 'code' in error ? String(error.code) : error.message
  if (code === 'EPIPE') return
  throw new UnavailableError(
    `the result could not be written to standard output (${code})`,
    'make room, or send it elsewhere; what was stored is stored',
  )
}

const world: World = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: realWait,
  random: Math.random,
  env: process.env,
  fetch: (url, init) => fetch(url, init),
  stdout: streamOf(process.stdout, lostResult),
  stderr: streamOf(process.stderr, () => undefined),
  readFile: (path) => Bun.file(path).text(),
  openTemporary: () => openTemporaryIn(tmpdir()),
  tidyMemory: () => Bun.gc(true),
  signal: stopping.signal,
  usage: () => usageOf(process),
  onHangup: (work) => process.on('SIGHUP', work),
  version,
}

// Awaited, so that nothing that still runs (a timer, a pool) keeps the process from ending.
process.exit(await runProgram(process.argv.slice(2), world))

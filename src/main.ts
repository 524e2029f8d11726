// argv in, exit code out: the only file that touches the process. The first signal asks the program to stop
// between pages, the second ends it at once.
import { tmpdir } from 'node:os'
import { runProgram } from './cli/program.ts'
import { exitCodes, StoppedError } from './errors.ts'
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

function streamOf(stream: NodeJS.WriteStream): Stream {
  // A reader that went away (petrosa … | head) is no reason to fail: nobody is left to tell.
  stream.on('error', () => undefined)
  return {
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns || 80
    },
    write: (text) => new Promise((resolve) => stream.write(text, () => resolve())),
  }
}

const world: World = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: realWait,
  random: Math.random,
  env: process.env,
  fetch: (url, init) => fetch(url, init),
  stdout: streamOf(process.stdout),
  stderr: streamOf(process.stderr),
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

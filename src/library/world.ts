// The outside for programs that use petrosa as a library: the real clock and the real network, and nothing of
// a process of its own. It reads no variables, prints nothing and listens to no signals.
import type { Clock } from '../core/retry.ts'
import { UserError } from '../errors.ts'
import { realWait, type World } from '../world.ts'

export const libraryClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: realWait,
  random: Math.random,
}

const silent = { isTerminal: false, columns: 80, write: async () => undefined }
const none = (): never => {
  throw new UserError('a library has no files and no process of its own')
}

/** The world of a client; `signal` ends whatever it waits for. */
export function libraryWorld(signal: AbortSignal, version: string): World {
  return {
    ...libraryClock,
    env: {},
    fetch: (url, init) => fetch(url, init),
    stdout: silent,
    stderr: silent,
    readFile: none,
    openTemporary: none,
    tidyMemory: () => undefined,
    signal,
    usage: none,
    onHangup: none,
    version,
  }
}

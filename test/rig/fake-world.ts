// A world without a machine: a clock that is told to move, a network that is a function, and streams that
// keep what was written. For tests of everything that takes a World.
import type { Stream, World } from '../../src/world.ts'
import type { VirtualClock } from './virtual-clock.ts'

export type FakeWorldOptions = {
  readonly clock: VirtualClock
  readonly fetch: World['fetch']
  readonly signal?: AbortSignal
  readonly env?: World['env']
}

/** A world whose time is `clock` and whose network is `fetch`. */
export function fakeWorld({ clock, fetch, signal, env = {} }: FakeWorldOptions): World {
  const silent: Stream = { isTerminal: false, columns: 80, write: async () => {} }
  return {
    nowMs: clock.nowMs,
    monotonicMs: clock.monotonicMs,
    wait: clock.wait,
    random: clock.random,
    env,
    fetch,
    stdout: silent,
    stderr: silent,
    readFile: async (path) => {
      throw new Error(`no file ${path}`)
    },
    signal: signal ?? new AbortController().signal,
    version: '0.0.0-test',
  }
}

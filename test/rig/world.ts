// The outside of the program as tests hand it in: streams that are kept as text, files and variables that are
// named, a clock of their own. Nothing of this machine is in it.
import { realWait, type Stream, type World } from '../../src/world.ts'
import { virtualClock } from './virtual-clock.ts'

export type WorldOptions = Partial<Omit<World, 'stdout' | 'stderr' | 'readFile'>> & {
  /** The content of files, by their path. */
  readonly files?: Readonly<Record<string, string>>
  /** The width of the terminal that standard error is; a pipe where it is not given. */
  readonly terminalColumns?: number
  /** The same for standard output. */
  readonly outColumns?: number
}

export type TestWorld = World & {
  /** What was written so far. */
  readonly out: () => string
  readonly err: () => string
}

/** A stream that keeps what is written to it. */
export function keptStream(terminalColumns?: number): Stream & { readonly text: () => string } {
  let kept = ''
  return {
    isTerminal: terminalColumns !== undefined,
    columns: terminalColumns ?? 80,
    write: async (text) => {
      kept += text
    },
    text: () => kept,
  }
}

/** Pauses up to this long take no time: those between tries, and not the patience with a silent host. */
const SKIPPED_MS = 10_000

export const hastyWait: World['wait'] = (ms, signal) => realWait(ms > SKIPPED_MS ? ms : 0, signal)

/** A world in which the network is not to be used, unless a `fetch` is given. */
export function testWorld(options: WorldOptions = {}): TestWorld {
  const { files = {}, terminalColumns, outColumns, ...rest } = options
  const stdout = keptStream(outColumns)
  const stderr = keptStream(terminalColumns)
  return {
    ...virtualClock(),
    env: {},
    fetch: async (url) => {
      throw new Error(`no network in this test: ${url}`)
    },
    openTemporary: async () => {
      throw new Error('no temporary files in this test')
    },
    tidyMemory: () => undefined,
    signal: new AbortController().signal,
    usage: () => {
      throw new Error('no use is measured in this test')
    },
    onHangup: () => undefined,
    version: '1.2.3+test',
    ...rest,
    stdout,
    stderr,
    readFile: async (path) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error(`no file ${path}`), { code: 'ENOENT' })
      return text
    },
    out: stdout.text,
    err: stderr.text,
  }
}

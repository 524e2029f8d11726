// Runs the compiled program as its users do: a process of its own, an environment with nothing in it but what
// the test names, a folder of its own. Its log is followed line by line, so that a test can act in the
// middle.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Subprocess } from 'bun'
import { project } from './sources.ts'

/** A run that takes longer is killed, and fails its test, unless the test gives it more time. */
const RUN_LIMIT_MS = 60_000

/** The result of --json (interface.md, section 4). */
export type Result = {
  readonly command: string
  readonly started_at: string
  readonly duration_seconds: number
  readonly series: number
  readonly rows_fetched: number
  readonly rows_written: number
  readonly rows_changed: number
  readonly gaps_found: number
  readonly gaps_filled: number
  readonly requests: number
  readonly weight: number
  readonly archives: number
  readonly unsettled: readonly OpenSpan[]
  readonly errors: readonly string[]
  readonly plan?: readonly PlannedSpan[]
  readonly gaps?: readonly FoundGap[]
}
export type FoundGap = {
  readonly series: string
  readonly start: string
  readonly end: string
  readonly rows_missing: number
  readonly verdict: string
  readonly filled: boolean
}
export type OpenSpan = {
  readonly series: string
  readonly start: string
  readonly end: string
  readonly reason: string
}
export type PlannedSpan = {
  readonly series: string
  readonly start: string
  readonly end: string
  readonly requests: number
  readonly weight: number
  readonly rows: number
}

export type LogLine = { readonly level: string; readonly message: string; readonly [field: string]: unknown }

export type Run = {
  readonly exitCode: number
  /** The signal that ended it, for example SIGKILL; null where it ended by itself. */
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  readonly log: readonly LogLine[]
  /** What --json printed; throws where standard output is not one line of JSON. */
  result(): Result
  readonly durationMs: number
}

export type RunOptions = {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Words before the program, for example setpriv with its flags. */
  readonly through?: readonly string[]
  /** Called for every line of the log as it comes. */
  readonly onLine?: (line: LogLine) => void
  /** How long it may take, ms. */
  readonly limitMs?: number
}

export type RunningPetrosa = {
  readonly pid: number
  kill(signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL' | 'SIGHUP'): void
  /** Resolves when the log has had `times` lines with this message; rejects when the run ends before. */
  said(message: string, times?: number): Promise<void>
  readonly ended: Promise<Run>
}

export const binaryPath = join(project, 'dist', 'petrosa')

/** Builds the program where it is missing. A stale one is not noticed: `bun run test` builds first. */
export function ensureBinary(): void {
  if (existsSync(binaryPath)) return
  const build = Bun.spawnSync([process.execPath, 'deploy/build.ts'], { cwd: project })
  if (!build.success) throw new Error(`no binary could be built: ${build.stdout}${build.stderr}`)
}

/**
 * Words before the program that make it run without the rights of root, who may write everything; none where
 * the tests are not root, null where nobody else could reach the program or the folders.
 */
export function unprivileged(): readonly string[] | null {
  if (process.getuid?.() !== 0) return []
  ensureBinary()
  const words = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  if (!Bun.which('setpriv')) return null
  const reach = Bun.spawnSync([...words, 'test', '-x', binaryPath, '-a', '-x', tmpdir()])
  return reach.success ? words : null
}

const leftToDo: (() => void | Promise<void>)[] = []

/** Has `work` done by `removeWorkFolders`; what is named last is done first. */
export function afterwards(work: () => void | Promise<void>): void {
  leftToDo.push(work)
}

/** A fresh empty folder, until `removeWorkFolders`. */
export function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'petrosa-binary-'))
  afterwards(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * Removes the folders and databases made so far, and ends the servers: for `afterAll` of each test file,
 * since the test runner tells no exit.
 */
export async function removeWorkFolders(): Promise<void> {
  for (const work of leftToDo.splice(0).reverse()) await work()
}

type Waiting = {
  readonly message: string
  left: number
  readonly resolve: () => void
  readonly reject: (e: Error) => void
}

/** Starts the program. */
export function startPetrosa(args: readonly string[], options: RunOptions): RunningPetrosa {
  ensureBinary()
  const startedMs = performance.now()
  const child = Bun.spawn([...(options.through ?? []), binaryPath, ...args], {
    cwd: options.cwd,
    env: { ...options.env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const log: LogLine[] = []
  let waiting: Waiting[] = []
  const hear = (text: string): void => {
    const line = logLine(text)
    if (line === null) return
    log.push(line)
    options.onLine?.(line)
    for (const one of waiting) if (one.message === line.message && --one.left === 0) one.resolve()
    waiting = waiting.filter((one) => one.left > 0)
  }
  const { limitMs = RUN_LIMIT_MS } = options
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs)
  const follow = async (): Promise<Run> => {
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), lines(child.stderr, hear)])
    await child.exited
    clearTimeout(limit)
    const run = finishedRun({ child, stdout, stderr, log, durationMs: performance.now() - startedMs })
    for (const one of waiting)
      one.reject(new Error(`the run ended before it said '${one.message}': ${tail(run)}`))
    if (run.durationMs >= limitMs) throw new Error(`the run took more than ${limitMs} ms: ${tail(run)}`)
    return run
  }
  return {
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    said: (message, times = 1) =>
      new Promise((resolve, reject) => {
        const left = times - log.filter((line) => line.message === message).length
        if (left <= 0) resolve()
        else waiting.push({ message, left, resolve, reject })
      }),
    ended: follow(),
  }
}

/** Runs the program to its end. */
export function runPetrosa(args: readonly string[], options: RunOptions): Promise<Run> {
  return startPetrosa(args, options).ended
}

type Finished = Pick<Run, 'stdout' | 'stderr' | 'log' | 'durationMs'> & { readonly child: Subprocess }

function finishedRun({ child, ...rest }: Finished): Run {
  const result = (): Result => {
    const [line = '', ...more] = rest.stdout.split('\n')
    if (more.length !== 1 || more[0] !== '')
      throw new Error(`standard output is not one line: '${rest.stdout}' (${rest.stderr.slice(-500)})`)
    return JSON.parse(line) as Result
  }
  return {
    ...rest,
    exitCode: child.exitCode ?? -1,
    signal: child.signalCode === null ? null : String(child.signalCode),
    result,
  }
}

/** The end of what a run said, for the message of a failed test. */
export const tail = (run: Run): string =>
  `exit ${run.signal ?? run.exitCode}\n${run.stdout.slice(-1_500)}${run.stderr.slice(-1_500)}`

function logLine(text: string): LogLine | null {
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null && 'message' in line ? (line as LogLine) : null
  } catch {
    // A plain line, said before there was a log.
    return null
  }
}

/** Reads a stream to its end, and hands on every whole line. */
async function lines(stream: ReadableStream<Uint8Array>, hear: (line: string) => void): Promise<string> {
  const decoder = new TextDecoder()
  let all = ''
  let from = 0
  for await (const chunk of stream) {
    all += decoder.decode(chunk, { stream: true })
    for (let end = all.indexOf('\n', from); end >= 0; end = all.indexOf('\n', from)) {
      hear(all.slice(from, end))
      from = end + 1
    }
  }
  return all
}

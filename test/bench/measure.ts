// Runs a program as a whole process and reads the operating system's own account of it; medians over several
// runs, since machines are shared and noisy.
import { rm } from 'node:fs/promises'

export type Usage = {
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly peakBytes: number
  readonly stdout: string
}

/** Counted runs of everything that is measured. */
export const RUNS = Number(process.env.BENCH_RUNS ?? 5)

/** Runs a command to its end. Throws when it fails, with what it said. */
export async function measure(
  command: readonly string[],
  env: Record<string, string> = {},
  cwd?: string,
): Promise<Usage> {
  const startedMs = performance.now()
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    ...(cwd === undefined ? {} : { cwd }),
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  const wallSeconds = (performance.now() - startedMs) / 1_000
  if (code !== 0)
    throw new Error(
      `${command.join(' ').slice(0, 200)} ended with ${code}: ${stderr.slice(-2_000)}${stdout.slice(-500)}`,
    )
  const usage = child.resourceUsage()
  if (!usage) throw new Error('no account of the process')
  return { wallSeconds, cpuSeconds: Number(usage.cpuTime.total) / 1e6, peakBytes: usage.maxRSS, stdout }
}

/** Removes a SQLite file, and what it has beside it. */
export async function removeDatabase(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** RUNS times what `once` gives, one after another. */
export async function repeat<T>(once: (run: number) => Promise<T>): Promise<T[]> {
  const out: T[] = []
  for (let run = 0; run < RUNS; run += 1) out.push(await once(run))
  return out
}

/** A line of the report: what, the measured value, and beside what. */
export function report(what: string, value: string, beside = ''): void {
  process.stdout.write(`${what.padEnd(46)} ${value.padStart(14)}  ${beside}\n`)
}

export const rate = (rows: number, seconds: number): string =>
  `${Math.round(rows / seconds / 1_000)} k rows/s`
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

// Runs petrosa from its sources as a process of its own, in the environment of the take-over: what its
// commands promise (exact, restartable, a good citizen) need not be promised twice.
import { join } from 'node:path'
import { exitCodes } from '../../src/errors.ts'

const program = join(import.meta.dir, '..', '..', 'src', 'main.ts')

/** Codes after which the take-over goes on: all is stored, or what is open is named and comes next time. */
const goesOn: readonly number[] = [exitCodes.done, exitCodes.open]

/**
 * What would narrow or bend the runs: rules of another job, a part of the series, no archives, no end. What
 * this leaves out is said by flags.
 */
const foreign = ['CONFIG', 'SHARD', 'SHARDS', 'SOURCE', 'SERVE'].flatMap((name) => [name, `${name}_FILE`])
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.includes(name)))

/** A run of petrosa that ended in a way that ends the take-over too; it has said why itself. */
export class EndedError extends Error {
  readonly exitCode: number

  constructor(words: readonly string[], exitCode: number) {
    super(`petrosa ${words[0]} ended with ${exitCode}`)
    this.exitCode = exitCode
  }
}

/** Runs it with its log on standard error, and gives its JSON. Throws EndedError where nothing can follow. */
export async function runPetrosa(words: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const child = Bun.spawn([process.execPath, program, ...words, '--json'], {
    env,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  // A signal to this process alone is meant for the one that works.
  const pass = (signal: NodeJS.Signals): void => child.kill(signal)
  process.on('SIGTERM', pass)
  process.on('SIGINT', pass)
  const text = await new Response(child.stdout).text()
  const exitCode = await child.exited
  process.off('SIGTERM', pass)
  process.off('SIGINT', pass)
  if (!goesOn.includes(exitCode)) throw new EndedError(words, exitCode)
  return JSON.parse(text) as Record<string, unknown>
}

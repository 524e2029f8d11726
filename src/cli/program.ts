// The program from its words to its exit code: finds the command, resolves its settings, runs it, prints its
// result. Errors become one line each, here and nowhere else.
import { didYouMean } from '../core/nearest.ts'
import { untraced } from '../core/trace.ts'
import { type ExitCode, errorLine, exitCodeOf, exitCodes, UserError } from '../errors.ts'
import { wrapToWidth } from '../observe/terminal.ts'
import type { ResolvedRun } from '../settings/resolve.ts'
import type { World } from '../world.ts'
import { type CommandEntry, commands } from './all.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { commandHelp, programHelp } from './help.ts'

/** Runs the program; answers its exit code. Never throws. */
export async function runProgram(words: readonly string[], world: World): Promise<ExitCode> {
  try {
    return await dispatch(words, world)
  } catch (error) {
    // Before the settings are known there is no log: a plain line, whatever reads it.
    const columns = world.stderr.isTerminal ? world.stderr.columns : Number.POSITIVE_INFINITY
    await world.stderr.write(`${wrapToWidth(`petrosa: ${errorLine(error)}`, columns, 2).join('\n')}\n`)
    return exitCodeOf(error)
  }
}

async function dispatch(words: readonly string[], world: World): Promise<ExitCode> {
  const [first, ...rest] = words
  if (first === undefined || first === '--help' || first === '-h')
    return print(world, programHelp(world.version))
  if (first === 'version' || first === '--version' || first === '-v') {
    if (rest.length > 0) throw new UserError(`unexpected '${rest[0]}' after petrosa ${first}`)
    return print(world, `${world.version}\n`)
  }
  if (first === 'help') {
    const [name, extra] = rest
    if (extra !== undefined) throw new UserError(`unexpected '${extra}'`, 'see: petrosa help COMMAND')
    return print(world, name === undefined ? programHelp(world.version) : commandHelp(findCommand(name)))
  }
  const command = findCommand(first)
  if (rest.includes('--help') || rest.includes('-h')) return print(world, commandHelp(command))
  return runCommand(command, rest, world)
}

function findCommand(name: string): CommandEntry {
  const command = commands.find((candidate) => candidate.name === name)
  if (command) return command
  const near = didYouMean(name, [...commands.map((candidate) => candidate.name), 'version', 'help'])
  if (name.startsWith('-')) throw new UserError(`no command before ${name}`, 'see: petrosa help')
  throw new UserError(`unknown command '${name}'`, near || 'see: petrosa help')
}

async function print(world: World, text: string): Promise<ExitCode> {
  await world.stdout.write(text)
  return exitCodes.done
}

async function runCommand(command: CommandEntry, words: readonly string[], world: World): Promise<ExitCode> {
  const startedAtMs = world.nowMs()
  const startedMs = world.monotonicMs()
  const { parseFlags } = await import('./flags.ts')
  const { resolveSettings } = await import('../settings/resolve.ts')
  const flags = await parseFlags(command, words)
  const resolveAgain = (): Promise<ResolvedRun> =>
    resolveSettings(world, flags, command.settings, command.defaults)
  const resolved = await resolveAgain()
  const { startObservers } = await import('../observe/start.ts')
  const { logLevel, logFormat } = resolved.settings
  const isServing = resolved.settings.serve === true || command.name === 'serve'
  const observers = await startObservers(world, {
    command: command.name,
    level: logLevel ?? 'info',
    format: logFormat,
    isServing,
    perSymbol: resolved.settings.metricsPerSymbol === true,
  })
  const context: CommandContext = {
    ...resolved,
    world: observers.world,
    command: command.name,
    startedAtMs,
    startedMs,
    tell: observers.tell,
    listen: observers.listen,
    trace: observers.trace,
    resolveAgain,
    setLogLevel: observers.setLevel,
  }
  try {
    const run = await command.load()
    // While serving each pass is a trace of its own.
    const whole = isServing ? untraced : observers.trace
    const result = await whole('pass', { 'petrosa.command': command.name }, () => run(context))
    await observers.stop()
    await printResult(context, result)
    return result.exitCode
  } catch (error) {
    const reason = world.signal.aborted ? world.signal.reason : error
    observers.failed(reason)
    await observers.stop()
    const exitCode = exitCodeOf(reason)
    await printResult(context, { text: '', errors: [errorLine(reason)], exitCode })
    return exitCode
  }
}

async function printResult(context: CommandContext, result: CommandResult): Promise<void> {
  const { stdout } = context.world
  if (context.settings.json) {
    const { resultJson } = await import('./command.ts')
    await stdout.write(`${resultJson(context, result)}\n`)
  } else if (result.text !== '') await stdout.write(result.text)
}

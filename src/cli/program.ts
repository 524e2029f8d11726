// The program from its words to its exit code: finds the command, resolves its settings, runs it, prints its
// result. Errors become one line each, here and nowhere else.
import { didYouMean } from '../core/nearest.ts'
import { untraced } from '../core/trace.ts'
import { type ExitCode, errorLine, exitCodeOf, exitCodes, UserError } from '../errors.ts'
import { Terminal, wrapToWidth } from '../observe/terminal.ts'
import type { ResolvedRun } from '../settings/resolve.ts'
import type { Stream, World } from '../world.ts'
import { type CommandEntry, commands } from './all.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { commandHelp, programHelp } from './help.ts'

/** Runs the program; answers its exit code. Never throws. */
export async function runProgram(words: readonly string[], world: World): Promise<ExitCode> {
  const startedAtMs = world.nowMs()
  try {
    return await dispatch(words, world)
  } catch (error) {
    const command = commands.find(({ name }) => name === words[0])?.name
    await tellRefusal(error, command, words, world)
    if (command !== undefined && words.some((word) => word === '--json' || word === '--json=true')) {
      const { summaryJson } = await import('./command.ts')
      const begun = { command, startedAtMs, durationMs: world.nowMs() - startedAtMs }
      const line = `${JSON.stringify(summaryJson(begun, undefined, [errorLine(error)]))}\n`
      // It may be standard output itself that fails, and that is told.
      await world.stdout.write(line).catch(() => undefined)
    }
    return exitCodeOf(error)
  }
}

/**
 * Says why nothing was begun, or why the result cannot be told. The settings are not known here: what they
 * say of the log counts as far as it makes sense, and whoever is no command has a plain line.
 */
async function tellRefusal(
  error: unknown,
  command: string | undefined,
  words: readonly string[],
  world: World,
): Promise<void> {
  const { stderr } = world
  const line = errorLine(error)
  if (command === undefined || logFormatOf(words, world) === 'pretty') {
    const columns = stderr.isTerminal ? stderr.columns : Number.POSITIVE_INFINITY
    await stderr.write(`${wrapToWidth(`petrosa: ${line}`, columns, 2).join('\n')}\n`)
    return
  }
  const { startLog } = await import('../observe/log.ts')
  const terminal = new Terminal(stderr)
  const options = {
    level: 'error',
    format: 'json',
    logger: `petrosa.${command}`,
    nowMs: world.nowMs,
  } as const
  startLog(terminal, options).error(line)
  await terminal.flushed()
}

function logFormatOf(words: readonly string[], { env, stderr }: World): 'pretty' | 'json' {
  const at = words.findIndex((word) => word === '--log-format' || word.startsWith('--log-format='))
  const flag = at < 0 ? undefined : (words[at]?.split('=')[1] ?? words[at + 1])
  const said = flag ?? env.LOG_FORMAT
  if (said === 'json' || said === 'pretty') return said
  return stderr.isTerminal ? 'pretty' : 'json'
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
    const isBuiltIn = name === undefined || name === 'version' || name === 'help'
    return print(world, isBuiltIn ? programHelp(world.version) : commandHelp(findCommand(name)))
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
  let result: CommandResult
  try {
    const run = await command.load()
    // While serving each pass is a trace of its own.
    const whole = isServing ? untraced : observers.trace
    result = await whole('pass', { 'petrosa.command': command.name }, () => run(context))
  } catch (error) {
    const reason = world.signal.aborted ? world.signal.reason : error
    observers.failed(reason)
    result = { text: '', errors: [errorLine(reason)], exitCode: exitCodeOf(reason) }
  }
  await observers.stop()
  await printResult(context, result)
  return result.exitCode
}

async function printResult(context: CommandContext, result: CommandResult): Promise<void> {
  const { stdout } = context.world
  if (context.settings.json) {
    const { resultJson } = await import('./command.ts')
    await stdout.write(`${resultJson(context, result)}\n`)
  } else if (result.text !== '') await stdout.write(shownText(result.text, stdout))
}

/** In a terminal lines are broken between words; in a pipe each stays one, for whoever cuts it up. */
function shownText(text: string, { columns, isTerminal }: Stream): string {
  if (!isTerminal) return text
  const lines = text.split('\n').flatMap((line) => wrapToWidth(line, columns, 2))
  return lines.join('\n')
}

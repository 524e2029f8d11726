// petrosa funding: brings funding rates up to date, or fetches --start … --end.
import { funding } from '../datasets/funding.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { runFetchCommand } from './fetch-command.ts'

/** Runs the command. */
export function runFunding(context: CommandContext): Promise<CommandResult> {
  return runFetchCommand(context, () => ({ dataset: funding, periods: [null] }))
}

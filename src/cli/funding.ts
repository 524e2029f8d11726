// petrosa funding: brings funding rates up to date, or fetches --start … --end.
import { funding } from '../datasets/funding.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { runFetch } from './fetch.ts'

/** Runs the command. */
export async function runFunding(context: CommandContext): Promise<CommandResult> {
  return runFetch(context, funding, [null])
}

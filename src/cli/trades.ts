// petrosa trades: brings trades up to date, or fetches --start … --end; aggregates unless each one is wanted.
import { aggTrades, trades } from '../datasets/trades.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { runFetch } from './fetch.ts'

/** Runs the command. */
export async function runTrades(context: CommandContext): Promise<CommandResult> {
  return runFetch(context, need(context.settings, 'kind') === 'raw' ? trades : aggTrades, [null])
}

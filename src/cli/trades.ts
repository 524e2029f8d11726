// petrosa trades: brings trades up to date, or fetches --start … --end; aggregates unless each one is wanted.
import { aggTrades, trades } from '../datasets/trades.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { runFetchCommand } from './fetch-command.ts'

/** Runs the command. */
export function runTrades(context: CommandContext): Promise<CommandResult> {
  return runFetchCommand(context, ({ settings }) => ({
    dataset: need(settings, 'kind') === 'raw' ? trades : aggTrades,
    periods: [null],
  }))
}

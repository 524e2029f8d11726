// petrosa klines: brings klines up to date, or fetches --start … --end; --dataset for what is shaped like
// them.
import { datasetNamed } from '../datasets/all.ts'
import { UserError } from '../errors.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { runFetch } from './fetch.ts'

/** Runs the command. */
export async function runKlines(context: CommandContext): Promise<CommandResult> {
  const { settings } = context
  const periods = need(settings, 'period')
  if (settings.market !== 'spot' && periods.includes('1s'))
    throw new UserError(`${settings.market} has no period 1s`, 'its shortest is 1m')
  const name = need(settings, 'dataset')
  const dataset = datasetNamed(name)
  if (!dataset) throw new Error(`no dataset ${name}`)
  if (dataset.order !== 'calendar') {
    const command = name === 'funding' ? 'funding' : `trades --kind ${name === 'trades' ? 'raw' : 'agg'}`
    throw new UserError(`${name} are no klines`, `use: petrosa ${command}`)
  }
  return runFetch(context, dataset, periods)
}

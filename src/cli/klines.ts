// petrosa klines: brings klines up to date, or fetches --start … --end; --dataset for what is shaped like
// them.
import { datasetNamed } from '../datasets/all.ts'
import { UserError } from '../errors.ts'
import type { Resolved } from '../settings/resolve.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { runFetchCommand, type Wanted } from './fetch-command.ts'

/** Runs the command. */
export function runKlines(context: CommandContext): Promise<CommandResult> {
  return runFetchCommand(context, wantedOf)
}

function wantedOf({ settings }: Resolved): Wanted {
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
  return { dataset, periods }
}

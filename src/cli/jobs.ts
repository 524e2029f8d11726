// The jobs of the pipeline: those of --config, else what makes sense for the symbols that are set: klines of
// every period, and funding rates where futures are meant or nothing was said.
import type { Dataset } from '../core/dataset.ts'
import type { Period } from '../core/series.ts'
import { datasetNamed } from '../datasets/all.ts'
import { UserError } from '../errors.ts'
import type { Resolved } from '../settings/resolve.ts'
import { type CommandContext, need } from './command.ts'

export type Job = Resolved & {
  /** For people: the dataset, the market, the symbols. */
  readonly name: string
  readonly dataset: Dataset
  readonly periods: readonly (Period | null)[]
}

/** Every job, checked before any of them begins. Throws UserError that names the line of a bad one. */
export function jobsOf(context: CommandContext): Job[] {
  if (context.jobs.length > 0) return context.jobs.map((job) => jobOf(job, job.place))
  const { settings, origins } = context
  const job = jobOf(context, 'the settings')
  const nothingSaid = origins.symbols === 'default' && origins.market === 'default'
  if (job.dataset.name !== 'klines' || (settings.market === 'spot' && !nothingSaid)) return [job]
  const market = settings.market === 'spot' ? 'um' : settings.market
  const rates = { ...settings, dataset: 'funding', market, start: settings.start } as const
  return [job, jobOf({ settings: rates, origins }, 'the settings')]
}

function jobOf(resolved: Resolved, place: string): Job {
  const { origins } = resolved
  const name = need(resolved.settings, 'dataset')
  const dataset = datasetNamed(name)
  if (!dataset) throw new Error(`no dataset ${name}`)
  const impliesFutures = !dataset.markets.includes('spot') && origins.market === 'default'
  const market = impliesFutures ? 'um' : need(resolved.settings, 'market')
  const settings = { ...resolved.settings, market }
  if (!dataset.markets.includes(market))
    throw new UserError(`${place}: ${market} has no ${name}`, `markets of it: ${dataset.markets.join(', ')}`)
  const periods: readonly (Period | null)[] = dataset.order === 'calendar' ? need(settings, 'period') : [null]
  if (market !== 'spot' && periods.includes('1s'))
    throw new UserError(`${place}: ${market} has no period 1s`, 'its shortest is 1m')
  const symbols = need(settings, 'symbols')
  const named = symbols.length > 5 ? `${symbols.length} symbols` : symbols.join(',')
  const text = periods[0] === null ? '' : ` ${periods.join(',')}`
  return { settings, origins, name: `${market} ${name} ${named}${text}`, dataset, periods }
}

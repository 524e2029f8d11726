// Whether the exchange knows the symbols of new jobs, asked before they take the place of jobs that work.
import { ForeignHostError, PetrosaError, UnavailableError, UserError } from '../errors.ts'
import { type CommandContext, need } from './command.ts'
import type { Connections } from './connections.ts'
import { choiceOf, openExchange } from './exchange.ts'
import type { ServeJob } from './serve-jobs.ts'
import { resolveSymbols } from './symbol-choice.ts'

/** An exchange that has not answered by then is away, ms. */
const PATIENCE_MS = 20_000

/**
 * Throws UserError where a job that fetches names a symbol that nobody knows. Where the exchange does not
 * answer in time, or not from here, nothing is known of its symbols: the job's own passes will tell.
 */
export async function refuseUnknownNames(
  context: CommandContext,
  connections: Pick<Connections, 'budgets'>,
  jobs: readonly ServeJob[],
  stopping: AbortSignal,
): Promise<void> {
  const late = new AbortController()
  const done = new AbortController()
  const tooLate = (): void => late.abort(new UnavailableError('the exchange does not answer'))
  context.world.wait(PATIENCE_MS, done.signal).then(tooLate, () => undefined)
  const signal = AbortSignal.any([stopping, late.signal])
  try {
    for (const job of jobs)
      if (job.kind === 'fetch')
        await resolve({ ...context, world: { ...context.world, signal } }, connections, job)
  } finally {
    done.abort()
  }
}

async function resolve(
  base: CommandContext,
  connections: Pick<Connections, 'budgets'>,
  { dataset, market, origins, settings }: ServeJob,
): Promise<void> {
  const context = { ...base, settings, origins }
  try {
    const budgets = connections.budgets(context, market)
    const exchange = await openExchange(context, market, { budgets })
    await resolveSymbols(exchange, market, dataset.name, choiceOf(context, need(settings, 'symbols')))
  } catch (error) {
    const isUser = error instanceof UserError && !(error instanceof ForeignHostError)
    if (isUser || !(error instanceof PetrosaError)) throw error
  }
}

/** What makes it another question which symbols a job means. */
export function namesKey({ dataset, market, settings }: ServeJob): string {
  const { apiUrl, coinFuturesApiUrl, exclude, futuresApiUrl, quote, source, status, symbols } = settings
  const asked = { symbols, quote, exclude, status, source, apiUrl, futuresApiUrl, coinFuturesApiUrl }
  return JSON.stringify([dataset.name, market, asked])
}

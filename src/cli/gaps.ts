// petrosa gaps: finds gaps in what is stored, says why each is there; --fill fetches what can be fetched,
// --recheck asks again for outages.
import { klines } from '../datasets/klines.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { refuseBackwards } from './fetch.ts'
import { isServing } from './fetch-command.ts'
import { gapsPass } from './gaps-once.ts'
import { chosenStore } from './open-store.ts'

/** Runs the command. Without --fill and --recheck nothing is asked of the exchange. */
export async function runGaps(context: CommandContext): Promise<CommandResult> {
  refuseBackwards(context.settings.start, context.settings.end, null)
  chosenStore(context)
  if (!isServing(context)) return gapsPass(context)
  const { serve } = await import('./serve.ts')
  const { gapsCommandJob } = await import('./serve-jobs.ts')
  return serve(context, (resolved, nowMs) => [gapsCommandJob(resolved, klines, nowMs)])
}

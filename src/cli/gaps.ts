// petrosa gaps: finds gaps in what is stored, says why each is there; --fill fetches what can be fetched,
// --recheck asks again for outages.
import type { CommandContext, CommandResult } from './command.ts'
import { ownConnections } from './connections.ts'
import { refuseBackwards } from './fetch.ts'
import { runOverGaps } from './gap-run.ts'
import type { FillWish } from './gap-scan.ts'
import { chosenStore } from './open-store.ts'
import { filterOf } from './stored-series.ts'

/** Runs the command. Without --fill and --recheck nothing is asked of the exchange. */
export async function runGaps(context: CommandContext): Promise<CommandResult> {
  const { start, end, dryRun } = context.settings
  refuseBackwards(start, end, null)
  chosenStore(context)
  const range = { start, end }
  const asked = {
    concerns: filterOf(context),
    range: () => range,
    wish: wishOf(context),
    dryRun: dryRun === true,
  }
  return runOverGaps(context, asked, ownConnections)
}

/** What is to be fetched; null for nothing. A plan without a word of what is that of --fill. */
function wishOf({ settings }: CommandContext): FillWish | null {
  const { dryRun, fill, recheck } = settings
  if (!fill && !recheck && !dryRun) return null
  return { open: fill === true || !recheck, outages: recheck ? 'all' : 'overdue' }
}

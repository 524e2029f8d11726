// One pass of petrosa gaps as its flags say it: over what is stored, with --fill and --recheck fetching.
import type { Series } from '../core/series.ts'
import type { CommandContext, CommandResult } from './command.ts'
import { type Connections, ownConnections } from './connections.ts'
import { runOverGaps } from './gap-run.ts'
import type { FillWish } from './gap-scan.ts'
import { filterOf, refuseUnknown } from './stored-series.ts'

/** One pass over the gaps of what is stored, as the flags say. */
export async function gapsPass(
  context: CommandContext,
  connections: Connections = ownConnections,
): Promise<CommandResult> {
  const { start, end, dryRun } = context.settings
  const range = { start, end }
  const asked = {
    concerns: filterOf(context),
    refuse: (stored: readonly Series[]) => refuseUnknown(context, stored),
    range: () => range,
    wish: wishOf(context),
    dryRun: dryRun === true,
  }
  return runOverGaps(context, asked, connections)
}

/** What is to be fetched; null for nothing. A plan without a word of what is that of --fill. */
function wishOf({ settings }: CommandContext): FillWish | null {
  const { dryRun, fill, recheck } = settings
  if (!fill && !recheck && !dryRun) return null
  return { open: fill === true || !recheck, outages: recheck ? 'all' : 'overdue' }
}

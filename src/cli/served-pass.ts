// One pass of a job that serves: whatever it meets ends the pass, is told and remembered, and ends nothing
// else.
import type { Summary, Tell } from '../core/events.ts'
import { errorLine, exitCodeOf, PetrosaError, StoppedError } from '../errors.ts'
import type { Board } from '../server/board.ts'
import { type CommandContext, summaryJson } from './command.ts'
import type { Connections } from './connections.ts'
import type { ServeJob } from './serve-jobs.ts'

/** Runs a pass with the context of the job, and gives what came of it. `signal` stops it between pages. */
export async function servedPass(
  context: CommandContext,
  job: ServeJob,
  connections: Connections,
  board: Board,
  signal: AbortSignal,
): Promise<Summary> {
  const { tell, world } = context
  const startedAtMs = world.nowMs()
  const startedMs = world.monotonicMs()
  board.begin(startedAtMs)
  const both: Tell = (event) => {
    board.tell(event)
    tell(event)
  }
  const own = { ...context, startedAtMs, startedMs, tell: both, world: { ...world, signal } }
  const blank = { command: context.command, startedAtMs, durationMs: 0 }
  let summary: Summary
  try {
    const about = { 'petrosa.command': context.command, 'petrosa.job': job.name }
    const result = await context.trace('pass', about, () => job.pass(own, connections))
    summary = result.summary ?? emptySummary(blank, [], result.exitCode)
  } catch (thrown) {
    const error = signal.aborted ? signal.reason : thrown
    if (!(error instanceof PetrosaError)) tell({ type: 'defect', error })
    else if (!(error instanceof StoppedError)) tell({ type: 'failure', error })
    const durationMs = world.monotonicMs() - startedMs
    summary = emptySummary({ ...blank, durationMs }, [errorLine(error)], exitCodeOf(error))
    tell({ type: 'pass-failed', summary })
  }
  const durationMs = world.monotonicMs() - startedMs
  board.end(summaryJson(summary, summary))
  const { market, dataset, kind } = job
  // Over gaps of several datasets and markets, it is a pass of none of them.
  if (kind === 'fetch')
    tell({ type: 'pass-served', market, dataset: dataset.name, durationMs, exitCode: summary.exitCode })
  return summary
}

/** The summary of a pass that came to nothing. */
function emptySummary(
  times: Pick<Summary, 'command' | 'startedAtMs' | 'durationMs'>,
  errors: readonly string[],
  exitCode: number,
): Summary {
  const nothing = { series: 0, rowsFetched: 0, rowsWritten: 0, rowsChanged: 0 }
  return { ...times, ...nothing, requests: 0, weight: 0, archives: 0, unsettled: [], errors, exitCode }
}

// The result of --dry-run: what a pass would fetch, and what it would cost. Nothing was touched.
import type { SeriesJob } from '../core/pass.ts'
import { taskCost } from '../core/plan.ts'
import { seriesKey } from '../core/series.ts'
import { isoTime } from '../core/span.ts'
import { spansOf } from '../core/tasks.ts'
import { counted, thousands } from '../observe/progress.ts'
import type { CommandResult } from './command.ts'
import { minuteText, namedTable, wrapped } from './text-table.ts'

/** The plan of the jobs, a row a span, in so many columns; `nothing` says why there is none. */
export function planResult(
  jobs: readonly SeriesJob[],
  columns: number,
  nothing = 'nothing to fetch: all of it is stored or settled',
): CommandResult {
  const plan = jobs.flatMap((job) =>
    job.plan.tasks.flatMap((task) => {
      const { rows, ...cost } = taskCost(job.series, job.period, task, job.source)
      const spans = spansOf(task)
      const [first, last] = [spans[0], spans.at(-1)]
      if (!first || !last) return []
      return {
        series: seriesKey(job.series),
        start: isoTime(first.startMs),
        end: isoTime(last.endMs),
        source: task.kind,
        ...cost,
        rows,
      }
    }),
  )
  const sum = (key: 'requests' | 'weight' | 'rows' | 'archives'): number =>
    plan.reduce((total, one) => total + one[key], 0)
  const rows = plan.map((one) => [
    minuteText(one.start),
    minuteText(one.end),
    one.source === 'rest' ? counted(one.requests, 'request') : one.source,
    one.rows === 0 ? '?' : thousands(one.rows),
  ])
  const names = plan.map(({ series }) => series)
  const archives = sum('archives')
  const cost =
    `${counted(sum('rows'), 'row')} at most, ` +
    `${archives > 0 ? `${counted(archives, 'archive')}, ` : ''}${counted(sum('requests'), 'request')}, ` +
    `weight ${thousands(sum('weight'))}; nothing was touched\n`
  const table = namedTable(['series', 'from', 'to', 'by', 'rows'], names, rows, columns)
  const text = plan.length === 0 ? `${nothing}\n` : table + wrapped(cost)
  return { fields: { series: jobs.length, plan }, text, exitCode: 0 }
}

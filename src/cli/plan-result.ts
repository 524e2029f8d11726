// The result of --dry-run: what a pass would fetch, and what it would cost. Nothing was touched.
import { countPlaces } from '../core/calendar.ts'
import type { SeriesJob } from '../core/pass.ts'
import { costPlan } from '../core/plan.ts'
import { seriesKey } from '../core/series.ts'
import { isoTime } from '../core/span.ts'
import { counted, thousands } from '../observe/progress.ts'
import type { CommandResult } from './command.ts'
import { minuteText, textTable } from './text-table.ts'

/** The plan of the jobs, a row a span. */
export function planResult(jobs: readonly SeriesJob[]): CommandResult {
  const plan = jobs.flatMap((job) =>
    job.plan.spans.map((span) => {
      const cost = costPlan(job.series, job.period, [span], job.source)
      return {
        series: seriesKey(job.series),
        start: isoTime(span.startMs),
        end: isoTime(span.endMs),
        source: job.source.name,
        requests: cost.requests,
        weight: cost.weight,
        archives: 0,
        rows: countPlaces(job.period, span),
      }
    }),
  )
  const sum = (key: 'requests' | 'weight' | 'rows'): number =>
    plan.reduce((total, one) => total + one[key], 0)
  const rows = plan.map((one) => [
    one.series,
    minuteText(one.start),
    minuteText(one.end),
    thousands(one.requests),
    thousands(one.rows),
  ])
  const head = ['series', 'from', 'to', 'requests', 'rows']
  const text =
    plan.length === 0
      ? 'nothing to fetch: all of it is stored or settled\n'
      : `${textTable(head, rows)}${counted(sum('rows'), 'row')} at most, ` +
        `${counted(sum('requests'), 'request')}, ` +
        `weight ${thousands(sum('weight'))}; nothing was touched\n`
  return { fields: { series: jobs.length, plan }, text, exitCode: 0 }
}

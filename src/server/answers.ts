// The answers of the routes, made of what the program shows of itself. Times are ISO 8601 in UTC.
import { isoTime } from '../core/span.ts'
import type { HostWeight, JobView, Json, PassBoard, Served } from './served.ts'
import type { Trouble } from './troubles.ts'

const timeOrNull = (timeMs: number | null): string | null => (timeMs === null ? null : isoTime(timeMs))
const seconds = (ms: number): number => Math.round(ms) / 1_000

/** `GET /`. */
export function aboutAnswer(served: Served, routes: readonly string[]): Json {
  return {
    name: 'petrosa',
    version: served.version,
    command: served.command,
    uptime_seconds: seconds(served.uptimeMs()),
    routes,
  }
}

/** `GET /ready`. */
export function readyAnswer(reasons: readonly string[]): Json {
  return { ready: reasons.length === 0, reasons }
}

/** `GET /api/status`. Several jobs are one pass here; each by itself stands under `jobs`. */
export function statusAnswer(served: Served): Json {
  const jobs = served.jobs()
  const nextMs = jobs.flatMap((job) => job.nextPassAtMs ?? [])
  return {
    version: served.version,
    uptime_seconds: seconds(served.uptimeMs()),
    command: served.command,
    not_ready: served.lastUnready(),
    pass: passAnswer(jobs),
    last_pass: lastPass(jobs),
    next_pass_at: nextMs.length === 0 ? null : isoTime(Math.min(...nextMs)),
    exchange: exchangeAnswer(served.weights()),
    jobs: jobs.map((job) => ({
      name: job.name,
      schedule: job.schedule,
      pass: boardAnswer(job.pass),
      last_pass: job.lastPass,
      next_pass_at: timeOrNull(job.nextPassAtMs),
    })),
    surveyed_at: timeOrNull(served.surveyedAtMs()),
    series: served.stored().series,
  }
}

/** What runs now, all jobs together; where none runs, the last pass that began. */
export function passAnswer(jobs: readonly JobView[]): Json {
  const running = jobs.map((job) => job.pass).filter((pass) => pass.running)
  const last = jobs.map((job) => job.pass).sort((a, b) => (b.startedAtMs ?? 0) - (a.startedAtMs ?? 0))
  const shown = running.length > 0 ? running : last.slice(0, 1)
  const sum = (of: (pass: PassBoard) => number): number => shown.reduce((total, pass) => total + of(pass), 0)
  const startsMs = shown.flatMap((pass) => pass.startedAtMs ?? [])
  return boardAnswer({
    running: running.length > 0,
    startedAtMs: startsMs.length === 0 ? null : Math.min(...startsMs),
    seriesDone: sum((pass) => pass.seriesDone),
    seriesTotal: sum((pass) => pass.seriesTotal),
    rowsWritten: sum((pass) => pass.rowsWritten),
    rowsDone: sum((pass) => pass.rowsDone),
    rowsPlanned: shown.some((pass) => pass.rowsPlanned !== null)
      ? sum((pass) => pass.rowsPlanned ?? 0)
      : null,
  })
}

function boardAnswer(pass: PassBoard): Json {
  return {
    running: pass.running,
    started_at: timeOrNull(pass.startedAtMs),
    series_done: pass.seriesDone,
    series_total: pass.seriesTotal,
    rows_written: pass.rowsWritten,
    rows_done: pass.rowsDone,
    rows_planned: pass.rowsPlanned,
  }
}

/** The pass that ended last. */
function lastPass(jobs: readonly JobView[]): Json | null {
  const ended = jobs.filter((job) => job.lastPass !== null)
  const byStart = ended.sort((a, b) =>
    String(b.lastPass?.started_at).localeCompare(String(a.lastPass?.started_at)),
  )
  return byStart[0]?.lastPass ?? null
}

/** The host that is nearest to its limit, and the pause that ends last. */
export function exchangeAnswer(weights: readonly HostWeight[]): Json {
  const share = ({ used, limit }: HostWeight): number => (limit > 0 ? used / limit : 0)
  const fullest = [...weights].sort((a, b) => share(b) - share(a))[0]
  const pausesMs = weights.flatMap((weight) => weight.pausedUntilMs ?? [])
  return {
    weight_used: fullest?.used ?? 0,
    weight_limit: fullest?.limit ?? 0,
    banned_until: pausesMs.length === 0 ? null : isoTime(Math.max(...pausesMs)),
    hosts: weights.map(({ host, used, limit, pausedUntilMs, pausedForMs }) => ({
      host,
      weight_used: used,
      weight_limit: limit,
      paused_until: timeOrNull(pausedUntilMs),
      pause_seconds: pausedForMs === null ? null : Math.ceil(pausedForMs / 1_000),
    })),
  }
}

/** What went wrong lately, the newest first. */
export function errorsAnswer(troubles: readonly Trouble[]): Json {
  return {
    errors: troubles.map(({ atMs, kind, message, count }) => ({ at: isoTime(atMs), kind, message, count })),
  }
}

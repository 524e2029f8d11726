// The jobs with what came of their last pass, and what went wrong lately.
import type { Job, Known, Trouble } from './answers.ts'
import { byId, element, fill } from './dom.ts'
import { clockTime, counted, duration, minute, thousands } from './words.ts'

/** Shows both lists. */
export function showJobs({ errors, status }: Known): void {
  const jobs = status?.jobs ?? []
  fill(byId('jobs'), jobs, () =>
    jobs.length > 0 ? jobs.map(jobItem) : [element('li', { class: 'quiet' }, 'none')],
  )
  fill(byId('errors'), errors, () =>
    errors.length > 0
      ? errors.map(errorItem)
      : [element('li', { class: 'quiet' }, 'Nothing went wrong so far.')],
  )
}

function jobItem({ last_pass: last, name, next_pass_at: next, pass, schedule }: Job): HTMLElement {
  const result = last
    ? `last: ${counted(last.rows_written, 'row')} new of ${counted(last.series, 'series')} in ` +
      `${duration(last.duration_seconds)}, began ${clockTime(last.started_at)}`
    : 'no pass has ended yet'
  const unsettled =
    last && last.unsettled.length > 0 ? `; ${counted(last.unsettled.length, 'span')} unsettled` : ''
  const time = next === null ? '' : `; next ${clockTime(next)}`
  return element(
    'li',
    {},
    element('b', {}, name),
    ' ',
    tagOf(last, pass.running),
    ' ',
    element('code', { class: 'quiet' }, schedule),
    element('div', { class: 'quiet small' }, `${result}${unsettled}${time}`),
  )
}

function tagOf(last: Job['last_pass'], isRunning: boolean): HTMLElement {
  if (isRunning) return element('span', { class: 'tag good' }, 'running')
  if (!last) return element('span', { class: 'tag' }, 'waiting')
  if (last.errors.length > 0) return element('span', { class: 'tag bad' }, 'failed')
  return last.unsettled.length > 0
    ? element('span', { class: 'tag late' }, 'open')
    : element('span', { class: 'tag good' }, 'done')
}

function errorItem({ at, count, kind, message }: Trouble): HTMLElement {
  const times = count > 1 ? ` · ${thousands(count)} times` : ''
  const level = kind === 'warning' || kind === 'retried' ? 'late' : 'bad'
  return element(
    'li',
    {},
    element('span', { class: `tag ${level}` }, kind),
    element('span', { class: 'quiet small' }, ` ${minute(at, true)}${times} `),
    element('div', {}, message),
  )
}

// The upper part of the page: alerts, the headline with the counts by state, and the reasons of what is
// missing, which are the legend of the timelines too.
import type { Known } from './answers.ts'
import { byId, element, fill, setText } from './dom.ts'
import { headline, type SeriesFacts, type State, states } from './facts.ts'
import { swatch } from './timeline.ts'
import { type Meaning, meanings } from './verdicts.ts'
import { clockTime, counted, duration, thousands } from './words.ts'

/** Shows all of it. `chosen` is the state that the list is narrowed to. */
export function showOverview(known: Known, series: readonly SeriesFacts[], chosen: State | null): void {
  const { level, more, text } = headline(known, series)
  byId('verdict').dataset.level = level
  setText(byId('headline'), text)
  setText(byId('explained'), more)
  document.title = `${level === 'good' ? '✓' : level === 'wait' ? '…' : '!'} ${text} · petrosa`
  const { status } = known
  setText(
    byId('about'),
    status ? `${status.version} · ${status.command} · up ${duration(roughly(status.uptime_seconds))}` : '',
  )
  const words = {
    connecting: 'connecting',
    live: 'live',
    asking: 'asked every 10 s',
    lost: 'not reached',
  } as const
  setText(byId('connection'), words[known.connection])
  byId('connection').dataset.live = { live: 'yes', lost: 'no', connecting: '', asking: '' }[known.connection]
  showAlerts(known)
  showStates(series, chosen)
  showReasons(known, series)
}

/** Seconds as whole minutes, once there are some. */
const roughly = (seconds: number): number => (seconds < 60 ? seconds : Math.floor(seconds / 60) * 60)

function showAlerts({ status }: Known): void {
  const alerts: { level: 'bad' | 'late'; title: string; text: string }[] = []
  for (const reason of status?.not_ready ?? [])
    alerts.push(
      reason.startsWith('the store')
        ? { level: 'bad', title: 'The store does not answer', text: reason.replace(/^[^:]*: /, '') }
        : { level: 'late', title: `Not ready: ${reason}`, text: '' },
    )
  for (const { host, pause_seconds: seconds, paused_until: until } of status?.exchange.hosts ?? []) {
    // Which clock a pause goes by is the program's business: what it tells of has not ended.
    if (until === null || seconds === null) continue
    const left = duration(Math.ceil(seconds / 5) * 5)
    alerts.push({
      level: 'bad',
      title: `The exchange makes us wait until ${clockTime(until)}`,
      text: `${host} pauses or bans this address for ${left} more. Nothing is asked before; then it goes on.`,
    })
  }
  for (const { last_pass: last, name } of status?.jobs ?? []) {
    const [error] = last?.errors ?? []
    if (error) alerts.push({ level: 'late', title: `The last pass of ${name} failed`, text: error })
  }
  fill(byId('alerts'), alerts, () =>
    alerts
      .slice(0, 5)
      .map(({ level, text, title }) =>
        element('p', { class: `alert ${level}` }, element('b', {}, title), text),
      ),
  )
}

const stateWords: Readonly<Record<State, string>> = {
  missing: '▲ with open gaps',
  behind: '◷ behind',
  empty: '○ empty',
  unfollowed: '– not followed here',
  complete: '✓ complete',
}

function showStates(series: readonly SeriesFacts[], chosen: State | null): void {
  const counts = states.map((state) => [state, series.filter((one) => one.state === state).length] as const)
  const shown = counts.filter(([state, count]) => count > 0 || state === chosen || state === 'complete')
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.choose : null
  fill(byId('states'), [shown, chosen], () =>
    series.length === 0
      ? []
      : shown.map(([state, count]) =>
          element(
            'button',
            { type: 'button', 'data-choose': state, 'aria-pressed': String(chosen === state) },
            element('b', {}, thousands(count)),
            ` ${stateWords[state]}`,
          ),
        ),
  )
  // Filling took the button away that had the focus.
  if (focused && document.activeElement === document.body)
    document.querySelector<HTMLElement>(`[data-choose="${focused}"]`)?.focus()
}

function showReasons({ status, timelines }: Known, series: readonly SeriesFacts[]): void {
  const totals = new Map<string, { gaps: number; rows: number; series: number }>()
  const add = (verdict: string, gaps: number, rows: number): void => {
    const total = totals.get(verdict) ?? { gaps: 0, rows: 0, series: 0 }
    totals.set(verdict, { gaps: total.gaps + gaps, rows: total.rows + rows, series: total.series + 1 })
  }
  for (const line of timelines?.series ?? [])
    for (const { gaps, rows, verdict } of line.gaps) add(verdict, gaps, rows)
  for (const { state } of series) if (state === 'behind') add('behind', 0, 0)
  const listed = meanings.map((meaning) => ({ meaning, total: totals.get(meaning.verdict) ?? null }))
  byId('why').hidden = series.length === 0
  const seen = status?.surveyed_at ?? null
  setText(byId('why-seen'), seen === null ? '' : `as of ${clockTime(seen)}`)
  fill(byId('reasons'), listed, () => [
    reason(
      { verdict: 'rows', word: 'complete', why: 'every row that the exchange has is stored', isOpen: false },
      '',
    ),
    ...listed
      .toSorted((a, b) => Number(a.total === null) - Number(b.total === null))
      .map(({ meaning, total }) => reason(meaning, total === null ? null : amount(total))),
  ])
}

function amount({ gaps, rows, series }: { gaps: number; rows: number; series: number }): string {
  if (gaps === 0) return `: ${counted(series, 'series')}`
  const ofRows = rows > 0 ? `${counted(rows, 'row')} in ` : ''
  return `: ${ofRows}${counted(gaps, 'gap')} of ${counted(series, 'series')}`
}

/** One entry of the legend; what there is none of is named, and no more. */
function reason({ verdict, why, word }: Meaning, told: string | null): HTMLElement {
  const name = element('b', {}, `${word}${told ?? ': none'}`)
  const text = told === null ? [name] : [name, element('small', {}, why)]
  const count = told === null ? 'none' : 'some'
  return element('li', { 'data-count': count }, swatch(verdict), element('span', {}, ...text))
}

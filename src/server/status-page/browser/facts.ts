// What follows from what is known: the state of each series, and the one sentence that the page begins with.
import type { Known, SeriesStatus, Status, Timeline } from './answers.ts'
import { counted, duration, minute, thousands } from './words.ts'

export type State = 'missing' | 'behind' | 'empty' | 'unfollowed' | 'complete'
/** The worst first. */
export const states: readonly State[] = ['missing', 'behind', 'empty', 'unfollowed', 'complete']

/** A series whose next row is waited for longer than this is behind, seconds. */
const PROMPT_SECONDS = 60

export type SeriesFacts = SeriesStatus & {
  readonly state: State
  readonly lagSeconds: number | null
  readonly timeline: Timeline | null
}

/** Every series with its state. */
export function seriesFacts({ status, timelines }: Known): SeriesFacts[] {
  const lines = new Map(timelines?.series.map((line) => [line.series, line]))
  return (status?.series ?? []).map((one) => {
    const timeline = lines.get(one.series) ?? null
    const lagSeconds = timeline?.lag_seconds ?? null
    return { ...one, state: stateOf(one, lagSeconds), lagSeconds, timeline }
  })
}

function stateOf({ open_gaps: gaps, first }: SeriesStatus, lagSeconds: number | null): State {
  if (gaps > 0) return 'missing'
  if (lagSeconds !== null && lagSeconds > PROMPT_SECONDS) return 'behind'
  if (first === null) return 'empty'
  // Whether it has its newest rows nobody knows here.
  return lagSeconds === null ? 'unfollowed' : 'complete'
}

export type Level = 'good' | 'late' | 'bad' | 'wait'
export type Headline = { readonly level: Level; readonly text: string; readonly more: string }

/** The sentence, and the one after it. */
export function headline({ connection, heardAtMs, status }: Known, series: readonly SeriesFacts[]): Headline {
  if (connection === 'lost') {
    const since = minute(new Date(heardAtMs).toISOString(), true)
    return {
      level: 'bad',
      text: 'petrosa does not answer',
      more: heardAtMs > 0 ? `What is shown is from ${since}.` : '',
    }
  }
  if (!status) return { level: 'wait', text: 'Looking …', more: '' }
  if (series.length === 0) return nothing(status)
  const of = (state: State): readonly SeriesFacts[] => series.filter((one) => one.state === state)
  const [missing, behind, complete] = [of('missing'), of('behind'), of('complete')]
  const total = counted(series.length, 'series')
  const rest = `${thousands(complete.length)} of ${total} ${complete.length === 1 ? 'is' : 'are'} complete.`
  if (missing.length > 0) {
    const rows = missing.reduce((sum, one) => sum + one.gap_rows, 0)
    const gaps = missing.reduce((sum, one) => sum + one.open_gaps, 0)
    const what =
      rows > 0 ? `${counted(rows, 'row')} ${rows === 1 ? 'is' : 'are'} missing` : counted(gaps, 'open gap')
    const late =
      behind.length > 0 ? ` ${counted(behind.length, 'series')} more ${are(behind.length)} behind.` : ''
    return { level: 'bad', text: `${what} in ${counted(missing.length, 'series')}`, more: `${rest}${late}` }
  }
  if (behind.length > 0) {
    const most = Math.max(...behind.map(({ lagSeconds }) => lagSeconds ?? 0))
    const late = `${counted(behind.length, 'series')} ${are(behind.length)} behind`
    const text = `${late}, by up to ${duration(most)}`
    return { level: 'late', text, more: `Nothing before that is missing. ${rest}` }
  }
  return allWell(series, of, rest)
}

const are = (count: number): string => (count === 1 ? 'is' : 'are')

function nothing({ pass, surveyed_at: surveyed }: Status): Headline {
  if (surveyed === null)
    return {
      level: 'wait',
      text: 'Looking at what is stored …',
      more: 'It takes a while where that is much.',
    }
  if (!pass.running) return { level: 'wait', text: 'Nothing is stored yet', more: 'No pass is running.' }
  const done = `${thousands(pass.series_done)} of ${counted(pass.series_total, 'series')} done`
  const more = `The first pass is running: ${done}.`
  return { level: 'wait', text: 'Nothing is stored yet', more }
}

function allWell(
  series: readonly SeriesFacts[],
  of: (state: State) => readonly SeriesFacts[],
  rest: string,
): Headline {
  const empty = of('empty').length
  if (empty > 0) return { level: 'wait', text: `${counted(empty, 'series')} without a row yet`, more: rest }
  const [complete, unfollowed] = [of('complete').length, of('unfollowed').length]
  const explained = series.reduce((sum, one) => sum + one.explained_gaps, 0)
  const rows = series.reduce((sum, one) => sum + one.rows, 0)
  const why = explained > 0 ? ` ${counted(explained, 'gap')} ${are(explained)} explained below.` : ''
  const stored = `${counted(rows, 'row')} stored, none missing`
  if (complete === 0) {
    const text = `${counted(unfollowed, 'series')} without an open gap`
    const more = `${stored} in between. No job here follows ${unfollowed === 1 ? 'it' : 'them'} now.${why}`
    return { level: 'wait', text, more }
  }
  const followed = unfollowed > 0 ? ' that a job here follows' : ''
  const text =
    complete === 1
      ? `The series${followed} is complete`
      : `All ${counted(complete, 'series')}${followed} are complete`
  const others =
    unfollowed > 0 ? ` ${counted(unfollowed, 'series')} more ${are(unfollowed)} not followed here.` : ''
  return { level: 'good', text, more: `${stored}.${why}${others}` }
}

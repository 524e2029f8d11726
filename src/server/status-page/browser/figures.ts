// The figures beside the headline: lag, pass, rows a second, request weight. Each in words, with a bar where
// something is used up or done.
import type { Known, Status } from './answers.ts'
import { byId, element, fill } from './dom.ts'
import type { Level, SeriesFacts } from './facts.ts'
import { clockTime, counted, duration, short, thousands } from './words.ts'

type Tile = {
  readonly name: string
  readonly value: string
  readonly more: string
  readonly level?: Level
  /** How full its bar is, 0 to 1. */
  readonly share?: number
}

/** Shows the figures. `nowMs` is the program's clock. */
export function showFigures(known: Known, series: readonly SeriesFacts[], nowMs: number): void {
  const { status } = known
  const tiles = status
    ? [lagTile(series), passTile(status, nowMs), rateTile(known, status), weightTile(status)]
    : []
  fill(byId('tiles'), tiles, () => tiles.map(drawn))
}

function drawn({ level = 'good', more, name, share, value }: Tile): HTMLElement {
  const figure = element('dd', { class: level }, value)
  if (share !== undefined) {
    const full = element('i')
    full.style.width = `${Math.min(100, share * 100)}%`
    figure.append(element('span', { class: 'meter', 'data-level': level, 'aria-hidden': 'true' }, full))
  }
  return element('div', {}, element('dt', {}, name), figure, element('dd', {}, more))
}

function lagTile(series: readonly SeriesFacts[]): Tile {
  const followed = series.filter(({ lagSeconds }) => lagSeconds !== null)
  const [worst] = followed.toSorted((a, b) => (b.lagSeconds ?? 0) - (a.lagSeconds ?? 0))
  if (!worst) return { name: 'Lag', value: '-', more: 'no series is followed', level: 'wait' }
  const seconds = worst.lagSeconds ?? 0
  const level = seconds > 60 ? 'late' : 'good'
  const more = seconds === 0 ? 'every closed row is stored' : `the worst: ${worst.series}`
  return { name: 'Lag', value: duration(seconds), more, level }
}

function passTile({ next_pass_at: next, pass }: Status, nowMs: number): Tile {
  if (!pass.running) {
    const value =
      next === null ? 'none is due' : `in ${duration(Math.max(0, (Date.parse(next) - nowMs) / 1_000))}`
    const began = pass.started_at === null ? 'none yet' : `the last began ${clockTime(pass.started_at)}`
    return { name: 'Next pass', value, more: began }
  }
  const sinceMs = pass.started_at === null ? 0 : nowMs - Date.parse(pass.started_at)
  const forSeconds = duration(Math.max(0, sinceMs / 1_000))
  if (pass.series_total === 0)
    return { name: 'Pass running', value: 'begins', more: `for ${forSeconds}; it is not planned yet` }
  const left = pass.series_total - pass.series_done
  const planned = pass.rows_planned ?? 0
  const rowsLeft = Math.max(0, planned - pass.rows_done)
  const share = planned > 0 ? pass.rows_done / planned : pass.series_done / Math.max(1, pass.series_total)
  return {
    name: 'Series left in this pass',
    value: thousands(left),
    more: `of ${thousands(pass.series_total)}; ${short(rowsLeft)} rows left; for ${forSeconds}`,
    share: Math.min(1, share),
  }
}

function rateTile({ rowsPerSecond }: Known, { last_pass: last, pass }: Status): Tile {
  const name = 'Rows a second'
  if (rowsPerSecond !== null)
    return {
      name,
      value: short(Math.round(rowsPerSecond)),
      more: `${thousands(pass.rows_written)} new in this pass`,
    }
  if (!last) return { name, value: '-', more: 'no pass has ended yet' }
  const rate = last.rows_fetched / Math.max(0.001, last.duration_seconds)
  const more = `last pass: ${counted(last.rows_fetched, 'row')} in ${duration(last.duration_seconds)}`
  return { name, value: short(Math.round(rate)), more }
}

function weightTile({ exchange }: Status): Tile {
  const { banned_until: banned, weight_limit: limit, weight_used: used } = exchange
  const share = limit > 0 ? used / limit : 0
  const name = 'Request weight'
  if (banned !== null)
    return {
      name,
      value: 'paused',
      more: `until ${clockTime(banned)}; nothing is asked`,
      level: 'bad',
      share: 1,
    }
  if (limit === 0) return { name, value: '-', more: 'nothing was asked yet', level: 'wait' }
  const hosts = exchange.hosts.length > 1 ? `, the fullest of ${exchange.hosts.length} hosts` : ''
  const more = `of ${thousands(limit)} allowed a minute${hosts}`
  return { name, value: thousands(used), more, share, level: share > 0.95 ? 'late' : 'good' }
}

// The list of series: filtered, ordered, and drawn so that a thousand of them scroll well. Rows stay the
// elements they are when the data change, so that focus and place stay too.
import type { Timelines } from './answers.ts'
import { byId, element, field, fill, setText } from './dom.ts'
import { type SeriesFacts, type State, states } from './facts.ts'
import { line } from './timeline.ts'
import { brief, counted, minute, short, thousands } from './words.ts'

/** Rows that are shown at once; a filter finds the others. */
export const MOST_ROWS = 1_000

const marks: Readonly<Record<State, string>> = {
  missing: '▲',
  behind: '◷',
  empty: '○',
  unfollowed: '–',
  complete: '✓',
}

type Drawn = { readonly item: HTMLLIElement; readonly button: HTMLButtonElement; key: string }

export class SeriesList {
  readonly #drawn = new Map<string, Drawn>()
  #series: readonly SeriesFacts[] = []
  #order = ''
  #chosen: string | null = null

  /** `choose` is called with the key of a series that somebody wants to see. */
  constructor(choose: (series: string) => void) {
    const list = byId('list')
    list.addEventListener('click', ({ target }) => {
      const button = target instanceof Element ? target.closest<HTMLElement>('.row') : null
      if (button?.dataset.series) choose(button.dataset.series)
    })
    list.addEventListener('keydown', (event) => moveFocus(event, list))
  }

  /** Shows these series as far as filter and state let them; `chosen` is the one whose details are shown. */
  show(series: readonly SeriesFacts[], state: State | null, chosen: string | null): void {
    this.#series = series
    this.#chosen = chosen
    const words = field('filter')
      .value.toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '')
    const matching = this.#series.filter(
      (one) =>
        (state === null || one.state === state) &&
        words.every((word) => one.series.toLowerCase().includes(word)),
    )
    const shown = ordered(matching, field('order').value).slice(0, MOST_ROWS)
    const order = shown.map((one) => one.series).join(' ')
    for (const one of shown) this.#draw(one)
    if (order !== this.#order) {
      this.#order = order
      const focused = document.activeElement
      byId('list').replaceChildren(...shown.flatMap((one) => this.#drawn.get(one.series)?.item ?? []))
      if (focused instanceof HTMLElement && focused.isConnected) focused.focus({ preventScroll: true })
    }
    setText(byId('shown'), `${counted(matching.length, 'series')} shown`)
    setText(byId('more'), moreText(series.length, matching.length, shown.length))
  }

  #draw(one: SeriesFacts): void {
    const key = JSON.stringify([one, one.series === this.#chosen])
    const known = this.#drawn.get(one.series)
    if (known?.key === key) return
    const drawn = known ?? newRow(one.series)
    drawn.key = key
    drawn.item.dataset.state = one.state
    drawn.button.setAttribute('aria-pressed', String(one.series === this.#chosen))
    drawn.button.replaceChildren(...partsOf(one))
    this.#drawn.set(one.series, drawn)
  }
}

function newRow(series: string): Drawn {
  const button = element('button', { type: 'button', class: 'row row-grid', 'data-series': series })
  return { item: element('li', {}, button), button, key: '' }
}

function partsOf(one: SeriesFacts): HTMLElement[] {
  const [market = '', dataset = '', symbol = '', period = ''] = one.series.split('/')
  const kind = [period, market, dataset].filter((word) => word !== '' && word !== 'klines').join(' ')
  const lag = one.lagSeconds === null ? '-' : brief(one.lagSeconds)
  const named = (word: string): HTMLElement => element('span', { class: 'hidden' }, ` ${word} `)
  return [
    element('span', { class: 'mark', 'aria-hidden': 'true' }, marks[one.state]),
    element(
      'span',
      { class: 'name', title: one.series },
      element('b', {}, symbol),
      ' ',
      element('small', {}, kind),
    ),
    line(one.timeline?.runs ?? []),
    element('span', { class: 'num lag' }, named('lag'), lag),
    element('span', { class: 'num count' }, named('rows'), short(one.rows)),
    element('span', { class: 'state' }, named('state'), stateText(one)),
  ]
}

function stateText(one: SeriesFacts): string {
  if (one.state === 'missing')
    return one.gap_rows > 0 ? `${short(one.gap_rows)} missing` : counted(one.open_gaps, 'open gap')
  if (one.state === 'behind') return `behind ${brief(one.lagSeconds ?? 0)}`
  if (one.state === 'empty') return 'no row yet'
  if (one.state === 'unfollowed') return 'not followed here'
  return one.explained_gaps > 0 ? `${counted(one.explained_gaps, 'gap')} explained` : 'complete'
}

function ordered(series: readonly SeriesFacts[], order: string): SeriesFacts[] {
  const byName = (a: SeriesFacts, b: SeriesFacts): number =>
    a.series < b.series ? -1 : a.series > b.series ? 1 : 0
  const by: Readonly<Record<string, (a: SeriesFacts, b: SeriesFacts) => number>> = {
    worst: (a, b) =>
      states.indexOf(a.state) - states.indexOf(b.state) ||
      b.gap_rows - a.gap_rows ||
      (a.state === 'behind' ? (b.lagSeconds ?? 0) - (a.lagSeconds ?? 0) : 0),
    lag: (a, b) => (b.lagSeconds ?? -1) - (a.lagSeconds ?? -1),
    rows: (a, b) => b.rows - a.rows,
  }
  return series.toSorted((a, b) => by[order]?.(a, b) || byName(a, b))
}

function moreText(all: number, matching: number, shown: number): string {
  if (all === 0) return 'No series is stored yet. Each appears here with its first rows.'
  if (matching === 0) return 'No series matches.'
  return shown < matching ? `And ${thousands(matching - shown)} more: narrow the filter to see them.` : ''
}

/** Arrow keys go from row to row. */
function moveFocus(event: KeyboardEvent, list: HTMLElement): void {
  const step = { down: 1, up: -1 }[event.key.replace('Arrow', '').toLowerCase()]
  const item = document.activeElement?.closest('li')
  if (step === undefined || !item || !list.contains(item)) return
  event.preventDefault()
  const next = step > 0 ? item.nextElementSibling : item.previousElementSibling
  next?.querySelector<HTMLElement>('.row')?.focus()
}

/** The series that needs a look first: the one with the most missing, else the first. */
export function worstOf(series: readonly SeriesFacts[]): SeriesFacts | null {
  return ordered(series, 'worst')[0] ?? null
}

/** Shows the span of time that all timelines share. */
export function showAxis(timelines: Timelines | null): void {
  const start = timelines?.start ?? null
  if (!timelines || start === null) {
    fill(byId('axis'), null, () => [])
    return
  }
  const [startMs, endMs] = [Date.parse(start), Date.parse(timelines.end)]
  const isLong = endMs - startMs > 3 * 86_400_000
  const isNarrow = byId('axis').clientWidth < 220
  const at = (share: number): string => {
    const text = minute(new Date(startMs + (endMs - startMs) * share).toISOString())
    return isLong ? text.slice(0, 10) : text.slice(5)
  }
  const labels = isNarrow ? [at(0), at(1)] : [at(0), at(0.5), at(1)]
  fill(byId('axis'), labels, () => labels.map((label) => element('span', {}, label)))
}

// One series in detail: from when to when, its candles, its gaps with their reasons.
import type { Gap, Known } from './answers.ts'
import { CandleChart } from './chart.ts'
import { byId, element, fill, setText } from './dom.ts'
import type { SeriesFacts } from './facts.ts'
import { ask } from './news.ts'
import { meaningOf } from './verdicts.ts'
import { counted, duration, minute, thousands } from './words.ts'

/** Gaps that are listed; the rest is counted. */
const MOST_GAPS = 100

export class Details {
  readonly #chart = new CandleChart()
  #shown = ''

  /** Shows a series; asks for its candles and gaps where they have changed since. */
  show(one: SeriesFacts | null, known: Known): void {
    if (!one) return
    setText(byId('details-title'), one.series)
    setText(byId('details-text'), textOf(one, known))
    const key = JSON.stringify([
      one.series,
      one.rows,
      one.last,
      one.open_gaps,
      one.gap_rows,
      one.explained_gaps,
    ])
    if (key === this.#shown) return
    this.#shown = key
    void this.#chart.show(one.series)
    void this.#gaps(one, key)
  }

  async #gaps(one: SeriesFacts, key: string): Promise<void> {
    const query = new URLSearchParams({ series: one.series, limit: String(MOST_GAPS) })
    const total = one.open_gaps + one.explained_gaps
    try {
      const { gaps } = total > 0 ? await ask<{ gaps: readonly Gap[] }>(`/api/gaps?${query}`) : { gaps: [] }
      if (this.#shown === key) showGaps(gaps, total)
    } catch {
      // Asked again with the next news.
      if (this.#shown === key) this.#shown = ''
    }
  }
}

function textOf(one: SeriesFacts, { status }: Known): string {
  if (one.first === null) return 'No row of it is stored yet.'
  const lag = one.lagSeconds === null ? 'No job here follows it now.' : `Lag ${duration(one.lagSeconds)}.`
  const unsettled = status?.jobs.flatMap(({ last_pass: last }) => last?.unsettled ?? []) ?? []
  const reason = unsettled.find(({ series }) => series === one.series)?.reason
  return (
    `${counted(one.rows, 'row')} from ${minute(one.first)} to ${minute(one.last)}. ${lag}` +
    (reason ? ` The last pass could not settle all of it: ${reason}.` : '')
  )
}

function showGaps(gaps: readonly Gap[], total: number): void {
  const isOpen = ({ verdict }: Gap): boolean => meaningOf(verdict).isOpen
  const listed = [...gaps.filter(isOpen), ...gaps.filter((gap) => !isOpen(gap))]
  fill(byId('gaps'), listed, () => {
    if (listed.length === 0) return [element('p', { class: 'quiet small' }, 'It has no gaps.')]
    const head = ['gap', 'from (UTC)', 'to', 'rows'].map((name) =>
      element('th', { scope: 'col', class: name === 'rows' ? 'num' : null }, name),
    )
    const table = element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...head)),
      element('tbody', {}, ...listed.map(row)),
    )
    const left = total - listed.length
    const scroll = { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': 'gaps of this series' }
    return [
      element('div', scroll, table),
      ...(left > 0 ? [element('p', { class: 'quiet small' }, `And ${thousands(left)} more.`)] : []),
    ]
  })
}

function row(gap: Gap): HTMLElement {
  const { isOpen, why, word } = meaningOf(gap.verdict)
  return element(
    'tr',
    {},
    element('td', { class: isOpen ? 'open-gap' : null, title: why }, `${isOpen ? '▲ ' : ''}${word}`),
    element('td', {}, minute(gap.start)),
    element('td', {}, minute(gap.end)),
    element('td', { class: 'num' }, gap.rows_missing > 0 ? thousands(gap.rows_missing) : '?'),
  )
}

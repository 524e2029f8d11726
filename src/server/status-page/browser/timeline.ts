// A timeline as elements: runs of cells, side by side, and in words for those who do not see them.
import type { Run } from './answers.ts'
import { element } from './dom.ts'
import { meaningOf } from './verdicts.ts'

/** The runs of a timeline, drawn. */
export function line(runs: readonly Run[]): HTMLElement {
  const drawn = element('span', { class: 'line', 'aria-hidden': 'true' })
  for (const { cells, verdict } of runs) {
    const run = element('i', { class: `cells ${verdict}`, title: wordOf(verdict) })
    run.style.flexGrow = String(cells)
    drawn.append(run)
  }
  return drawn
}

const wordOf = (verdict: string): string => {
  if (verdict === 'rows') return 'complete'
  return verdict === 'none' ? 'nothing wanted here' : meaningOf(verdict).word
}

/** One mark of the legend. */
export function swatch(verdict: string): HTMLElement {
  return line([{ verdict, cells: 1 }])
}

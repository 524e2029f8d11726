// The script of the status page: hears news, and shows them at most once a frame. What somebody has chosen
// (a series, a state, a part of time) stays as it is when news come.
import type { Known } from './answers.ts'
import { Details } from './details.ts'
import { byId, field } from './dom.ts'
import { type SeriesFacts, type State, seriesFacts, states } from './facts.ts'
import { showFigures } from './figures.ts'
import { showJobs } from './jobs.ts'
import { News } from './news.ts'
import { showOverview } from './overview.ts'
import { SeriesList, showAxis, worstOf } from './series-list.ts'

const DAY_MS = 86_400_000
/** Pixels of a cell at least, and cells of a timeline at most. */
const CELL_PIXELS = 4
const MOST_CELLS = 160

let chosenState: State | null = null
let chosenSeries: string | null = null
let isDue = false
let series: readonly SeriesFacts[] = []

const details = new Details()
const list = new SeriesList(choose)
const news = new News((known) => {
  series = seriesFacts(known)
  due()
}, timelinePath)

function timelinePath(): string {
  const pixels = byId('axis').clientWidth || window.innerWidth - 60
  const cells = Math.max(20, Math.min(MOST_CELLS, Math.floor(pixels / CELL_PIXELS)))
  const days = Number(field('range').value)
  const query = new URLSearchParams({ cells: String(cells) })
  const end = news.known.timelines?.end
  if (Number.isFinite(days)) {
    const endMs = end === undefined ? Date.now() : Date.parse(end)
    query.set('start', String(endMs - days * DAY_MS))
  }
  return `/api/timeline?${query}`
}

/** Shows what is known with the next frame, or soon where there are no frames. */
function due(): void {
  if (isDue) return
  isDue = true
  const show = (): void => {
    if (!isDue) return
    isDue = false
    showAll(news.known)
  }
  requestAnimationFrame(show)
  // A page that nobody looks at has no frames.
  setTimeout(show, 250)
}

function showAll(known: Known): void {
  showOverview(known, series, chosenState)
  showFigures(known, series, Date.now() + known.aheadMs)
  showAxis(known.timelines)
  list.show(series, chosenState, chosenSeries)
  showJobs(known)
  details.show(series.find((one) => one.series === chosenSeries) ?? worstOf(series), known)
}

function choose(key: string): void {
  chosenSeries = key
  showAll(news.known)
  const panel = byId('details')
  // Where the details are below the list, they are brought into view.
  if (panel.getBoundingClientRect().top > window.innerHeight * 0.75) {
    panel.scrollIntoView({ block: 'start' })
    panel.focus({ preventScroll: true })
  }
}

byId('states').addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest<HTMLElement>('[data-choose]') : null
  const state = states.find((one) => one === button?.dataset.choose) ?? null
  if (!state) return
  chosenState = chosenState === state ? null : state
  showAll(news.known)
})
for (const id of ['filter', 'order']) field(id).addEventListener('input', due)
field('range').addEventListener('input', () => void news.refreshNow())
setInterval(due, 1_000)
news.start()

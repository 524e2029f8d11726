// Which pages of a series are fetched again: a seeded sample of all of them, so that the same seed asks for
// the same pages, and those around what was found wrong.
import { advance, ceilToPeriod, countPlaces, floorToPeriod, HOUR_MS } from '../calendar.ts'
import type { Order } from '../dataset.ts'
import type { Period } from '../series.ts'
import { type Span, union } from '../span.ts'

/** How the rows of a series lie in pages of `pageRows`. */
export type PageGrid = {
  readonly order: Order
  readonly period: Period | null
  readonly range: Span
  /** Rows that a page may have. */
  readonly pageRows: number
  /** Rows that are stored in the range. */
  readonly rows: number
}

/** Rates are an hour apart at least (reference 10): a page of so many hours holds all of its rates. */
const LEAST_INTERVAL_MS = HOUR_MS

/** How many pages the range has. Trades have no grid: their pages are cut from the rows that are stored. */
export function pageCount({ order, period, range, pageRows, rows }: PageGrid): number {
  const places =
    order === 'id'
      ? rows
      : period === null
        ? Math.ceil((range.endMs - range.startMs) / LEAST_INTERVAL_MS)
        : countPlaces(period, range)
  return Math.ceil(places / pageRows)
}

/** Page number `index`, from 0, of a series that is not in order of ids. */
export function pageSpan({ period, range, pageRows }: PageGrid, index: number): Span {
  const at = (page: number): number =>
    period === null
      ? range.startMs + page * pageRows * LEAST_INTERVAL_MS
      : advance(period, ceilToPeriod(period, range.startMs), page * pageRows)
  return { startMs: at(index), endMs: Math.min(range.endMs, at(index + 1)) }
}

/** The pages that hold all of `spans`, as few as will do. */
export function pagesAround({ period, range, pageRows }: PageGrid, spans: readonly Span[]): Span[] {
  const pages: Span[] = []
  for (const span of union(spans)) {
    const covered = pages.at(-1)?.endMs ?? range.startMs
    let startMs = Math.max(span.startMs, covered)
    if (period !== null) startMs = Math.max(covered, floorToPeriod(period, startMs))
    const endMs = Math.min(span.endMs, range.endMs)
    while (startMs < endMs) {
      const pageEndMs =
        period === null ? startMs + pageRows * LEAST_INTERVAL_MS : advance(period, startMs, pageRows)
      pages.push({ startMs, endMs: Math.min(range.endMs, pageEndMs) })
      startMs = pageEndMs
    }
  }
  return pages
}

/** A number in [0, 1) that depends on its arguments alone: whether a page is in the sample. */
export function draw(seed: number, series: string, page: number): number {
  let hash = FNV_OFFSET ^ seed
  for (const character of `${series}#${page}`)
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), FNV_PRIME)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

/** FNV-1a mixes the characters, and the steps of murmur3 after it the bits. */
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** Which pages of which series are in a sample; never none where there is a page. */
export type Sample = (series: string, page: number) => boolean

/** The sample of `share` (above 0, at most 1) of the pages of `series`. */
export function sampleOf(
  share: number,
  seed: number,
  series: readonly { readonly key: string; readonly pages: number }[],
): Sample {
  let lowest = { key: '', page: -1, drawn: Number.POSITIVE_INFINITY }
  for (const { key, pages } of series) {
    for (let page = 0; page < pages; page += 1) {
      const drawn = draw(seed, key, page)
      if (drawn < share) return (name, number) => draw(seed, name, number) < share
      if (drawn < lowest.drawn) lowest = { key, page, drawn }
    }
  }
  return (name, number) => name === lowest.key && number === lowest.page
}

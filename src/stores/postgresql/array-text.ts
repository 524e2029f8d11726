// Times and lists of values as PostgreSQL reads them in text: what small statements carry.
import type { ColumnKind, Value } from '../../core/dataset.ts'
import type { Page } from '../../core/store.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

const two = (n: number): string => String(n).padStart(2, '0')

/** ` 00:00:` to ` 23:59:`, and `00` to `59`: times are most of the text, and these are most of a time. */
const minuteTexts = Array.from({ length: 1_440 }, (_, m) => ` ${two(Math.floor(m / 60))}:${two(m % 60)}:`)
const secondTexts = Array.from({ length: 60 }, (_, second) => two(second))

let lastDay = Number.NaN
let lastDayText = ''

/** Epoch ms as timestamptz text in UTC: `2024-01-01 00:00:59.999+00`. */
export function timeText(ms: number): string {
  const day = Math.floor(ms / DAY_MS)
  if (day !== lastDay) {
    lastDay = day
    lastDayText = new Date(day * DAY_MS).toISOString().slice(0, 10)
  }
  const rest = ms - day * DAY_MS
  const minute = Math.floor(rest / MINUTE_MS)
  const inMinute = rest - minute * MINUTE_MS
  const fraction = inMinute % 1_000
  const whole = lastDayText + minuteTexts[minute] + secondTexts[(inMinute - fraction) / 1_000]
  if (fraction === 0) return `${whole}+00`
  return `${whole}.${fraction < 10 ? '00' : fraction < 100 ? '0' : ''}${fraction}+00`
}

/** The days whose year has four digits. */
const FIRST_DAY = Date.UTC(1_000, 0) / DAY_MS
const LAST_DAY = Date.UTC(10_000, 0) / DAY_MS - 1

/**
 * The begin or the end of a span that is looked through, as timestamptz text. Where another hand has stored a
 * time that is far away, spans lead there: `infinity`. Nothing that is written becomes that.
 */
export function boundText(ms: number): string {
  const day = Math.floor(ms / DAY_MS)
  if (day < FIRST_DAY) return '-infinity'
  return day > LAST_DAY ? 'infinity' : timeText(ms)
}

/** Such bounds as an array literal. */
export function boundsText(timesMs: readonly number[]): string {
  return `{${timesMs.map((ms) => `"${boundText(ms)}"`).join(',')}}`
}

/**
 * A list of values of one kind as an array literal: `{a,b}`. Numbers need no quotes; text always gets them.
 */
export function arrayText(kind: ColumnKind, values: readonly Value[]): string {
  const texts = values.map((value) => {
    if (value === null) return 'NULL'
    if (kind === 'time') return `"${timeText(value as number)}"`
    return kind === 'text' ? `"${String(value).replace(/["\\]/g, '\\$&')}"` : String(value)
  })
  return `{${texts.join(',')}}`
}

/** The values of each column of allColumns, for the rows of `pages`, as array literals. */
export function pageArrays(pages: readonly Page[]): string[] {
  const [first] = pages
  if (!first) return []
  const repeated = (value: (page: Page) => Value): Value[] =>
    pages.flatMap((page) => Array.from({ length: page.rows.count }, () => value(page)))
  return [
    arrayText(
      'text',
      repeated((page) => page.series.market),
    ),
    arrayText(
      'text',
      repeated((page) => page.series.symbol),
    ),
    ...first.table.columns.map(({ kind }, i) =>
      arrayText(
        kind,
        pages.flatMap((page) => page.rows.columns[i] ?? []),
      ),
    ),
    arrayText(
      'text',
      repeated((page) => page.source),
    ),
    arrayText(
      'time',
      repeated((page) => page.extractedAtMs),
    ),
  ]
}

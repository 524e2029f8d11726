// Who brings what of what is missing: every place exactly once, an archive only where it pays, and REST for
// the rest.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { ArchiveFile } from '../../src/core/archive.ts'
import { advance, countPlaces, DAY_MS } from '../../src/core/calendar.ts'
import { meet, minus, type Span, union } from '../../src/core/span.ts'
import { judgeNowhere, mayUseArchives, type Sources, shareOut, type Task } from '../../src/core/tasks.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/tasks.test.ts')
const YEAR_MS = Date.UTC(2024, 0, 1)
const month = (number: number): Span => ({
  startMs: Date.UTC(2024, number, 1),
  endMs: Date.UTC(2024, number + 1, 1),
})
const day = (number: number): Span => ({
  startMs: YEAR_MS + number * DAY_MS,
  endMs: YEAR_MS + (number + 1) * DAY_MS,
})
const file = (unit: 'month' | 'day', span: Span): ArchiveFile => ({
  key: `${unit} ${new Date(span.startMs).toISOString().slice(0, 10)}`,
  unit,
  span,
  bytes: 1,
})
const months = (count: number): ArchiveFile[] =>
  Array.from({ length: count }, (_, i) => file('month', month(i)))
const days = (from: number, to: number): ArchiveFile[] =>
  Array.from({ length: to - from }, (_, i) => file('day', day(from + i)))
const minutes: Sources = { period: '1m', restPageRows: 1_000, restFromMs: 0, archives: 'where-they-pay' }
const names = (tasks: readonly Task[]): string[] =>
  tasks.map((task) => (task.kind === 'archive' ? task.file.key : task.kind))
const spansOf = (task: Task): readonly Span[] => (task.kind === 'archive' ? task.spans : [task.span])

test('any missing spans and files: the tasks are what is missing, each place once', () => {
  const someSpans = fc.array(fc.tuple(fc.nat({ max: 86_400 }), fc.integer({ min: 1, max: 60_000 })), {
    minLength: 1,
    maxLength: 5,
  })
  const property = fc.property(
    someSpans,
    fc.array(fc.nat({ max: 3 }), { maxLength: 4 }),
    fc.array(fc.nat({ max: 100 }), { maxLength: 40 }),
    fc.constantFrom<Sources['archives']>('where-they-pay', 'always', 'never'),
    fc.boolean(),
    fc.nat({ max: 90 }),
    (pieces, monthNumbers, dayNumbers, archives, hasRest, restFromDay) => {
      const spans = pieces.map(([at, length]) => ({
        startMs: YEAR_MS + at * 60_000,
        endMs: YEAR_MS + (at + length) * 60_000,
      }))
      const missing = union(spans)
      const files = [
        ...[...new Set(monthNumbers)].sort().map((number) => file('month', month(number))),
        ...[...new Set(dayNumbers)].sort((a, b) => a - b).map((number) => file('day', day(number))),
      ]
      const restFromMs = hasRest ? YEAR_MS + restFromDay * DAY_MS : 0
      const sources = { ...minutes, archives, restFromMs, restPageRows: hasRest ? 1_000 : null }
      const tasks = shareOut(missing, files, sources)
      expect(union(tasks.flatMap(spansOf))).toEqual(missing)
      const total = tasks.flatMap(spansOf).reduce((sum, span) => sum + countPlaces('1m', span), 0)
      expect(total).toBe(missing.reduce((sum, span) => sum + countPlaces('1m', span), 0))
      for (const task of tasks) {
        if (task.kind === 'archive') expect(minus(task.spans, [task.file.span])).toEqual([])
        if (task.kind === 'rest') expect([hasRest, task.span.startMs >= restFromMs]).toEqual([true, true])
        const within =
          task.kind === 'none' ? files.filter((one) => meet([one.span], [task.span]).length > 0) : []
        if (archives !== 'never') expect(within).toEqual([])
      }
    },
  )
  fc.assert(property, runs)
})

describe('where they pay', () => {
  test('a year and a few weeks of minutes: months, then days, then REST for the tail', () => {
    const missing = [{ startMs: YEAR_MS, endMs: day(111).startMs + 3_600_000 }]
    const tasks = shareOut(missing, [...months(3), ...days(0, 110)], minutes)
    expect(names(tasks)).toEqual([
      ...months(3).map((one) => one.key),
      ...days(91, 110).map((one) => one.key),
      'rest',
    ])
  })

  test('a month of which half or less is missing is left to days, and those to REST', () => {
    const half = { startMs: YEAR_MS, endMs: YEAR_MS + 15.5 * DAY_MS }
    expect(names(shareOut([half], months(1), minutes))).toEqual(['rest'])
    const more = { ...half, endMs: half.endMs + 60_000 }
    expect(names(shareOut([more], months(1), minutes))).toEqual(['month 2024-01-01'])
    expect(names(shareOut([half], [...months(1), ...days(0, 15)], minutes))).toHaveLength(16)
  })

  test('a few pages, or files that hold less than a page, are cheaper by REST', () => {
    const weekend = { startMs: YEAR_MS, endMs: YEAR_MS + 3 * DAY_MS }
    expect(names(shareOut([weekend], days(0, 10), minutes))).toEqual(['rest'])
    const years = { startMs: Date.UTC(2024, 0, 1), endMs: Date.UTC(2025, 0, 1) }
    expect(names(shareOut([years], months(12), { ...minutes, period: '1h' }))).toEqual(['rest'])
    expect(mayUseArchives([years], { ...minutes, period: '1h' })).toBe(false)
    expect(mayUseArchives([years], minutes)).toBe(true)
  })

  test('before REST reaches back, a file is taken however little of it is missing', () => {
    const little = { startMs: day(3).startMs, endMs: day(3).startMs + 60_000 }
    const sources = { ...minutes, restFromMs: day(50).startMs }
    expect(names(shareOut([little], days(0, 10), sources))).toEqual(['day 2024-01-04'])
    expect(names(shareOut([little], [], sources))).toEqual(['none'])
    expect(mayUseArchives([little], sources)).toBe(true)
  })

  test('where REST would answer, had it a key, too; what no file has is left to REST', () => {
    const little = { startMs: day(3).startMs, endMs: day(3).startMs + 60_000 }
    const sources = { ...minutes, period: null, archives: 'always' } as const
    expect(names(shareOut([little], days(0, 10), sources))).toEqual(['day 2024-01-04'])
    expect(names(shareOut([little], months(1), sources))).toEqual(['month 2024-01-01'])
    expect(names(shareOut([{ ...little, endMs: day(5).endMs }], days(0, 5), sources))).toEqual([
      'day 2024-01-04',
      'day 2024-01-05',
      'rest',
    ])
    expect(mayUseArchives([little], sources)).toBe(true)
  })
})

test('what nobody has is unlisted before the first file, delisted long after the last one', () => {
  const missing = [{ startMs: YEAR_MS, endMs: advance('1M', YEAR_MS, 4) }]
  const files = [file('month', month(1)), file('month', month(2))]
  const tasks = shareOut(missing, files, { ...minutes, restPageRows: null, archives: 'always' })
  const verdicts = (facts: Parameters<typeof judgeNowhere>[2]): unknown[] =>
    judgeNowhere(tasks, files, facts).map((task) =>
      task.kind === 'none' ? (task.verdict ?? null) : task.kind,
    )
  const later = { nowMs: Date.UTC(2025, 0, 1), trading: false, knownBefore: false }
  expect(verdicts(later)).toEqual(['unlisted', 'archive', 'archive', 'delisted'])
  expect(verdicts({ ...later, trading: true, knownBefore: true })).toEqual([null, 'archive', 'archive', null])
  expect(verdicts({ ...later, nowMs: Date.UTC(2024, 3, 3) })).toEqual([
    'unlisted',
    'archive',
    'archive',
    null,
  ])
})

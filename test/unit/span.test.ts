// Sets of spans against the plainest model there is: sets of unit cells on a short line.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  finderAround,
  isoTime,
  LATEST_MS,
  lengthMs,
  meet,
  minus,
  type Span,
  spanText,
  split,
  union,
} from '../../src/core/span.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/span.test.ts')

/** Spans on a line of 40 cells; some are empty, some upside down, as careless callers make them. */
const spans: fc.Arbitrary<Span[]> = fc.array(
  fc
    .tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -3, max: 9 }))
    .map(([startMs, length]) => Object.freeze({ startMs, endMs: startMs + length })),
  { maxLength: 12 },
)

type Cells = ReadonlySet<number>

function cellsOf(set: readonly Span[]): Cells {
  const cells = new Set<number>()
  for (const { startMs, endMs } of set) {
    for (let cell = startMs; cell < endMs; cell += 1) cells.add(cell)
  }
  return cells
}

/** The one normal set that holds exactly `cells`. */
function normalSet(cells: Cells): Span[] {
  const out: Span[] = []
  for (let cell = -30; cell <= 40; cell += 1) {
    if (cells.has(cell) && !cells.has(cell - 1)) {
      let endMs = cell
      while (cells.has(endMs)) endMs += 1
      out.push({ startMs: cell, endMs })
    }
  }
  return out
}

const holds = (property: fc.IRawProperty<unknown>): void => {
  fc.assert(property, runs)
}

describe('against unit cells', () => {
  test('union', () => {
    holds(
      fc.property(spans, spans, (a, b) => {
        expect(union(a, b)).toEqual(normalSet(cellsOf(a).union(cellsOf(b))))
        expect(union([...a, ...b])).toEqual(union(a, b))
      }),
    )
  })

  test('minus', () => {
    holds(
      fc.property(spans, spans, (a, b) => {
        expect(minus(a, b)).toEqual(normalSet(cellsOf(a).difference(cellsOf(b))))
      }),
    )
  })

  test('meet', () => {
    holds(
      fc.property(spans, spans, (a, b) => {
        expect(meet(a, b)).toEqual(normalSet(cellsOf(a).intersection(cellsOf(b))))
      }),
    )
  })

  test('length', () => {
    holds(
      fc.property(spans, (a) => {
        expect(lengthMs(union(a))).toBe(cellsOf(a).size)
      }),
    )
  })
})

describe('laws', () => {
  test('what is normal stays as it is, and order does not matter', () => {
    holds(
      fc.property(spans, spans, (a, b) => {
        expect(union(union(a))).toEqual(union(a))
        expect(union(a, b)).toEqual(union(b.toReversed(), a))
        expect(meet(a, b)).toEqual(meet(b, a))
        expect(minus(a, a)).toEqual([])
      }),
    )
  })

  test('parts and their rest make the whole, and share nothing', () => {
    holds(
      fc.property(spans, spans, (a, b) => {
        expect(union(minus(a, b), meet(a, b))).toEqual(union(a))
        expect(meet(minus(a, b), b)).toEqual([])
        expect(lengthMs(minus(a, b)) + lengthMs(meet(a, b))).toBe(lengthMs(union(a)))
      }),
    )
  })

  test('distribution, and taking away one after the other', () => {
    holds(
      fc.property(spans, spans, spans, (a, b, c) => {
        expect(meet(a, union(b, c))).toEqual(union(meet(a, b), meet(a, c)))
        expect(minus(minus(a, b), c)).toEqual(minus(a, union(b, c)))
        expect(minus(a, meet(b, c))).toEqual(union(minus(a, b), minus(a, c)))
      }),
    )
  })
})

describe('normal form', () => {
  test('half-open spans that touch are one; those a millisecond apart are two', () => {
    expect(
      union([
        { startMs: 5, endMs: 9 },
        { startMs: 0, endMs: 5 },
      ]),
    ).toEqual([{ startMs: 0, endMs: 9 }])
    expect(
      union([
        { startMs: 0, endMs: 5 },
        { startMs: 6, endMs: 9 },
      ]),
    ).toHaveLength(2)
  })

  test('a span within another adds nothing; empty and upside-down ones are none', () => {
    expect(union([{ startMs: 0, endMs: 9 }], [{ startMs: 3, endMs: 4 }])).toEqual([{ startMs: 0, endMs: 9 }])
    expect(
      union([
        { startMs: 3, endMs: 3 },
        { startMs: 9, endMs: 1 },
      ]),
    ).toEqual([])
    expect(union()).toEqual([])
    expect(minus([{ startMs: 0, endMs: 4 }], [{ startMs: 2, endMs: 2 }])).toEqual([{ startMs: 0, endMs: 4 }])
  })

  test('richer values (ledger rows) come out as plain spans', () => {
    const row = { startMs: 0, endMs: 4, verdict: 'rows' }
    expect(Object.keys(union([row])[0] ?? {})).toEqual(['startMs', 'endMs'])
    expect(Object.keys(minus([row], [])[0] ?? {})).toEqual(['startMs', 'endMs'])
  })
})

describe('split', () => {
  const times = fc.array(fc.integer({ min: -15, max: 45 }), { maxLength: 10 })

  test('the pieces lie end to end and fill the span, cut at every cut inside it and nowhere else', () => {
    holds(
      fc.property(
        fc.integer({ min: -10, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        times,
        (startMs, length, cutsMs) => {
          const span = { startMs, endMs: startMs + length }
          const pieces = split(span, cutsMs)
          expect(pieces.flatMap((piece) => [...cellsOf([piece])])).toEqual([...cellsOf([span])])
          const inside = [...cellsOf([span])].slice(1).filter((cell) => cutsMs.includes(cell))
          expect(pieces.slice(1).map((piece) => piece.startMs)).toEqual(inside)
          expect(pieces.every((piece) => piece.startMs < piece.endMs)).toBe(true)
        },
      ),
    )
  })

  test('cuts at the bounds and outside cut nothing', () => {
    const span = { startMs: 2, endMs: 6 }
    expect(split(span, [2, 6, 0, 9])).toEqual([span])
    expect(split(span, [])).toEqual([span])
  })
})

describe('those around a span', () => {
  test('are those that overlap it, whether the spans are in order or not', () => {
    const property = fc.property(spans, spans, ([span], some) => {
      if (!span) return
      const overlapping = (among: readonly Span[]): Span[] =>
        among.filter((one) => one.startMs < span.endMs && one.endMs > span.startMs)
      for (const among of [union(some), some]) expect(finderAround(among)(span)).toEqual(overlapping(among))
    })
    fc.assert(property, runs)
  })
})

describe('text', () => {
  test('ISO 8601 with milliseconds and Z', () => {
    expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z')
    expect(isoTime(1_502_928_000_001)).toBe('2017-08-17T00:00:00.001Z')
    expect(isoTime(LATEST_MS)).toBe('+275760-09-13T00:00:00.000Z')
    expect([LATEST_MS + 1, -9e15, Number.NaN].map(isoTime)).toEqual([
      '8640000000000001',
      '-9000000000000000',
      'NaN',
    ])
    const text = '2024-01-01T00:00:00.000Z … 2024-01-02T00:00:00.000Z'
    expect(spanText({ startMs: Date.UTC(2024, 0, 1), endMs: Date.UTC(2024, 0, 2) })).toBe(text)
  })
})

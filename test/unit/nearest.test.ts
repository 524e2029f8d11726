// What somebody may have meant: distances against the definition, suggestions against examples.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { didYouMean, editDistance, nearest } from '../../src/core/nearest.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/nearest.test.ts')
const word = fc.string({ maxLength: 6, unit: fc.constantFrom('a', 'b', 'c') })

/** The same distance by its recursive definition (optimal string alignment). */
function slowDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length
  const same = a.at(-1) === b.at(-1) ? 0 : 1
  const best = Math.min(
    slowDistance(a.slice(0, -1), b) + 1,
    slowDistance(a, b.slice(0, -1)) + 1,
    slowDistance(a.slice(0, -1), b.slice(0, -1)) + same,
  )
  const swapped = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1)
  return swapped ? Math.min(best, slowDistance(a.slice(0, -2), b.slice(0, -2)) + 1) : best
}

describe('edit distance', () => {
  test('counts inserts, deletes, replacements and swaps of neighbours', () => {
    const cases = [
      ['', '', 0],
      ['', 'abc', 3],
      ['period', 'perid', 1],
      ['period', 'preiod', 1],
      ['BTCUSDT', 'BTCUSD', 1],
      ['ab', 'ba', 1],
      ['kitten', 'sitting', 3],
    ] as const
    for (const [a, b, distance] of cases) expect([a, b, editDistance(a, b)]).toEqual([a, b, distance])
  })

  test('is what the recursive definition says, both ways', () => {
    const property = fc.property(word, word, (a, b) => {
      expect(editDistance(a, b)).toBe(slowDistance(a, b))
      expect(editDistance(b, a)).toBe(slowDistance(a, b))
    })
    fc.assert(property, { ...runs, numRuns: Math.min(runs.numRuns, 300) })
  })
})

describe('the nearest names', () => {
  test('the one that was meant comes first', () => {
    expect(nearest('BTCUSD', ['ETHUSDT', 'BTCUSDT', 'BTCUSDC', 'BNBUSDT'])).toEqual(['BTCUSDC', 'BTCUSDT'])
    expect(nearest('btcusdt', ['BTCUSDT', 'XBTCUSDT'])[0]).toBe('BTCUSDT')
    expect(nearest('period', ['period', 'perido'])).toEqual(['period', 'perido'])
  })

  test('between equals the same case decides', () => {
    expect(nearest('2m', ['1M', '1m', '2h'])[0]).toBe('1m')
    expect(nearest('2M', ['1m', '1M'])[0]).toBe('1M')
  })

  test('the beginning of a name stands for it', () => {
    expect(nearest('sym', ['symbols', 'status'])).toEqual(['symbols'])
    expect(nearest('s', ['symbols', 'status'])).toEqual([])
  })

  test('nothing that is far, and never more than asked for', () => {
    expect(nearest('frobnicate', ['klines', 'status'])).toEqual([])
    expect(nearest('aaa', ['aab', 'aac', 'aad', 'aae'])).toEqual(['aab', 'aac', 'aad'])
    expect(nearest('aaa', ['aab', 'aac'], 1)).toHaveLength(1)
  })

  test('a known name is found first whatever one edit did to it', () => {
    const names = ['symbols', 'period', 'lookback-hours', 'max-workers']
    const property = fc.property(fc.constantFrom(...names), fc.nat(20), (name, at) => {
      const i = at % name.length
      const without = name.slice(0, i) + name.slice(i + 1)
      expect(nearest(without, names)[0]).toBe(name)
    })
    fc.assert(property, runs)
  })

  test('as a question', () => {
    expect(didYouMean('perid', ['period'])).toBe('did you mean period?')
    expect(didYouMean('x', ['period'])).toBe('')
  })
})

// Sums of decimals against fractions of BigInt that know nothing of 10^-18: exact at any magnitude, whatever
// the order.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { canonicalDecimal } from '../../src/core/decimal.ts'
import { decimalText, decimalUnits } from '../../src/core/decimal-units.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/decimal-units.test.ts')

const digits = (most: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: most })

/** Canonical decimals of every size that the contract names. */
const decimals = fc
  .tuple(fc.constantFrom('', '', '-'), digits(20), digits(18))
  .map(([sign, whole, fraction]) => canonicalDecimal(`${sign}${whole || '0'}${fraction && `.${fraction}`}`))
  .filter((text) => text !== null)

/** A decimal as a fraction, read character by character. */
type Fraction = { readonly top: bigint; readonly bottom: bigint }

function fractionOf(text: string): Fraction {
  let top = 0n
  let bottom = 1n
  let afterPoint = false
  for (const character of text.replace('-', '')) {
    if (character === '.') {
      afterPoint = true
      continue
    }
    top = top * 10n + BigInt(character)
    if (afterPoint) bottom *= 10n
  }
  return { top: text.startsWith('-') ? -top : top, bottom }
}

const sumOf = (texts: readonly string[]): Fraction =>
  texts.map(fractionOf).reduce(
    (sum, next) => ({
      top: sum.top * next.bottom + next.top * sum.bottom,
      bottom: sum.bottom * next.bottom,
    }),
    { top: 0n, bottom: 1n },
  )

const isEqual = (a: Fraction, b: Fraction): boolean => a.top * b.bottom === b.top * a.bottom

const added = (texts: readonly string[]): string =>
  decimalText(texts.reduce((sum, text) => sum + decimalUnits(text), 0n))

describe('decimals as whole numbers', () => {
  test('there and back again: the same text', () => {
    const property = fc.property(decimals, (text) => {
      expect(decimalText(decimalUnits(text))).toBe(text)
    })
    fc.assert(property, runs)
  })

  test('sums are exact, and written as decimals are', () => {
    const property = fc.property(fc.array(decimals, { maxLength: 50 }), (texts) => {
      const text = added(texts)
      expect(isEqual(fractionOf(text), sumOf(texts))).toBe(true)
      expect(text).toMatch(/^(0|-?(0\.\d*[1-9]|[1-9]\d*(\.\d*[1-9])?))$/)
    })
    fc.assert(property, runs)
  })

  test('the order does not matter, and what is taken off again leaves nothing', () => {
    const property = fc.property(fc.array(decimals, { minLength: 1, maxLength: 20 }), (texts) => {
      expect(added([...texts].reverse())).toBe(added(texts))
      const minus = texts.map((text) =>
        text === '0' ? '0' : text.startsWith('-') ? text.slice(1) : `-${text}`,
      )
      expect(added([...texts, ...minus])).toBe('0')
    })
    fc.assert(property, runs)
  })

  test('a sum may outgrow what one decimal holds', () => {
    const largest = '99999999999999999999'
    expect(added(Array.from({ length: 1_000 }, () => largest))).toBe('99999999999999999999000')
    expect(added(Array.from({ length: 3 }, () => '0.000000000000000001'))).toBe('0.000000000000000003')
  })

  test('what is no decimal is refused, not taken for one', () => {
    for (const text of ['abc', '1.0000000000000000001', '1e5', '--1'])
      expect(() => decimalUnits(text)).toThrow(SyntaxError)
  })
})

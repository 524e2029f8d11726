// Exact decimals against BigInt: a number is an integer and a count of fraction digits, read character by
// character. Nothing of this is shared with the pattern that the code matches.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  canonicalDecimal,
  compareDecimals,
  FRACTION_DIGITS,
  INTEGER_DIGITS,
  TOTAL_DIGITS,
} from '../../src/core/decimal.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/decimal.test.ts')

/** `units` / 10 ** `scale`, with the smallest scale that holds it. */
type Exact = { readonly units: bigint; readonly scale: number }

/**
 * The number that `text` writes, or null when it is not: minus or nothing, digits, and perhaps point and
 * digits.
 */
function exactOf(text: string): Exact | null {
  const body = text.startsWith('-') ? text.slice(1) : text
  const parts = body.split('.')
  if (parts.length > 2) return null
  for (const part of parts) {
    if (part === '' || [...part].some((character) => !'0123456789'.includes(character))) return null
  }
  let units = BigInt(parts.join(''))
  let scale = parts[1]?.length ?? 0
  while (scale > 0 && units % 10n === 0n) {
    units /= 10n
    scale -= 1
  }
  return { units: text.startsWith('-') ? -units : units, scale }
}

function absolute(units: bigint): bigint {
  return units < 0n ? -units : units
}

/** The canonical text of a number, or null when it has more digits than the contract names. */
function textOf({ units, scale }: Exact): string | null {
  const whole = absolute(units) / 10n ** BigInt(scale)
  const wholeDigits = whole === 0n ? 0 : String(whole).length
  if (wholeDigits > INTEGER_DIGITS || scale > FRACTION_DIGITS || wholeDigits + scale > TOTAL_DIGITS)
    return null
  const fraction = String(absolute(units) % 10n ** BigInt(scale)).padStart(scale, '0')
  return `${units < 0n ? '-' : ''}${whole}${scale > 0 ? `.${fraction}` : ''}`
}

const digits = (most: number) => fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: most })
const zeros = fc.nat({ max: 6 }).map((count) => '0'.repeat(count))

/** Decimals as an exchange may write them, with zeros on both sides, often at the limits of what is held. */
const written = fc
  .tuple(fc.constantFrom('', '', '-'), zeros, digits(22), digits(20), zeros)
  .map(([sign, leading, whole, fraction, trailing]) => {
    const point = fraction + trailing === '' ? '' : '.'
    return `${sign}${leading}${whole || '0'}${point}${fraction}${trailing}`
  })

/** Anything that looks like a number from afar. */
const garbage = fc.string({ unit: fc.constantFrom(...'00123459..--+eE _,xNa\n'), maxLength: 12 })

const canonicals = written.map(canonicalDecimal).filter((text) => text !== null)

describe('the canonical form', () => {
  test('is the number that was written, or null past the limits', () => {
    const property = fc.property(written, (text) => {
      const exact = exactOf(text)
      expect(exact).not.toBeNull()
      expect(canonicalDecimal(text)).toBe(exact && textOf(exact))
    })
    fc.assert(property, runs)
  })

  test('nothing else is taken for a number', () => {
    const property = fc.property(garbage, (text) => {
      const exact = exactOf(text)
      expect(canonicalDecimal(text)).toBe(exact && textOf(exact))
    })
    fc.assert(property, runs)
  })

  test('stays as it is when it is made canonical again', () => {
    const property = fc.property(canonicals, (text) => {
      expect(canonicalDecimal(text)).toBe(text)
    })
    fc.assert(property, runs)
  })

  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['000', '0'],
    ['0.10', '0.1'],
    ['00.0100', '0.01'],
    ['-1.50', '-1.5'],
    ['100', '100'],
    ['1000.000', '1000'],
    ['6733.55000000', '6733.55'],
    ['0.00000001', '0.00000001'],
    ['-0.00010000', '-0.0001'],
  ])('%p is %p', (text, canonical) => {
    expect(canonicalDecimal(text)).toBe(canonical)
  })

  test.each([
    '',
    ' ',
    '-',
    '.',
    '1.',
    '.5',
    '-.5',
    '+1',
    '1e5',
    '1E-8',
    '0x10',
    'NaN',
    'Infinity',
    '1,5',
    '1_000',
    '--1',
  ])('%p is no decimal', (text) => {
    expect(canonicalDecimal(text)).toBeNull()
  })

  test.each([' 1', '1 ', '1\n', '\t1', '1.5.2', '1-', '１', '٣', '1.-5'])('%j is no decimal', (text) => {
    expect(canonicalDecimal(text)).toBeNull()
  })
})

describe('limits', () => {
  const nines = (count: number): string => '9'.repeat(count)

  test('20 digits before the point, 18 after it, 34 in all', () => {
    for (const [whole, fraction] of [
      [20, 14],
      [16, 18],
      [20, 0],
      [1, 18],
    ] as const) {
      const text = fraction === 0 ? nines(whole) : `${nines(whole)}.${nines(fraction)}`
      expect(canonicalDecimal(text)).toBe(text)
      expect(canonicalDecimal(`-00${text}`)).toBe(`-${text}`)
    }
  })

  test('one digit more is refused', () => {
    for (const [whole, fraction] of [
      [21, 1],
      [1, 19],
      [20, 15],
      [17, 18],
    ] as const) {
      expect(canonicalDecimal(`${nines(whole)}.${nines(fraction)}`)).toBeNull()
    }
    expect(canonicalDecimal(nines(21))).toBeNull()
    expect(canonicalDecimal(`0.${'0'.repeat(18)}1`)).toBeNull()
  })

  test('zeros that say nothing do not count', () => {
    expect(canonicalDecimal(`${'0'.repeat(30)}${nines(20)}.${nines(14)}${'0'.repeat(30)}`)).toBe(
      `${nines(20)}.${nines(14)}`,
    )
    expect(canonicalDecimal(`0.${nines(18)}`)).toBe(`0.${nines(18)}`)
  })

  test('text far too long is refused before it is looked at', () => {
    const many = 1_000_000
    expect(canonicalDecimal(`1.${'0'.repeat(many)}x`)).toBeNull()
    expect(canonicalDecimal(`${'0'.repeat(many)}x`)).toBeNull()
    expect(canonicalDecimal('0'.repeat(many))).toBeNull()
  })
})

describe('comparison', () => {
  const scaled = (text: string): bigint => {
    const { units, scale } = exactOf(text) ?? { units: 0n, scale: 0 }
    return units * 10n ** BigInt(FRACTION_DIGITS - scale)
  }
  /** Pairs that often share their leading digits, where comparing is hardest. */
  const pairs = fc.oneof(
    fc.tuple(canonicals, canonicals),
    fc.tuple(fc.nat({ max: 200 }), fc.nat({ max: 200 }), fc.constantFrom('', '-')).map(([a, b, sign]) => {
      const texts = [a, b].map((hundredths) => canonicalDecimal(`${sign}${hundredths / 100}`) ?? '0')
      return [texts[0] ?? '0', texts[1] ?? '0'] as [string, string]
    }),
  )

  test('is that of the numbers', () => {
    const property = fc.property(pairs, ([a, b]) => {
      const [left, right] = [scaled(a), scaled(b)]
      expect(Math.sign(compareDecimals(a, b))).toBe(left < right ? -1 : left > right ? 1 : 0)
      expect(Math.sign(compareDecimals(b, a))).toBe(left < right ? 1 : left > right ? -1 : 0)
      expect(compareDecimals(a, b) === 0).toBe(a === b)
    })
    fc.assert(property, runs)
  })

  test('is a total order: sorting by it sorts the numbers', () => {
    const property = fc.property(fc.array(canonicals, { maxLength: 12 }), (texts) => {
      const sorted = texts.toSorted(compareDecimals).map(scaled)
      expect(sorted).toEqual(texts.map(scaled).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
    })
    fc.assert(property, runs)
  })

  test('numbers, not text', () => {
    const ascending = [
      '-10',
      '-9.5',
      '-1.5',
      '-1.45',
      '-0.1',
      '0',
      '0.09',
      '0.1',
      '1',
      '1.45',
      '1.5',
      '9',
      '10',
      '10.01',
    ]
    expect(ascending.toReversed().sort(compareDecimals)).toEqual(ascending)
  })
})

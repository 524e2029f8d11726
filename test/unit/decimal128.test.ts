// Decimals on their way into MongoDB and back: the same bytes as the driver's own conversion, for every
// canonical decimal of the contract, and canonical text for whatever anybody else may have stored.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { Decimal128 } from 'mongodb'
import { fromDecimal128, toDecimal128 } from '../../src/stores/mongodb/decimal128.ts'
import { canonicalDecimals } from '../rig/decimals.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/decimal128.test.ts')

test('is byte for byte what the driver makes of the same text, and comes back as it was', () => {
  const holds = (text: string): void => {
    const made = toDecimal128(text)
    expect(made.bytes).toEqual(new Uint8Array(Decimal128.fromString(text).bytes))
    expect(fromDecimal128(made)).toBe(text)
  }
  for (const edge of ['0', '9007199254740991', '9007199254740992', '9007199254740993', '-0.9007199254740993'])
    holds(edge)
  for (const edge of ['99999999999999999999', '0.000000000000000001', '-1500', '9999999999999999.99999999'])
    holds(edge)
  fc.assert(fc.property(canonicalDecimals, holds), runs)
})

test('what somebody else stored reads as the number that it is', () => {
  const cases = {
    '1.50': '1.5',
    '1E+3': '1000',
    '-0': '0',
    '0E-8': '0',
    '1E-8': '0.00000001',
    '-2.500E1': '-25',
  }
  for (const [stored, text] of Object.entries(cases))
    expect(fromDecimal128(Decimal128.fromString(stored))).toBe(text)
  for (const none of ['NaN', 'Infinity', '-Infinity'])
    expect(fromDecimal128(Decimal128.fromString(none))).toBeNull()
})

test('text that is no decimal is refused, never stored as another number', () => {
  for (const text of ['1e5', 'abc', '1,5', ' 1', '+1', '0x10']) expect(() => toDecimal128(text)).toThrow()
})

// Decimals by chance, for properties: all that the contract allows, in their canonical form.
import fc from 'fast-check'
import { canonicalDecimal } from '../../src/core/decimal.ts'

const digits = (most: number) => fc.stringMatching(new RegExp(`^\\d{0,${most}}$`))

/** Up to 20 digits before the point and 18 after it, of either sign. */
export const canonicalDecimals = fc
  .tuple(fc.boolean(), digits(20), digits(18))
  .map(([negative, whole, fraction]) =>
    canonicalDecimal(`${negative ? '-' : ''}${whole || '0'}.${fraction || '0'}`),
  )
  .filter((text) => text !== null)

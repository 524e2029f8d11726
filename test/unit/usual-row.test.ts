// Rows in the form in which the exchange writes nearly all of them are read by a quick way of their own: the
// same rows, and the same refusals, as JSON.parse and canonicalDecimal give.
import { expect, test } from 'bun:test'
import { decodeArrays } from '../../src/binance/decode.ts'
import type { Rows } from '../../src/core/dataset.ts'
import { MalformedError } from '../../src/errors.ts'
import { columns, namesThePlace, oracle, read, wire } from '../rig/array-pages.ts'

const encoder = new TextEncoder()

/** The rows of a page, or what is said against it. */
function outcome(body: Uint8Array): Rows | string {
  try {
    return read(body, columns, wire)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return error.message
  }
}

test('every byte of a row as the exchange writes it, replaced by every byte that could be mistaken', () => {
  const row = '[1577836799999,"7195.24000000","0.00000000","10.00000001","123456789012.5","1.00000000"'
  const text = `[${row},1577836859999,"0.50000000",177,"9.90000000","3.10000000","0"]]`
  const bytes = encoder.encode(text.replace('12.5"', '12.50000000"'))
  expect(read(bytes, columns, wire)).toEqual(oracle(bytes) ?? { count: -1, columns: [] })
  let accepted = 0
  for (const at of bytes.keys()) {
    for (const byte of encoder.encode('019/:?@pP.,"-[] e')) {
      const damaged = bytes.slice()
      damaged[at] = byte
      const found = outcome(damaged)
      if (typeof found === 'string') expect(found).toMatch(namesThePlace)
      else {
        expect(found).toEqual(oracle(damaged) ?? { count: -1, columns: [] })
        accepted += 1
      }
    }
  }
  expect(accepted).toBeGreaterThan(bytes.length)
})

test('elements that have no name are stepped over, wherever they stand, as long as they are JSON', () => {
  const names = ['open_time', null, 'open_price', null]
  const kinds = columns.filter(({ name }) => names.includes(name))
  const rows = decodeArrays(encoder.encode('[[1,"x","2.50",3],[2,null,"3",true,"more"]]'), kinds, names)
  expect(rows.columns.map((values) => [...values])).toEqual([
    [1, 2],
    ['2.5', '3'],
  ])
  expect(() => decodeArrays(encoder.encode('[[1,[],"2.50",3]]'), kinds, names)).toThrow(MalformedError)
  expect(() => decodeArrays(encoder.encode('[[1,"x","2.50"]]'), kinds, names)).toThrow(MalformedError)
})

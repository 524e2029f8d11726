// Lines and the line of progress on standard error: what a terminal and what a pipe gets to see.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { cutToWidth, Terminal, wrapToWidth } from '../../src/observe/terminal.ts'
import { runsFor } from '../rig/seed.ts'
import { keptStream } from '../rig/world.ts'

const runs = runsFor('test/unit/terminal.test.ts')
const CLEAR = '\r\u001B[2K'
const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '币', '１', '·', 'é') })

describe('the line of progress', () => {
  test('is redrawn in place, stays below what is printed, and goes away', () => {
    const stream = keptStream(80)
    const terminal = new Terminal(stream)
    terminal.status('1/2')
    terminal.status('1/2')
    terminal.print('news')
    terminal.status('2/2')
    terminal.status('')
    terminal.print('end')
    expect(stream.text()).toBe(`${CLEAR}1/2${CLEAR}news\n1/2${CLEAR}2/2${CLEAR}end\n`)
  })

  test('is not shown in a pipe', () => {
    const stream = keptStream()
    const terminal = new Terminal(stream)
    terminal.status('1/2')
    terminal.print('news')
    expect([stream.text(), terminal.columns]).toEqual(['news\n', Number.POSITIVE_INFINITY])
  })

  test('leaves the last column free', () => {
    const stream = keptStream(10)
    new Terminal(stream).status('0123456789')
    expect(stream.text()).toBe(`${CLEAR}01234567…`)
  })
})

test('flushed waits for what was printed', async () => {
  let left = 0
  const terminal = new Terminal({
    isTerminal: false,
    columns: 80,
    write: async () => {
      await Bun.sleep(5)
      left += 1
    },
  })
  terminal.print('a')
  terminal.print('b')
  await terminal.flushed()
  expect(left).toBe(2)
})

describe('cut to a width', () => {
  test('what fits stays, what does not ends with an ellipsis, also amid Chinese names', () => {
    expect(cutToWidth('abc', 3)).toBe('abc')
    expect(cutToWidth('abcd', 3)).toBe('ab…')
    expect(cutToWidth('币安人生USDT', 12)).toBe('币安人生USDT')
    expect(cutToWidth('币安人生USDT', 6)).toBe('币安…')
    expect(cutToWidth('币安人生USDT', 5)).toBe('币安…')
  })

  test('never wider, and as much as fits', () => {
    const property = fc.property(text, fc.integer({ min: 1, max: 30 }), (whole, columns) => {
      const cut = cutToWidth(whole, columns)
      expect(Bun.stringWidth(cut)).toBeLessThanOrEqual(columns)
      if (Bun.stringWidth(whole) <= columns) expect(cut).toBe(whole)
      else expect(Bun.stringWidth(cut)).toBeGreaterThanOrEqual(columns - 1)
    })
    fc.assert(property, runs)
  })
})

describe('wrapped to a width', () => {
  test('between words, further lines indented', () => {
    expect(wrapToWidth('one two three', 8, 2)).toEqual(['one two', '  three'])
    expect(wrapToWidth('  name  one two', 11, 8)).toEqual(['  name  one', '        two'])
    expect(wrapToWidth('one two', Number.POSITIVE_INFINITY, 2)).toEqual(['one two'])
    expect(wrapToWidth('', 8, 2)).toEqual([''])
    // Fields that two spaces part are indented like all others where the line is broken between them.
    expect(wrapToWidth('one=1  two=2  three=3', 12, 2)).toEqual(['one=1  two=2', '  three=3'])
    expect(wrapToWidth('one=1  two=22  three=3', 12, 2)).toEqual(['one=1', '  two=22', '  three=3'])
  })

  test('a word that is wider stands alone', () => {
    expect(wrapToWidth('a 0123456789 b', 6, 1)).toEqual(['a', ' 0123456789', ' b'])
    expect(wrapToWidth('0123456789', 6, 1)).toEqual(['0123456789'])
  })

  test('no line is wider unless it is one word, and no word is lost', () => {
    const property = fc.property(text, fc.integer({ min: 4, max: 30 }), (whole, columns) => {
      const lines = wrapToWidth(whole, columns, 2)
      const words = (value: string): string[] => value.split(' ').filter((one) => one !== '')
      expect(lines.flatMap(words)).toEqual(words(whole))
      for (const line of lines)
        if (words(line).length > 1) expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns)
    })
    fc.assert(property, runs)
  })
})

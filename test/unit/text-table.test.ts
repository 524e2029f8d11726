// Tables for people: aligned by the width that a terminal shows, numbers to the right.
import { expect, test } from 'bun:test'
import { minuteText, namedTable, tableColumns, textTable } from '../../src/cli/text-table.ts'

test('columns are as wide as their content, numbers stand to the right, no line ends with blanks', () => {
  const text = textTable(
    ['name', 'rows', 'note'],
    [
      ['a', '1', 'x'],
      ['long name', '12,345', ''],
    ],
  )
  expect(text).toBe('name         rows  note\na               1  x\nlong name  12,345\n')
})

test('Chinese names and full-width digits take two columns a character', () => {
  const text = textTable(
    ['symbol', 'base'],
    [
      ['币安人生USDT', 'x'],
      ['１２３USDT', 'y'],
      ['BTCUSDT', 'z'],
    ],
  )
  const columns = text
    .trimEnd()
    .split('\n')
    .map((line) => Bun.stringWidth(line.slice(0, line.search(/\S+$/))))
  expect(new Set(columns).size).toBe(1)
})

test('a column with one word in it is text; one without rows is its head alone', () => {
  expect(textTable(['n'], [['1'], ['-']])).toBe('n\n1\n-\n')
  expect(textTable(['a', 'b'], [])).toBe('a  b\n')
  expect(textTable(['a', 'b'], [['only']])).toBe('a     b\nonly\n')
})

test('times to the minute', () => {
  expect(minuteText('2024-03-12T08:37:59.999Z')).toBe('2024-03-12 08:37')
})

test('a name is cut at its front where the line would be wider than a terminal', () => {
  const rows = [['2024-03-12 08:37', '2024-03-21 23:00', '1,234,567', '7 (1 open)']]
  const head = ['series', 'first (UTC)', 'last', 'rows', 'gaps'] as const
  const lineOf = (name: string): string => namedTable([...head], [name], rows).split('\n')[1] ?? ''
  expect(lineOf('spot/klines/AUSDT/15m')).toStartWith('spot/klines/AUSDT/15m  2024')
  expect(lineOf('um/premium-index-klines/1000SHIBUSDT/15m')).toStartWith('…nes/1000SHIBUSDT/15m  2024')
  for (const name of ['spot/klines/BTCUSDT/15m', 'um/premium-index-klines/币安人生USDT_240628/15m'])
    expect(Bun.stringWidth(lineOf(name))).toBeLessThanOrEqual(80)
  const stdout = { isTerminal: false, columns: 80, write: async () => undefined }
  const [wide, pipe] = [tableColumns({ ...stdout, isTerminal: true, columns: 100 }), tableColumns(stdout)]
  const [long, longer] = ['um/premium-index-klines/1000SHIBUSDT/15m', `um/klines/${'A'.repeat(99)}/1m`]
  for (const [name, columns] of [
    [long, wide],
    [longer, pipe],
  ] as const)
    expect(namedTable([...head], [name], rows, columns)).toContain(`\n${name}  2024`)
})

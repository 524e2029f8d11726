// The log: the contract's fields in JSON, readable lines for people, and no line that a level should hide.
import { describe, expect, test } from 'bun:test'
import { type LogLevel, logLevels } from '../../src/core/events.ts'
import { type Log, startLog } from '../../src/observe/log.ts'
import { Terminal } from '../../src/observe/terminal.ts'
import { keptStream } from '../rig/world.ts'

const NOW_MS = Date.UTC(2024, 2, 1, 9, 5, 7, 42)

function logAt(
  level: LogLevel,
  format: 'json' | 'pretty',
  columns?: number,
): { log: Log; text: () => string } {
  const stream = keptStream(columns)
  const log = startLog(new Terminal(stream), { level, format, logger: 'petrosa.klines', nowMs: () => NOW_MS })
  return { log, text: stream.text }
}

describe('as JSON', () => {
  test('one object a line: timestamp, level, logger, message, then the fields', () => {
    const { log, text } = logAt('debug', 'json')
    log.info('planned', { rows: 3, symbols: ['币安人生USDT'], none: null })
    expect(text()).toBe(
      '{"timestamp":"2024-03-01T09:05:07.042Z","level":"INFO","logger":"petrosa.klines",' +
        '"message":"planned","rows":3,"symbols":["币安人生USDT"],"none":null}\n',
    )
  })

  test('a line break in a message does not break the line', () => {
    const { log, text } = logAt('debug', 'json')
    log.error('two\nlines')
    expect(text().trimEnd().split('\n')).toHaveLength(1)
    expect(JSON.parse(text()).message).toBe('two\nlines')
  })

  test('each level by its name', () => {
    const { log, text } = logAt('debug', 'json')
    for (const level of logLevels) log[level](level)
    const lines = text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map((line) => [line.message, line.level])).toEqual(
      logLevels.map((level) => [level, level.toUpperCase()]),
    )
  })

  test('a terminal does not wrap it', () => {
    const { log, text } = logAt('info', 'json', 40)
    log.info('a message that is longer than forty columns of a terminal')
    expect(text().trimEnd().split('\n')).toHaveLength(1)
  })
})

test('a level hides what matters less, and nothing else', () => {
  for (const [i, level] of logLevels.entries()) {
    const { log, text } = logAt(level, 'json')
    for (const each of logLevels) log[each](each)
    const shown = text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).message)
    expect([level, shown]).toEqual([level, logLevels.slice(i)])
  }
})

test('repeated lines are all there', () => {
  const { log, text } = logAt('info', 'json')
  for (let i = 0; i < 500; i += 1) log.info('again')
  expect(text().trimEnd().split('\n')).toHaveLength(500)
})

test('no address leaves with its password, in the message or in a field', () => {
  const address = 'http://me:s3cret@host/x'
  for (const format of ['json', 'pretty'] as const) {
    const { log, text } = logAt('debug', format)
    log.warning(`no listing at ${address}`, { advice: `check ${address}`, all: [address], rows: 3 })
    expect(text()).not.toContain('s3cret')
    expect(text().split('http://me:***@host/x')).toHaveLength(4)
  }
})

describe('for people', () => {
  test('the time of day, the level, the message, the fields', () => {
    const { log, text } = logAt('debug', 'pretty')
    log.warning('not settled', {
      series: 'spot/klines/BTCUSDT/1m',
      rows: 3,
      symbols: ['A', 'B'],
      until: null,
    })
    expect(text()).toBe(
      '09:05:07 WARNING  not settled  series=spot/klines/BTCUSDT/1m  rows=3  symbols=A, B  until=null\n',
    )
  })

  test('in a terminal broken between words, below the message; in a file one line', () => {
    const fields = { series: 'spot/klines/BTCUSDT/1m', span: 'from … to', rows: 123_456, changed: 0 }
    const narrow = logAt('info', 'pretty', 60)
    narrow.log.info('written', fields)
    const lines = narrow.text().trimEnd().split('\n')
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.filter((line) => Bun.stringWidth(line) > 60)).toEqual([])
    expect(lines.slice(1).filter((line) => !/^ {18}\S/.test(line))).toEqual([])
    const file = logAt('info', 'pretty')
    file.log.info('written', fields)
    expect(file.text().trimEnd().split('\n')).toHaveLength(1)
  })
})

// How the text of a setting becomes its value, and what is refused with which words.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { periods } from '../../src/core/series.ts'
import {
  bearerToken,
  httpUrl,
  list,
  moment,
  numberIn,
  numberOrOff,
  oneOf,
  onOff,
  type Reader,
  Refusal,
  shard,
  someOf,
  wholeNumber,
} from '../../src/settings/values.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/settings-values.test.ts')

/** Every text is refused, each with the same words; null where only the kind of error counts. */
function refuses(read: Reader<unknown>, texts: readonly string[], words = ''): void {
  for (const text of texts) {
    expect(() => read(text), text).toThrow(Refusal)
    expect(() => read(text), text).toThrow(words)
  }
}

test('a bearer token is a word: with a blank in it no header could name it', () => {
  expect(bearerToken('s3cret-Token/+=')).toBe('s3cret-Token/+=')
  refuses(bearerToken, ['my token', 'token\n', ' token', 'tökén'], 'without blanks')
})

describe('lists', () => {
  test('blanks do not count, doubles neither, order stays', () => {
    expect(list('BTCUSDT')).toEqual(['BTCUSDT'])
    expect(list(' ETHUSDT , BTCUSDT,ETHUSDT')).toEqual(['ETHUSDT', 'BTCUSDT'])
    expect(list('币安人生USDT,１２３USDT,123USDT')).toHaveLength(3)
  })

  test('empty entries are refused', () => {
    refuses(list, ['', ',', 'A,', ',A', 'A,,B', ' '], 'empty entries')
  })

  test('of known names: 1m and 1M are two, unknown ones are told with the nearest', () => {
    const read = someOf(periods)
    expect(read('1m,1M, 1h')).toEqual(['1m', '1M', '1h'])
    refuses(read, ['2m', '1m,2m', '1H ', '60', '1min'], 'takes 1s, 1m')
    expect(() => read('15M')).toThrow('did you mean 15m')
    expect(() => read('2m')).toThrow('did you mean 1m or')
  })
})

test('one of names, or of further spellings of them', () => {
  const read = oneOf(['sqlite', 'mysql'], { mariadb: 'mysql' })
  expect([read('sqlite'), read('mariadb')]).toEqual(['sqlite', 'mysql'])
  refuses(read, ['', 'SQLite', 'constructor', '__proto__', 'sqlite,mysql'], 'takes sqlite, mysql, not')
  expect(() => read('sqlit')).toThrow("not 'sqlit'; did you mean sqlite?")
})

describe('numbers', () => {
  test('whole ones within their bounds, written as digits only', () => {
    const read = wholeNumber(1, 64)
    expect([read('1'), read('64'), read('007')]).toEqual([1, 64, 7])
    refuses(
      read,
      ['0', '65', '-1', '1.0', '1e1', '0x10', ' 4', '', 'four', '٤', '9'.repeat(16)],
      'from 1 to 64',
    )
  })

  test('shares lie above their lower bound', () => {
    const read = numberIn(0, 1)
    expect([read('1'), read('0.9'), read('0.0001')]).toEqual([1, 0.9, 0.0001])
    refuses(read, ['0', '0.0', '1.1', '.5', '-0.5', '1e-3', 'NaN', 'Infinity', '90%'], 'above 0, at most 1')
  })

  test('where 0 turns something off, it is a number too', () => {
    const read = numberOrOff(3_600)
    expect([read('0'), read('0.0'), read('0.5'), read('30')]).toEqual([0, 0, 0.5, 30])
    refuses(read, ['-0', '00', '3601', '', 'off'], 'above 0, at most 3600')
  })

  test('a switch', () => {
    expect(['1', 'true', 'YES', 'on', ''].map(onOff)).toEqual([true, true, true, true, true])
    expect(['0', 'False', 'no', 'OFF'].map(onOff)).toEqual([false, false, false, false])
    refuses(onOff, ['2', 'y', 'maybe', ' true'], 'is a switch')
  })
})

test('addresses: http or https, no query, no slash at the end', () => {
  expect(httpUrl('http://127.0.0.1:8080//')).toBe('http://127.0.0.1:8080')
  expect(httpUrl('https://host/api')).toBe('https://host/api')
  refuses(httpUrl, ['host', 'api.binance.com', '', '//host'], 'takes an address such as')
  refuses(httpUrl, ['ftp://host', 'file:///etc/passwd', 'localhost:80'], 'http:// or https://')
  refuses(httpUrl, ['http://host?a=1', 'http://host#a'], 'without ? and #')
})

describe('moments', () => {
  const at = (text: string): unknown => moment(text)

  test('dates and times are UTC where they name no zone', () => {
    const noon = { atMs: Date.UTC(2024, 0, 31, 12) }
    expect(at('2024-01-31')).toEqual({ atMs: Date.UTC(2024, 0, 31) })
    for (const text of [
      '2024-01-31T12:00',
      '2024-01-31 12:00:00',
      '2024-01-31T12:00:00.000Z',
      '2024-01-31t12:00z',
    ])
      expect([text, at(text)]).toEqual([text, noon])
    for (const text of [
      '2024-01-31T14:00+02:00',
      '2024-01-31T04:00-0800',
      '2024-01-31T17:30+0530',
      '2024-01-31T13:00+01',
      '2024-01-31T01:00-11',
    ])
      expect([text, at(text)]).toEqual([text, noon])
    expect(at('2024-01-31T12:00:00.1239Z')).toEqual({ atMs: Date.UTC(2024, 0, 31, 12, 0, 0, 123) })
  })

  test('epoch milliseconds, now, and so long ago', () => {
    expect(at('1711065600000')).toEqual({ atMs: 1_711_065_600_000 })
    // From the very beginning, as the exchange's own startTime=0.
    expect(at('0')).toEqual({ atMs: 0 })
    expect([at('now'), at('0d')]).toEqual([{ agoMs: 0 }, { agoMs: 0 }])
    expect([at('90s'), at('5m'), at('24h'), at('7d'), at('2w')]).toEqual(
      [90_000, 300_000, 86_400_000, 604_800_000, 1_209_600_000].map((agoMs) => ({ agoMs })),
    )
  })

  test('what no calendar has is refused, not moved', () => {
    const none = [
      '2024-02-30',
      '2023-02-29',
      '2024-13-01',
      '2024-00-10',
      '2024-01-31T25:00',
      '2024-01-31T12:60',
    ]
    refuses(moment, [
      ...none,
      '2024-01-32',
      '2024-1-1',
      '31.01.2024',
      '',
      'yesterday',
      '7',
      '-7d',
      '1y',
      '7 d',
      '1.5h',
    ])
  })

  test('seconds are told from milliseconds', () => {
    refuses(moment, ['1711065600'], 'looks like seconds')
  })

  test('any time that is written as ISO is read back', () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 4_000_000_000_000 }),
      fc.integer({ min: -14 * 60, max: 14 * 60 }),
      (timeMs, zoneMinutes) => {
        expect(moment(new Date(timeMs).toISOString())).toEqual({ atMs: timeMs })
        const size = Math.abs(zoneMinutes)
        const two = (value: number): string => String(value).padStart(2, '0')
        const zone = `${zoneMinutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
        const local = new Date(timeMs + zoneMinutes * 60_000).toISOString().replace('Z', zone)
        expect(moment(local)).toEqual({ atMs: timeMs })
      },
    )
    fc.assert(property, runs)
  })
})

test('a shard: i of n, i from 0', () => {
  expect([shard('0/1'), shard('3/4')]).toEqual([
    { index: 0, of: 1 },
    { index: 3, of: 4 },
  ])
  refuses(shard, ['4/4', '1/0', '0/0', '-1/4', '1', '1/', '/4', '1/4/2', 'a/b', '', '1 / 4'], 'takes i/n')
})

// When passes begin: cron expressions in UTC, the defaults by period, and how far replicas may be apart.
import { describe, expect, test } from 'bun:test'
import { advance, floorToPeriod } from '../../src/core/calendar.ts'
import { periods } from '../../src/core/series.ts'
import { isoTime } from '../../src/core/span.ts'
import { UserError } from '../../src/errors.ts'
import { cronSchedule, defaultCron, mostJitterMs } from '../../src/server/schedule.ts'

const NOW_MS = Date.parse('2024-02-28T23:59:58.500Z')

const next = (text: string, afterMs = NOW_MS): string =>
  isoTime(cronSchedule(text, NOW_MS).nextMs(afterMs) ?? Number.NaN)

describe('a cron expression', () => {
  test('has seconds where it has six fields, is UTC, and knows the calendar', () => {
    expect(next('3 * * * * *')).toBe('2024-02-29T00:00:03.000Z')
    expect(next('*/5 * * * *')).toBe('2024-02-29T00:00:00.000Z')
    expect(next('59 59 23 29 2 *')).toBe('2024-02-29T23:59:59.000Z')
    expect(next('0 30 3 * * 1')).toBe('2024-03-04T03:30:00.000Z')
  })

  test('names the time after the one it is asked from, never that one', () => {
    const atMs = Date.parse('2024-02-29T00:00:03.000Z')
    expect(next('3 * * * * *', atMs)).toBe('2024-02-29T00:01:03.000Z')
    expect(next('3 * * * * *', atMs - 1)).toBe('2024-02-29T00:00:03.000Z')
  })

  test('that makes no sense is refused, with what to write', () => {
    for (const text of ['', '* * *', '61 * * * * *', 'often', '@never', '1 2 3 4 5 6 7'])
      expect(() => cronSchedule(text, NOW_MS)).toThrow(UserError)
    expect(() => cronSchedule('61 * * * * *', NOW_MS)).toThrow(
      "--schedule '61 * * * * *' is no cron expression",
    )
    expect(() => cronSchedule('0 0 0 30 2 *', NOW_MS)).toThrow('names a time that never comes')
  })
})

describe('the default', () => {
  test('is a few seconds after every close of the shortest period', () => {
    for (const period of periods) {
      const schedule = cronSchedule(defaultCron('calendar', ['1M', period]), NOW_MS)
      let closeMs = floorToPeriod(period, NOW_MS)
      for (let i = 0; i < 40; i += 1) {
        closeMs = advance(period, closeMs, 1)
        const afterMs = (schedule.nextMs(closeMs) ?? 0) - closeMs
        expect([period, afterMs > 0 && afterMs <= 5_000]).toEqual([period, true])
      }
    }
  })

  test('is hourly for funding rates, after they are posted, and each minute for trades', () => {
    expect(next(defaultCron('time', [null]))).toBe('2024-02-29T00:01:03.000Z')
    expect(next(defaultCron('id', [null]))).toBe('2024-02-29T00:00:03.000Z')
  })
})

test('replicas are apart by a hundredth of the time between passes, by half a minute at most', () => {
  const jitterMs = (text: string): number => {
    const schedule = cronSchedule(text, NOW_MS)
    return mostJitterMs(schedule, schedule.nextMs(NOW_MS) ?? 0)
  }
  expect(jitterMs('3 * * * * *')).toBe(600)
  expect(jitterMs('*/5 * * * * *')).toBe(50)
  expect(jitterMs('3 0 * * * *')).toBe(30_000)
  expect(jitterMs('3 0 0 * * *')).toBe(30_000)
})

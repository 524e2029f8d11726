// The list of findings keeps a bounded number and counts all; what of a series is looked at; and archives
// that were published anew.
import { describe, expect, test } from 'bun:test'
import type { ArchiveRecord } from '../../src/core/archive.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import { fileOf } from '../../src/core/republished.ts'
import { republished } from '../../src/core/verification/archive-check.ts'
import {
  Findings,
  MOST_ERRORS,
  MOST_NOTES,
  MOST_NOTES_ALIKE,
  sameMatter,
  type VerifyFinding,
} from '../../src/core/verification/findings.ts'
import { behind, rangeOf } from '../../src/core/verification/range.ts'
import { RefusedError, UnavailableError } from '../../src/errors.ts'
import { DAY_0_MS, klineSeries, MINUTE_MS } from '../rig/pages.ts'

const DAY_MS = 1_440 * MINUTE_MS
const series = klineSeries('BTCUSDT')

const finding = (place: number, facts: Partial<VerifyFinding> = {}): VerifyFinding => ({
  series,
  span: { startMs: DAY_0_MS + place * MINUTE_MS, endMs: DAY_0_MS + (place + 1) * MINUTE_MS },
  check: 'rules',
  severity: 'error',
  stored: 'a',
  expected: 'b',
  repaired: false,
  ...facts,
})

describe('the list', () => {
  test('counts all, and keeps so many errors, so many notes, and so many alike', () => {
    const findings = new Findings()
    for (let i = 0; i < MOST_ERRORS + 7; i += 1) findings.add(finding(i))
    for (let symbol = 0; symbol < 20; symbol += 1)
      for (let i = 0; i < MOST_NOTES_ALIKE + 3; i += 1)
        findings.add(finding(i, { severity: 'note', check: 'flat', series: klineSeries(`S${symbol}`) }))
    const kept = findings.kept()
    expect(kept.filter(({ severity }) => severity === 'error')).toHaveLength(MOST_ERRORS)
    expect(kept.filter(({ severity }) => severity === 'note')).toHaveLength(MOST_NOTES)
    expect(kept.filter((one) => one.series.symbol === 'S3')).toHaveLength(MOST_NOTES_ALIKE)
    expect([findings.total('error'), findings.total('note')]).toEqual([
      MOST_ERRORS + 7,
      20 * (MOST_NOTES_ALIKE + 3),
    ])
    expect(findings.unrepaired).toBe(MOST_ERRORS + 7)
    const [errors] = findings.counts()
    expect([errors?.count, errors?.firstMs, errors?.lastMs]).toEqual([
      MOST_ERRORS + 7,
      DAY_0_MS,
      DAY_0_MS + (MOST_ERRORS + 6) * MINUTE_MS,
    ])
  })

  test('errors are repaired, or turn out to be notes', () => {
    const findings = new Findings()
    for (let i = 0; i < 4; i += 1) findings.add(finding(i))
    findings.add(finding(9, { repaired: true }))
    findings.add(finding(9, { repaired: true, severity: 'note' }))
    findings.revise((one) => {
      if (one.span.startMs === DAY_0_MS) return { ...one, repaired: true }
      return one.span.startMs === DAY_0_MS + MINUTE_MS ? { ...one, severity: 'note' } : one
    })
    expect([findings.total('error'), findings.total('note'), findings.unrepaired]).toEqual([4, 2, 2])
    expect(findings.kept().map(({ severity, repaired }) => `${severity} ${repaired}`)).toEqual([
      ...['error true', 'error false', 'error false', 'error true'],
      ...['note true', 'note false'],
    ])
  })

  test('what is about the same, and what is known', () => {
    expect(sameMatter(finding(1), finding(1, { stored: 'c' }))).toBe(true)
    expect(sameMatter(finding(1), finding(2))).toBe(false)
    expect(sameMatter(finding(1), finding(1, { check: 'day' }))).toBe(false)
    expect(sameMatter(finding(1), finding(1, { series: klineSeries('ETHUSDT') }))).toBe(false)
    const findings = new Findings()
    findings.add(finding(1))
    expect([finding(1), finding(2), finding(1, { stored: null })].map((one) => findings.knows(one))).toEqual([
      ...[true, false, false],
    ])
  })
})

describe('what is looked at', () => {
  const open = { startMs: null, endMs: null }
  const held = { firstMs: DAY_0_MS + 5, lastMs: DAY_0_MS + 9 * MINUTE_MS }

  test('whole places, from the first row to the last', () => {
    expect(rangeOf({ period: '1m', holding: held, ledger: [] }, open)).toEqual({
      startMs: DAY_0_MS,
      endMs: DAY_0_MS + 10 * MINUTE_MS,
    })
    expect(rangeOf({ period: null, holding: held, ledger: [] }, open)).toEqual({
      startMs: held.firstMs,
      endMs: held.lastMs + 1,
    })
    expect(rangeOf({ period: '1m', holding: null, ledger: [] }, open)).toBeNull()
  })

  test('and what the ledger vouches for beyond, but nothing that nobody fetched', () => {
    const vouched = { startMs: DAY_0_MS - DAY_MS, endMs: DAY_0_MS + DAY_MS }
    const rows = ledgerRow(vouched, 'rows', { rows: 9 })
    const wide = { startMs: DAY_0_MS - 9 * DAY_MS, endMs: DAY_0_MS - DAY_MS }
    const unlisted = ledgerRow(wide, 'unlisted')
    expect(rangeOf({ period: '1m', holding: held, ledger: [unlisted, rows] }, open)).toEqual(vouched)
    expect(rangeOf({ period: '1m', holding: null, ledger: [rows] }, open)).toEqual(vouched)
    expect(rangeOf({ period: '1m', holding: null, ledger: [unlisted] }, open)).toBeNull()
    const nothing = ledgerRow({ ...vouched, startMs: DAY_0_MS - 9 * DAY_MS }, 'rows')
    expect(rangeOf({ period: '1m', holding: held, ledger: [nothing] }, open)?.startMs).toBe(DAY_0_MS)
    const wanted = ledgerRow({ ...vouched, endMs: DAY_0_MS + 9 * DAY_MS }, 'wanted')
    expect(rangeOf({ period: '1m', holding: held, ledger: [wanted] }, open)?.endMs).toBe(
      DAY_0_MS + 10 * MINUTE_MS,
    )
  })

  test('narrowed to what was asked for, never widened', () => {
    const asked = { startMs: DAY_0_MS + 2 * MINUTE_MS + 1, endMs: DAY_0_MS + 4 * MINUTE_MS }
    expect(rangeOf({ period: '1m', holding: held, ledger: [] }, asked)).toEqual({
      startMs: DAY_0_MS + 3 * MINUTE_MS,
      endMs: DAY_0_MS + 4 * MINUTE_MS,
    })
    const all = { startMs: 0, endMs: DAY_0_MS + DAY_MS }
    expect(rangeOf({ period: '1m', holding: held, ledger: [] }, all)?.endMs).toBe(DAY_0_MS + 10 * MINUTE_MS)
    expect(
      rangeOf({ period: '1m', holding: held, ledger: [] }, { ...open, startMs: DAY_0_MS + DAY_MS }),
    ).toBeNull()
  })

  test('times that no calendar has do not break it', () => {
    const wild = { firstMs: -9e15, lastMs: 9e15 }
    for (const period of ['1m', '1M', null] as const) {
      const range = rangeOf({ period, holding: wild, ledger: [] }, open)
      expect([Number.isFinite(range?.startMs), Number.isFinite(range?.endMs)]).toEqual([true, true])
    }
  })

  test('a series that ends days ago is a note; one of today, or a delisted one, is not', () => {
    const range = { startMs: DAY_0_MS, endMs: DAY_0_MS + DAY_MS }
    const input = { period: '1m', holding: null, ledger: [] } as const
    expect(behind(input, range, range.endMs + DAY_MS - 1)).toBeNull()
    const note = behind(input, range, range.endMs + DAY_MS)
    expect([note?.severity, note?.span.startMs]).toEqual(['note', range.endMs])
    const delisted = [ledgerRow({ startMs: range.endMs, endMs: range.endMs + 1 }, 'delisted')]
    expect(behind({ ...input, ledger: delisted }, range, range.endMs + 9 * DAY_MS)).toBeNull()
    expect(behind({ ...input, period: '1M' }, range, range.endMs + 20 * DAY_MS)).toBeNull()
  })
})

describe('archives', () => {
  const record = (name: string, sha256: string): ArchiveRecord => ({
    series: 'spot/klines/BTCUSDT/1m',
    name: `data/spot/monthly/klines/BTCUSDT/1m/${name}.zip`,
    sha256,
    bytes: 10,
    takenAtMs: DAY_0_MS,
  })
  const signal = new AbortController().signal

  test('those that were published anew are notes, with what to do', async () => {
    const records = [
      record('BTCUSDT-1m-2024-03', 'aa'),
      record('BTCUSDT-1m-2024-01', 'bb'),
      record('BTCUSDT-1m-2024-02-29', 'cc'),
    ]
    const asked: string[] = []
    const checksum = async ({ key }: { key: string }): Promise<string> => {
      asked.push(key)
      if (key.includes('2024-02-29')) throw new RefusedError('not there (404)')
      return key.includes('2024-01') ? 'bb' : 'dd'
    }
    const found = await republished({ archives: { checksum }, series, records, workers: 2, signal })
    expect(asked.sort()).toEqual(records.map(({ name }) => name).sort())
    expect(found.map(({ severity, check, span }) => [severity, check, span.startMs])).toEqual([
      ['note', 'archive', Date.UTC(2024, 1, 29)],
      ['note', 'archive', Date.UTC(2024, 2, 1)],
    ])
    expect(found[1]?.stored).toBe('BTCUSDT-1m-2024-03.zip with sha256 aa')
    expect(found[1]?.expected).toBe('sha256 dd: published anew; --refresh takes it in')
    expect(found[0]?.expected).toBe('a checksum, but not there (404)')
  })

  test('archives out of reach end it', async () => {
    const checksum = async (): Promise<string> => {
      throw new UnavailableError('down')
    }
    const records = [record('BTCUSDT-1m-2024-03', 'aa')]
    const run = republished({ archives: { checksum }, series, records, workers: 2, signal })
    await expect(run).rejects.toThrow('down')
  })

  test('the file of a record: its month or its day', () => {
    const month = fileOf(record('BTCUSDT-1m-2024-02', ''))
    expect([month.unit, month.span]).toEqual([
      'month',
      { startMs: Date.UTC(2024, 1, 1), endMs: Date.UTC(2024, 2, 1) },
    ])
    const day = fileOf(record('BTCUSDT-1mo-2024-02-29', ''))
    expect([day.unit, day.span]).toEqual(['day', { startMs: DAY_0_MS, endMs: DAY_0_MS + DAY_MS }])
    expect(() => fileOf(record('BTCUSDT-1m', ''))).toThrow('no archive of a month or a day')
  })
})

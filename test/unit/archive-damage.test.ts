// Damaged archives, from the local exchange: what passes is asked for again, what can be put right is, and
// the rest ends in the right words after no more requests than it needs.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import type { ArchiveSource } from '../../src/core/archive.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import { MalformedError, RefusedError, UnavailableError } from '../../src/errors.ts'
import {
  hours,
  january,
  KEY,
  monthOf,
  NOW_MS,
  readRows,
  soundRows,
  sourceOf,
  spanOf,
  symbols,
} from '../rig/archive-case.ts'
import { type ArchiveReader, archiveReader } from '../rig/archive-reader.ts'
import type { ArchiveFaultKind, ArchiveRule } from '../rig/archive-rules.ts'
import { type LocalExchange, startExchange } from '../rig/exchange.ts'

let exchange: LocalExchange
let read: ArchiveReader
let events: PetrosaEvent[]
let source: ArchiveSource
beforeAll(async () => {
  exchange = await startExchange({ symbols, clock: { manualMs: NOW_MS }, graceMs: 0 })
  read = archiveReader(exchange.url)
})
afterAll(() => exchange.stop())
beforeEach(() => {
  exchange.setFaults({})
  exchange.resetCounts()
  events = []
  source = sourceOf(exchange.url, (event) => void events.push(event))
})

describe('damage', () => {
  const rule = (kind: ArchiveFaultKind, more: Partial<ArchiveRule> = {}): void =>
    exchange.setFaults({ archives: { rules: [{ kind, key: KEY, ...more }] } })
  const requests = (): number[] => {
    const { byKey } = exchange.counts().archives
    return [byKey[KEY] ?? 0, byKey[`${KEY}.CHECKSUM`] ?? 0]
  }
  const errorOfFile = async (): Promise<unknown> => {
    const file = await monthOf(source)
    exchange.resetCounts()
    return readRows(source, hours, file).catch((error: unknown) => error)
  }

  const harmless: readonly ArchiveFaultKind[] = ['unsorted-rows', 'doubled-rows', 'stored-member']
  for (const kind of harmless) {
    test(`${kind} are put right`, async () => {
      const due = await soundRows(read)
      rule(kind)
      expect(await readRows(source, hours, await monthOf(source))).toEqual(due)
    })
  }

  const passing: readonly (readonly [ArchiveFaultKind, Partial<ArchiveRule>])[] = [
    ['error-500', { times: 2 }],
    ['error-503', { times: 1 }],
    ['cut', { times: 2 }],
    ['reset', { times: 2 }],
    ['slow', { times: 1 }],
    ['error-500', { times: 2, of: 'checksum' }],
    ['html', { times: 1, of: 'checksum' }],
    ['cut', { times: 1, of: 'checksum' }],
    ['cut', { times: 1, of: 'listing', key: '*' }],
    ['html', { times: 1, of: 'listing', key: '**' }],
  ]
  for (const [kind, more] of passing) {
    test(`${kind} of the ${more.of ?? 'zip'} passes`, async () => {
      const due = await soundRows(read)
      rule(kind, more)
      expect(await readRows(source, hours, await monthOf(source))).toEqual(due)
    })
  }

  const once: readonly (readonly [ArchiveFaultKind, Partial<ArchiveRule>])[] = [
    ['wrong-checksum', {}],
    ['flipped-byte', {}],
    ['short-zip', {}],
    ['html', {}],
  ]
  for (const [kind, more] of once) {
    test(`${kind} once: the file and its CHECKSUM are asked for once more, and it is told`, async () => {
      const due = await soundRows(read)
      rule(kind, { times: 1, ...more })
      const file = await monthOf(source)
      exchange.resetCounts()
      expect(await readRows(source, hours, file)).toEqual(due)
      expect(requests()).toEqual([2, 2])
      const told = events.flatMap((event) => (event.type === 'page-retried' ? [event.reason] : []))
      expect(told).toEqual([expect.stringContaining(`the sha256 of ${KEY} is `)])
    })
  }

  test('wrong checksums twice: refused, and not asked for again', async () => {
    rule('wrong-checksum')
    const error = await errorOfFile()
    expect(error).toBeInstanceOf(RefusedError)
    expect(String(error)).toMatch(/its \.CHECKSUM says [0-9a-f]{64}, 2 times/)
    expect(requests()).toEqual([2, 2])
  })

  const bad: readonly (readonly [ArchiveFaultKind, RegExp])[] = [
    ['wrong-crc', /the CRC of what the zip inflates to is wrong/],
    ['wrong-size', /inflates from \d+ to \d+ bytes/],
    ['bomb', /inflates from \d+ to \d+ bytes/],
    ['other-member', /its member is ".*", not BTCUSDT-1h-2025-01\.csv/],
    ['two-members', /it has 2 members in place of one/],
    ['short-zip', /it is cut, or no zip at all/],
    ['flipped-byte', /(does not inflate|inflates to|CRC|line \d+)/],
    ['contradictory-rows', /lines \d+ and \d+ have the same key and contradict each other/],
    ['torn-row', /line 1/],
  ]
  for (const [kind, says] of bad) {
    test(`${kind} under a right checksum is refused by name, without a second request`, async () => {
      rule(kind)
      const error = await errorOfFile()
      expect(error).toBeInstanceOf(MalformedError)
      expect(String(error)).toContain(`${KEY}: `)
      expect(String(error)).toMatch(says)
      expect(requests()).toEqual([1, 1])
    })
  }

  test('rows of another month are refused', async () => {
    const file = await monthOf(source)
    const shifted = { ...file, span: spanOf('2024-12-01', '2025-01-01') }
    expect(String(await readRows(source, hours, shifted).catch((error: unknown) => error))).toContain(
      'lies outside of',
    )
  })

  test('a file that is gone or never given: refused; a host that is down: unavailable', async () => {
    rule('gone')
    expect(await errorOfFile()).toBeInstanceOf(RefusedError)
    rule('error-500')
    expect(await errorOfFile()).toBeInstanceOf(RefusedError)
    rule('blocked-403')
    expect(await errorOfFile()).toBeInstanceOf(UnavailableError)
    const down = await startExchange({ symbols, clock: { manualMs: NOW_MS } })
    const file = await monthOf(source)
    source = sourceOf(down.url)
    await down.stop()
    expect(await readRows(source, hours, file).catch((error: unknown) => error)).toBeInstanceOf(
      UnavailableError,
    )
    const listing = source.list(hours, january)
    expect(await listing.catch((error: unknown) => error)).toBeInstanceOf(UnavailableError)
  })

  test('a bomb is left at once, with memory bounded', async () => {
    rule('bomb', { filling: 'rows' })
    const file = await monthOf(source)
    const before = process.memoryUsage().rss
    expect(await readRows(source, hours, file).catch((error: unknown) => error)).toBeInstanceOf(
      MalformedError,
    )
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 ** 2)
  })
})

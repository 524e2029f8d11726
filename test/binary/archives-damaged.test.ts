// Archives that are damaged, each in its own way: their rows come from REST, exact, and a warning names the
// file and what is wrong with it. What is only unusual is taken as it is.
import { afterAll, expect, test } from 'bun:test'
import { archivedExchange, minutesOf, minutesStored, warnings } from '../rig/archive-bench.ts'
import type { ArchiveFaultKind } from '../rig/archive-rules.ts'
import { bench, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases } from '../rig/binary-databases.ts'
import { differences } from '../rig/compare-store.ts'
import { removeWorkFolders, tail } from '../rig/run-petrosa.ts'

afterAll(removeWorkFolders)
const databases = await findBinaryDatabases()

const spec = plainSymbol('AUSDT')
const [from, to] = ['2024-12-26', '2025-01-09']
const dayMs = (day: number): number => Date.parse(`${from}T00:00Z`) + day * 86_400_000
const dateOf = (day: number): string => new Date(dayMs(day)).toISOString().slice(0, 10)
const keyOf = (day: number): string => `data/spot/daily/klines/AUSDT/1m/AUSDT-1m-${dateOf(day)}.zip`

/** A day each: what is wrong with its file, and how the warning says it; null where there is none to say. */
const days: readonly (readonly [ArchiveFaultKind, RegExp | null])[] = [
  ['wrong-checksum', /its \.CHECKSUM says [0-9a-f]{64}, 2 times/],
  ['wrong-crc', /the CRC of what the zip inflates to is wrong/],
  ['wrong-size', /inflates from \d+ to \d+ bytes/],
  ['bomb', /inflates from \d+ to \d+ bytes/],
  ['other-member', /its member is/],
  ['two-members', /it has 2 members in place of one/],
  ['short-zip', /it is cut, or no zip at all/],
  ['flipped-byte', /(does not inflate|inflates to|CRC|line \d+)/],
  ['contradictory-rows', /have the same key and contradict each other/],
  ['torn-row', /line 1/],
  ['gone', /404|not there|not published/],
  ['unsorted-rows', null],
  ['doubled-rows', null],
  ['stored-member', null],
]

test.each(databases)(
  '$label: each kind of damage is told by name, and the rows come from REST',
  async (database) => {
    const rules = days.map(([kind], day) => ({ kind, key: keyOf(day) }))
    const exchange = await archivedExchange([spec], { faults: { archives: { rules } } })
    try {
      const at = await bench(exchange, database)
      const span = { startMs: Date.parse(`${from}T00:00Z`), endMs: Date.parse(`${to}T00:00Z`) }
      const run = await at.klines([...minutesOf(['AUSDT'], span), '--source', 'auto'])
      expect(tail(run)).toStartWith('exit 0')
      expect(run.result()).toMatchObject({ unsettled: [], errors: [] })
      expect(await differences(at.contents, minutesStored([spec], [span]))).toEqual([])
      const told = warnings(run)
      for (const [day, [kind, says]] of days.entries()) {
        const own = told.filter((one) => one.includes(`the archive ${keyOf(day)} is no good`))
        expect([kind, own.length]).toEqual([kind, says === null ? 0 : 1])
        if (says) expect(own[0]).toMatch(says)
        if (says) expect(own[0]).toEndWith('; its rows are asked for by REST')
      }
      expect(told).toHaveLength(days.filter(([, says]) => says !== null).length)
      // What was no good is not taken for granted: the next run has nothing to do all the same.
      await exchange.resetCounts()
      const again = await at.klines([...minutesOf(['AUSDT'], span), '--source', 'auto'])
      expect(again.result()).toMatchObject({ rows_fetched: 0, archives: 0 })
    } finally {
      await exchange.stop()
    }
  },
  60_000,
)

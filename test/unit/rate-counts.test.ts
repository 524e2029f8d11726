// Archives of funding rates that are taken in again: what the ledger counts around them stays what is stored,
// also where the rates of a row are not even.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { HOUR_MS } from '../../src/core/calendar.ts'
import { plainSymbol } from '../rig/bench.ts'
import { DESK_NOW_MS, type GapsDesk, gapsDesk } from '../rig/gaps-desk.ts'

const LISTED_MS = Date.parse('2024-01-20T00:00Z')
const key = 'data/futures/um/monthly/fundingRate/FFFUSDT/FFFUSDT-fundingRate-2024-02.zip'
/** Of twelve days of January, and of February. */
const JANUARY_RATES = 36
const FEBRUARY_RATES = 87

let desk: GapsDesk
beforeEach(async () => {
  desk = await gapsDesk([plainSymbol('FFFUSDT', { market: 'um', listedAtMs: LISTED_MS })])
  await funding('--start 2024-01-01 --end 2024-03-01')
})
afterEach(() => desk.close())

async function funding(flags: string) {
  const ran = await desk.run(`funding --symbols FFFUSDT --source archive --json ${flags}`)
  expect([ran.code, ran.err.includes('"level":"ERROR"')]).toEqual([0, false])
  return ran.result
}

/** February is published anew, with other values. */
function republish(): void {
  const rules = [{ kind: 'altered-rows', key, sinceMs: DESK_NOW_MS + HOUR_MS } as const]
  desk.exchange().setFaults({ archives: { rules } })
  desk.exchange().setNowMs(DESK_NOW_MS + 2 * HOUR_MS)
}

const counted = (): unknown =>
  desk.row(
    "SELECT sum(rows) AS rows FROM petrosa_coverage WHERE verdict = 'rows' AND series LIKE '%funding%'",
  )

test('a month that is taken in again leaves the count of the month before', async () => {
  const rows = JANUARY_RATES + FEBRUARY_RATES
  expect(counted()).toEqual({ rows })
  republish()
  const { rows_changed: changed } = await funding('--refresh --end 2024-03-01')
  expect(changed).toBeGreaterThan(0)
  expect(counted()).toEqual({ rows })
  expect(await desk.run('gaps --json --end 2024-03-01')).toMatchObject({ result: { gaps_found: 0 } })
})

test('a rate that was lost before is lost still', async () => {
  desk.sql(`DELETE FROM funding_rates WHERE funding_time < ${LISTED_MS + 8 * HOUR_MS}`)
  republish()
  await funding('--refresh --end 2024-03-01')
  const { result } = await desk.run('gaps --json')
  expect(result.gaps.filter(({ verdict }) => verdict === 'lost')).toHaveLength(1)
})

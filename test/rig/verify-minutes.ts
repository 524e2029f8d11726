// Forty one-minute candles in a store in memory, and an exchange that has them, or others: what the tests of
// comparing and repairing share.
import type { Rows } from '../../src/core/dataset.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import { klines } from '../../src/datasets/klines.ts'
import { type MemorySource, type MemorySourceOptions, memorySource } from './memory-source.ts'
import { candle, klineSeries, MINUTE_MS, type Row, toRows } from './pages.ts'
import { type VerifyRig, verifyRig } from './verify-rig.ts'

export const START_MS = Date.UTC(2024, 2, 1)
export const PLACES = 40
export const PAGE_ROWS = 10
export const minutes = klineSeries('BTCUSDT')
export const minutesTable = klines.table(minutes)
export const minutesSpan = { startMs: START_MS, endMs: START_MS + PLACES * MINUTE_MS }
export const allMinutes: readonly Row[] = Array.from({ length: PLACES }, (_, place) =>
  candle(START_MS + place * MINUTE_MS),
)

/** The open time of a place, as results write it. */
export const placeTime = (place: number): string => new Date(START_MS + place * MINUTE_MS).toISOString()

/** An exchange that has `records`; answers may be changed on the way. */
export function minutesExchange(
  records: readonly Row[],
  change: (rows: Rows, ask: number) => Rows = (rows) => rows,
): MemorySource {
  let asks = 0
  const answer: MemorySourceOptions['answer'] = (_series, { span, limit }) => {
    asks += 1
    const inside = records.filter(
      ({ open_time: openMs }) => Number(openMs) >= span.startMs && Number(openMs) < span.endMs,
    )
    return change(toRows(minutesTable, inside.slice(0, limit)), asks)
  }
  return memorySource({ nowMs: () => minutesSpan.endMs + 60 * MINUTE_MS, pageRows: PAGE_ROWS, answer })
}

/** A store with `records`, and a ledger that says that all forty came from `source`. */
export async function minutesStore(
  records: readonly Row[],
  source: 'rest' | 'archive' = 'archive',
): Promise<VerifyRig> {
  const ledger = [ledgerRow(minutesSpan, 'rows', { rows: PLACES, source })]
  return verifyRig([{ series: minutes, rows: toRows(minutesTable, records), ledger }])
}

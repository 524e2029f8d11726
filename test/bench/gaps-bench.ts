// Scanning for gaps beside a bare count(*) of the same table in the same run: ten million rows in ten series,
// whole and with holes; what memory does when the table grows; and ten thousand series with nothing missing.
import { join } from 'node:path'
import { type GapTable, postgresqlGapTable, sqliteGapTable } from './gap-tables.ts'
import { measure, median, megabytes, repeat, report, type Usage } from './measure.ts'

const SERIES = 10
const MINUTES = Number(process.env.BENCH_GAP_MINUTES ?? 1_000_000)
const HOLES = 40
const MANY_SERIES = 10_000
const FEW_MINUTES = 100

/** Measures the stores that the issue names and that are in reach. */
export async function benchGaps(binary: string, folder: string): Promise<void> {
  const tables = [async () => sqliteGapTable(join(folder, 'gaps.db')), postgresqlGapTable]
  for (const make of tables) {
    const table = await make()
    if (!table) continue
    await benchTable(binary, folder, table)
    await table.close()
  }
}

/** With archives alone nobody is asked what has closed since: no exchange knows these series. */
const scan = (binary: string, cwd: string, table: GapTable): Promise<Usage> =>
  measure([binary, 'gaps', ...table.flags, '--source', 'archive', '--json'], { LOG_LEVEL: 'warning' }, cwd)

async function benchTable(binary: string, folder: string, table: GapTable): Promise<void> {
  const { name } = table
  const rows = `${(SERIES * MINUTES) / 1e6} M rows`
  for (const [holes, what] of [
    [0, 'whole'],
    [HOLES, `${HOLES * SERIES} holes`],
  ] as const) {
    // As many holes in a tenth of the rows: what a report takes for each is no matter of the table's size.
    await table.fill(SERIES, MINUTES / 10, holes)
    const small = await repeat(() => scan(binary, folder, table))
    await table.fill(SERIES, MINUTES, holes)
    // In turn, so that what else the machine does meets both.
    const both = await repeat(async () => ({
      bare: await table.bareCount(),
      scanned: await scan(binary, folder, table),
    }))
    const bare = median(both.map((one) => one.bare))
    const seconds = median(both.map(({ scanned }) => scanned.wallSeconds))
    const peak = median(both.map(({ scanned }) => scanned.peakBytes))
    const found = JSON.parse(both[0]?.scanned.stdout ?? '{}') as { gaps?: readonly unknown[] }
    if (found.gaps?.length !== holes * SERIES) throw new Error(`${found.gaps?.length} gaps found`)
    report(`${name}: count(*) of ${rows}, ${what}`, `${bare.toFixed(2)} s`)
    report(
      `${name}: gaps in ${rows}, ${what}`,
      `${seconds.toFixed(2)} s`,
      `${(seconds / bare).toFixed(2)} of count(*); goal: at most 3`,
    )
    const ratio = peak / median(small.map(({ peakBytes }) => peakBytes))
    report(
      `${name}: peak memory`,
      megabytes(peak),
      `${ratio.toFixed(2)} of a tenth of the rows; goal: at most 1.1`,
    )
  }
  await benchManySeries(binary, folder, table)
}

async function benchManySeries(binary: string, folder: string, table: GapTable): Promise<void> {
  await table.fill(MANY_SERIES, FEW_MINUTES, 0)
  const before = await table.statements()
  const { peakBytes, wallSeconds } = await scan(binary, folder, table)
  const after = await table.statements()
  const queries =
    before === null || after === null
      ? 'not counted here'
      : `${((after - before) / MANY_SERIES).toFixed(2)} queries each; goal: a few`
  report(`${table.name}: ${MANY_SERIES} series, nothing missing`, `${wallSeconds.toFixed(2)} s`, queries)
  report(`${table.name}: peak memory of that`, megabytes(peakBytes))
}

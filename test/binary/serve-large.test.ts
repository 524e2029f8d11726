// Millions of rows while serving: they are looked through for gaps, and whoever asks whether the program is
// alive and ready hears so at once. On a quiet machine there are ten million of them, and the promise of
// 100 ms holds; elsewhere there are few, and what is asked is answered.
import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { benchAt, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { embedded } from '../rig/binary-databases.ts'
import { isQuiet } from '../rig/real-time.ts'
import { afterwards, removeWorkFolders, runPetrosa, tail, workFolder } from '../rig/run-petrosa.ts'
import { servePetrosa } from '../rig/serve-petrosa.ts'
import { spawnExchange } from '../rig/spawn-exchange.ts'

afterAll(removeWorkFolders)

const MINUTE_MS = 60_000
const ALIVE_MS = 100
const symbols = ['AAAUSDT', 'BBBUSDT', 'CCCUSDT', 'DDDUSDT'].map((symbol) => plainSymbol(symbol))
const rowsEach = (isQuiet ? 10_000_000 : 100_000) / symbols.length
const names = [
  '--symbols',
  symbols.map(({ symbol }) => symbol).join(','),
  '--period',
  '1m',
  '--source',
  'rest',
]
const limitMs = isQuiet ? 400_000 : 60_000

/** Puts so many minutes before the first row of a symbol, and has the ledger vouch for them. */
function lengthen(database: Database, symbol: string): void {
  const columns = database.query<{ name: string }, []>('PRAGMA table_info(klines_m1)').all()
  const values = columns.map(({ name }) =>
    name === 'open_time' || name === 'close_time' ? `first.${name} - ${MINUTE_MS} * n` : `first.${name}`,
  )
  database.run(
    `WITH RECURSIVE back(n) AS (SELECT ${rowsEach} UNION ALL SELECT n - 1 FROM back WHERE n > 1),
      first AS (SELECT * FROM klines_m1 WHERE symbol = ? ORDER BY open_time LIMIT 1)
      INSERT INTO klines_m1 SELECT ${values} FROM back, first`,
    [symbol],
  )
  database.run(
    `UPDATE petrosa_coverage SET start_time = start_time - ${MINUTE_MS * rowsEach}, rows = rows + ${rowsEach}
      WHERE series = ? AND start_time = (SELECT min(start_time) FROM petrosa_coverage WHERE series = ?)`,
    [`spot/klines/${symbol}/1m`, `spot/klines/${symbol}/1m`],
  )
}

test(
  `${rowsEach * symbols.length} rows are looked through; alive and ready at once all the while`,
  async () => {
    const startMs = Date.parse('2024-03-22T00:00:30Z')
    const exchange = await spawnExchange({ symbols, clock: { startMs }, limits: NO_LIMITS })
    afterwards(() => exchange.stop())
    const folder = workFolder()
    const { env, flags, uri } = benchAt(exchange, folder, await embedded.place(folder))
    const run = await runPetrosa(['klines', ...flags, ...names, '--lookback-hours', '1'], {
      cwd: folder,
      env,
    })
    expect(tail(run)).toStartWith('exit 0\n')
    const database = new Database(uri)
    database.run('PRAGMA synchronous = OFF')
    for (const { symbol } of symbols) lengthen(database, symbol)
    database.close()
    const words = ['klines', '--serve', '--json', ...flags, ...names]
    const serving = await servePetrosa(words, { cwd: folder, env, limitMs })
    const tookMs: number[] = []
    let series: readonly Record<string, unknown>[] = []
    while (series.length < symbols.length) {
      const askedMs = performance.now()
      expect((await serving.get('/healthz')).status).toBe(200)
      tookMs.push(performance.now() - askedMs)
      const ready = await serving.get('/ready')
      // Until the first pass has begun it is not ready, and says so.
      if (ready.status !== 200)
        expect(await ready.json()).toEqual({ ready: false, reasons: ['the first pass has not begun'] })
      series = (await serving.json('/api/status')).series as typeof series
      // More often, and an address is told to wait.
      await Bun.sleep(60)
    }
    for (const one of series) {
      expect(one).toMatchObject({ open_gaps: 0, gap_rows: 0 })
      expect(Number(one.rows)).toBeGreaterThanOrEqual(rowsEach + 60)
    }
    const sorted = tookMs.sort((a, b) => a - b)
    const nearlyAllMs = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
    console.log(
      `/healthz, ms: ${sorted[sorted.length >> 1]?.toFixed(1)}, 99 of 100 ${nearlyAllMs.toFixed(1)}`,
    )
    if (isQuiet) expect(nearlyAllMs).toBeLessThan(ALIVE_MS)
    expect(tail(await serving.stop())).toStartWith('exit 0\n')
  },
  limitMs,
)

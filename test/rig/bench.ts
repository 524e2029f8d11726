// A work bench for one test of the compiled program: an exchange, a fresh database and a folder, and the
// program run with the three of them.
import { embedded, type Place } from './binary-databases.ts'
import { type LogLine, type Run, type RunningPetrosa, startPetrosa, workFolder } from './run-petrosa.ts'
import type { SpawnedExchange } from './spawn-exchange.ts'
import type { SymbolSpec } from './symbol-spec.ts'

export type Bench = Place & {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** Runs a command of petrosa, the first of `words`, with --json on the bench's database. */
  run(words: readonly string[], options?: BenchOptions): Promise<Run>
  start(words: readonly string[], options?: BenchOptions): RunningPetrosa
  /** The same of `petrosa klines`. */
  klines(flags: readonly string[], options?: BenchOptions): Promise<Run>
  startKlines(flags: readonly string[], options?: BenchOptions): RunningPetrosa
}

export type BenchOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly onLine?: (line: LogLine) => void
}

/**
 * The variables that lead the program to an exchange. Rows come from REST, whose requests most tests count;
 * a test of the archives says --source auto.
 */
export const exchangeEnv = (url: string): Record<string, string> => ({
  BINANCE_API_URL: url,
  BINANCE_FUTURES_API_URL: url,
  BINANCE_COIN_FUTURES_API_URL: url,
  BINANCE_ARCHIVE_URL: `${url}/archive`,
  BINANCE_ARCHIVE_LISTING_URL: `${url}/listing`,
  SOURCE: 'rest',
})

/** A bench with a fresh folder, and a fresh database of the kind (SQLite where none is given). */
export async function bench(exchange: Pick<SpawnedExchange, 'url'>, on = embedded): Promise<Bench> {
  const folder = workFolder()
  return benchAt(exchange, folder, await on.place(folder))
}

/** A bench in `folder` on a database that is there, or that nobody has made yet. */
export function benchAt(exchange: Pick<SpawnedExchange, 'url'>, folder: string, place: Place): Bench {
  const env = exchangeEnv(exchange.url)
  const start = ([command = '', ...flags]: readonly string[], options: BenchOptions = {}): RunningPetrosa =>
    startPetrosa([command, ...place.flags, '--json', ...flags], {
      cwd: folder,
      env: { ...env, ...options.env },
      ...(options.onLine ? { onLine: options.onLine } : {}),
    })
  const startKlines: Bench['startKlines'] = (flags, options) => start(['klines', ...flags], options)
  return {
    ...place,
    folder,
    env,
    start,
    startKlines,
    run: (words, options) => start(words, options).ended,
    klines: (flags, options) => startKlines(flags, options).ended,
  }
}

/** Limits of request weight that no test reaches, for exchanges whose clock stands still. */
export const NO_LIMITS = { spot: 1_000_000, um: 1_000_000, cm: 1_000_000 } as const

/** A symbol that is listed since 2020 and has every candle, where `rest` says nothing else. */
export function plainSymbol(symbol: string, rest: Partial<SymbolSpec> = {}): SymbolSpec {
  const base = symbol.replace(/USDT$/, '')
  return { market: 'spot', symbol, base, quote: 'USDT', listedAtMs: Date.UTC(2020, 0, 1), ...rest }
}

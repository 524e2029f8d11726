// Every command, once: name, what it does, its settings. Nothing is loaded until a command runs, so that
// --help answers at once.
import type { SettingName } from '../settings/table.ts'
import type { CommandRun } from './command.ts'

export type CommandEntry = {
  readonly name: string
  readonly summary: string
  readonly settings: readonly SettingName[]
  readonly examples: readonly string[]
  load(): Promise<CommandRun>
}

const logging: readonly SettingName[] = ['logLevel', 'logFormat', 'config']
const exchange: readonly SettingName[] = ['apiUrl', 'futuresApiUrl', 'weightShare']
const store: readonly SettingName[] = ['db', 'dbUri', 'sqlitePath', 'postgresqlUri', 'mysqlUri', 'mongodbUri']
const choice: readonly SettingName[] = ['symbols', 'quote', 'exclude', 'status']

export const commands: readonly CommandEntry[] = [
  {
    name: 'klines',
    summary: 'brings klines up to date, or fetches --start … --end',
    settings: [
      ...choice,
      ...(['period', 'market', 'start', 'end', 'lookbackHours', 'source'] as const),
      ...store,
      ...(['hypertables', 'batchSize', 'maxWorkers'] as const),
      ...exchange,
      ...(['shard', 'dryRun', 'json'] as const),
      ...logging,
    ],
    examples: [
      'petrosa klines --symbols BTCUSDT,ETHUSDT --period 1m --start 2024-01-01',
      "petrosa klines --symbols '*USDT' --period 1h,1d --market um",
    ],
    load: async () => (await import('./klines.ts')).runKlines,
  },
  {
    name: 'status',
    summary: 'what is stored, series by series: first, last, rows, gaps',
    settings: [...(['symbols', 'period', 'market'] as const), ...store, 'json', ...logging],
    examples: ['petrosa status', 'petrosa status --symbols BTCUSDT --json'],
    load: async () => (await import('./status.ts')).runStatus,
  },
  {
    name: 'symbols',
    summary: 'the symbols of a market, filtered',
    settings: [...choice, 'market', ...exchange, 'json', ...logging],
    examples: ['petrosa symbols --quote USDT', "petrosa symbols --market um --symbols 'BTC*' --status all"],
    load: async () => (await import('./symbols.ts')).runSymbols,
  },
  {
    name: 'check',
    summary: 'tries configuration, exchange and store, and says what to do about what does not work',
    settings: ['market', ...store, 'prepare', 'hypertables', ...exchange, 'json', ...logging],
    examples: ['petrosa check', 'petrosa check --market um --db-uri ./market.db --prepare'],
    load: async () => (await import('./check.ts')).runCheck,
  },
]

// Every command, once: name, what it does, its settings. Nothing is loaded until a command runs, so that
// --help answers at once.
import type { SettingName } from '../settings/table.ts'
import type { CommandRun } from './command.ts'

export type CommandEntry = {
  readonly name: string
  readonly summary: string
  readonly settings: readonly SettingName[]
  readonly examples: readonly string[]
  /** Where the default of a setting is another one for this command. */
  readonly defaults?: Partial<Readonly<Record<SettingName, string>>>
  /** How the help names a default, where it is another one for this command and no value. */
  readonly saidDefaults?: Partial<Readonly<Record<SettingName, string>>>
  /** Settings that count only as flags: their variables and keys say what is fetched. */
  readonly flagsOnly?: readonly SettingName[]
  load(): Promise<CommandRun>
}

const logging: readonly SettingName[] = ['logLevel', 'logFormat', 'config']
const exchange: readonly SettingName[] = ['apiUrl', 'futuresApiUrl', 'coinFuturesApiUrl', 'weightShare']
const archives: readonly SettingName[] = ['archiveUrl', 'archiveListingUrl']
const store: readonly SettingName[] = ['db', 'dbUri', 'sqlitePath', 'postgresqlUri', 'mysqlUri', 'mongodbUri']
/** What serving has beside. */
const serving: readonly SettingName[] = [
  ...(['schedule', 'host', 'port', 'leaseSeconds', 'apiToken', 'metricsPerSymbol'] as const),
]
const choice: readonly SettingName[] = ['symbols', 'quote', 'exclude', 'status']

/** Filters of what is stored: they count only where they are said. */
const storedDefaults = {
  symbols: 'all that is stored',
  period: 'all',
  market: 'all',
  dataset: 'all',
} as const
const storedFilters: readonly SettingName[] = ['symbols', 'exclude', 'period', 'market', 'dataset']

/** What every command that fetches has. */
const fetching: readonly SettingName[] = [
  ...(['start', 'end', 'lookbackHours', 'source'] as const),
  ...store,
  ...(['hypertables', 'batchSize', 'maxWorkers'] as const),
  ...exchange,
  ...archives,
  ...(['shard', 'json'] as const),
  ...logging,
]
/** And with what else a command can be told to make one pass, or to stay up. */
const once: readonly SettingName[] = ['refresh', ...fetching, 'dryRun', 'serve', ...serving]

export const commands: readonly CommandEntry[] = [
  {
    name: 'klines',
    summary: 'brings klines up to date, or fetches --start … --end',
    settings: [...choice, 'period', 'market', 'dataset', ...once],
    examples: [
      'petrosa klines --symbols BTCUSDT,ETHUSDT --period 1m --start 2024-01-01',
      "petrosa klines --symbols '*USDT' --period 1h,1d --market um",
    ],
    load: async () => (await import('./klines.ts')).runKlines,
  },
  {
    name: 'funding',
    summary: 'brings funding rates of futures up to date, or fetches --start … --end',
    settings: [...choice, 'market', ...once],
    defaults: { market: 'um' },
    examples: [
      'petrosa funding --symbols BTCUSDT,ETHUSDT --start 2019-09-01',
      'petrosa funding --symbols all --market cm',
    ],
    load: async () => (await import('./funding.ts')).runFunding,
  },
  {
    name: 'trades',
    summary: 'brings trades up to date, or fetches --start … --end',
    settings: [...choice, 'market', 'kind', ...once, 'apiKey'],
    examples: [
      'petrosa trades --symbols BTCUSDT --start 2024-01-01 --end 2024-02-01',
      'petrosa trades --symbols BTCUSDT --market um --kind raw --lookback-hours 1',
    ],
    load: async () => (await import('./trades.ts')).runTrades,
  },
  {
    name: 'run',
    summary:
      'the whole pipeline: the jobs of --config, or klines and funding; then gaps --fill; then a report',
    settings: [...choice, 'period', 'market', 'dataset', ...once, 'apiKey'],
    examples: ['petrosa run', 'petrosa run --config petrosa.yaml'],
    load: async () => (await import('./run.ts')).runPipeline,
  },
  {
    name: 'serve',
    summary: 'run --serve: the whole pipeline on a schedule, with HTTP, until it is told to stop',
    settings: [...choice, 'period', 'market', 'dataset', ...fetching, ...serving, 'apiKey'],
    examples: ['petrosa serve --symbols BTCUSDT,ETHUSDT --period 1m', 'petrosa serve --config petrosa.yaml'],
    load: async () => (await import('./run.ts')).servePipeline,
  },
  {
    name: 'gaps',
    summary: 'finds gaps in what is stored, says why each is there; --fill fetches what can be fetched',
    settings: [
      ...(['fill', 'recheck', 'symbols', 'exclude', 'period', 'market', 'dataset'] as const),
      ...fetching.filter((name) => name !== 'lookbackHours' && name !== 'hypertables'),
      ...(['dryRun', 'apiKey', 'serve'] as const),
      ...serving,
    ],
    saidDefaults: {
      ...storedDefaults,
      schedule: 'at night',
      start: 'where the rows of each series begin',
      end: 'the last closed period',
    },
    flagsOnly: storedFilters,
    examples: [
      'petrosa gaps',
      "petrosa gaps --symbols 'BTC*' --start 2024-01-01 --json",
      'petrosa gaps --fill',
      'petrosa gaps --fill --recheck --dry-run',
    ],
    load: async () => (await import('./gaps.ts')).runGaps,
  },
  {
    name: 'status',
    summary: 'what is stored, series by series: first, last, rows, gaps',
    settings: [...(['symbols', 'period', 'market'] as const), ...store, 'json', ...logging],
    saidDefaults: storedDefaults,
    flagsOnly: storedFilters,
    examples: ['petrosa status', 'petrosa status --symbols BTCUSDT --json'],
    load: async () => (await import('./status.ts')).runStatus,
  },
  {
    name: 'verify',
    summary: 'checks what is stored, by itself, against larger periods and a sample of the exchange',
    settings: [
      ...(['symbols', 'exclude', 'period', 'market', 'dataset', 'shard', 'start', 'end'] as const),
      ...(['sample', 'seed', 'checkArchives', 'repair'] as const),
      ...store,
      'maxWorkers',
      ...exchange,
      ...archives,
      ...(['apiKey', 'json'] as const),
      ...logging,
    ],
    saidDefaults: {
      ...storedDefaults,
      start: 'where the rows of each series begin',
      end: 'where they end',
    },
    flagsOnly: storedFilters,
    examples: [
      'petrosa verify --symbols BTCUSDT --start 30d',
      'petrosa verify --sample 1%',
      'petrosa verify --sample 100% --market spot --period 1h --repair',
    ],
    load: async () => (await import('./verify.ts')).runVerify,
  },
  {
    name: 'symbols',
    summary: 'the symbols of a market, filtered',
    settings: [...choice, 'market', 'dataset', ...exchange, ...archives, 'source', 'json', ...logging],
    saidDefaults: { symbols: 'all' },
    flagsOnly: ['symbols'],
    examples: ['petrosa symbols --quote USDT', "petrosa symbols --market um --symbols 'BTC*' --status all"],
    load: async () => (await import('./symbols.ts')).runSymbols,
  },
  {
    name: 'check',
    summary:
      'tries configuration, exchange, archives and store, and says what to do about what does not work',
    settings: [
      ...(['market', 'source'] as const),
      ...store,
      ...(['prepare', 'hypertables'] as const),
      ...exchange,
      ...archives,
      'json',
      ...logging,
    ],
    examples: ['petrosa check', 'petrosa check --market um --db-uri ./market.db --prepare'],
    load: async () => (await import('./check.ts')).runCheck,
  },
]

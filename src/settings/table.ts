// Every setting once: flag, variable, default, check, help, secret or not. Flags, variables, the keys of
// --config, the help text and the tables of the README all come from here.
import { type LogLevel, logLevels } from '../core/events.ts'
import { datasetNames, markets, periods } from '../core/series.ts'
import { serveSettings } from './serve-settings.ts'
import { type Setting, setting } from './setting.ts'
import { storeSettings } from './store-settings.ts'
import {
  anyText,
  headerToken,
  httpUrl,
  list,
  moment,
  numberIn,
  oneOf,
  onOff,
  type Reader,
  shard,
  someOf,
  wholeNumber,
} from './values.ts'
import { verifySettings } from './verify-settings.ts'

const anyCase: Reader<LogLevel> = (text) => oneOf(logLevels)(text.toLowerCase())

/** Limits of what may be asked for. */
const MOST_WORKERS = 64
const MOST_LOOKBACK_HOURS = 24 * 366 * 20

export const settingTable = {
  symbols: setting({
    flag: 'symbols',
    aliases: ['symbol'],
    variable: 'DEFAULT_SYMBOLS',
    read: list,
    fallback: 'BTCUSDT,ETHUSDT,BNBUSDT',
    value: 'LIST',
    help: 'comma list of symbols; patterns such as *USDT or BTC*, and all, mean the symbols that trade now',
  }),
  quote: setting({
    flag: 'quote',
    variable: null,
    read: anyText,
    fallback: null,
    value: 'ASSET',
    help: 'only symbols with this quote asset',
  }),
  exclude: setting({
    flag: 'exclude',
    variable: null,
    read: list,
    fallback: null,
    value: 'LIST',
    help: 'comma list of symbols and patterns to leave out',
  }),
  status: setting({
    flag: 'status',
    variable: null,
    read: oneOf(['trading', 'all']),
    fallback: 'trading',
    value: 'WHICH',
    help: 'what patterns find: trading, or all, delisted ones too, by the archive listing',
  }),
  period: setting({
    flag: 'period',
    aliases: ['interval'],
    variable: 'PERIODS',
    read: someOf(periods),
    fallback: '15m',
    value: 'LIST',
    help: `comma list of periods: ${periods.join(' ')} (1s on spot only)`,
  }),
  market: setting({
    flag: 'market',
    variable: 'MARKET',
    read: oneOf(markets),
    fallback: 'spot',
    value: 'MARKET',
    help: 'spot, um (USD-M futures) or cm (COIN-M futures)',
  }),
  dataset: setting({
    flag: 'dataset',
    variable: null,
    read: oneOf(datasetNames),
    fallback: 'klines',
    value: 'DATASET',
    help:
      'klines, or what is shaped like them: mark-price-klines, index-price-klines (by pair), ' +
      'premium-index-klines; of what is stored funding, trades and agg-trades too',
  }),
  kind: setting({
    flag: 'kind',
    variable: null,
    read: oneOf(['agg', 'raw'] as const),
    fallback: 'agg',
    value: 'KIND',
    help: 'agg: the trades of one order at one price as one; raw: each by itself',
  }),
  start: setting({
    flag: 'start',
    variable: null,
    read: moment,
    fallback: null,
    fallbackHelp: 'goes on from what is stored',
    value: 'TIME',
    help: 'first time wanted: ISO 8601 (UTC when it names no zone), epoch ms, now, or a time ago (24h, 7d)',
  }),
  end: setting({
    flag: 'end',
    variable: null,
    read: moment,
    fallback: null,
    fallbackHelp: 'the last closed period',
    value: 'TIME',
    help: 'end of what is wanted, itself excluded; written as --start',
  }),
  lookbackHours: setting({
    flag: 'lookback-hours',
    variable: 'LOOKBACK_HOURS',
    read: numberIn(0, MOST_LOOKBACK_HOURS),
    fallback: '24',
    value: 'HOURS',
    help: 'where a series with nothing stored begins; at least the last closed candle',
  }),
  source: setting({
    flag: 'source',
    variable: 'SOURCE',
    read: oneOf(['auto', 'rest', 'archive'] as const),
    fallback: 'auto',
    value: 'SOURCE',
    help: 'where rows come from: auto (archives where they pay, REST for the rest), rest, archive',
  }),
  refresh: setting({
    flag: 'refresh',
    variable: null,
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'take in again the archives that were published anew since they were taken in',
  }),
  ...storeSettings,
  ...verifySettings,
  maxWorkers: setting({
    flag: 'max-workers',
    variable: 'MAX_WORKERS',
    read: wholeNumber(1, MOST_WORKERS),
    fallback: '4',
    value: 'NUMBER',
    help: 'series in flight',
  }),
  weightShare: setting({
    flag: 'weight-share',
    variable: 'WEIGHT_SHARE',
    read: numberIn(0, 1),
    fallback: '0.9',
    value: 'SHARE',
    help: "the part of the exchange's request weight that may be used",
  }),
  shard: setting({
    flag: 'shard',
    variable: 'SHARD',
    read: shard,
    fallback: null,
    value: 'I/N',
    help: 'take only this part of the series, i from 0; or SHARDS=n with JOB_COMPLETION_INDEX=i',
  }),
  fill: setting({
    flag: 'fill',
    variable: null,
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'fetch what is missing, up to the last period that the exchange has closed',
  }),
  recheck: setting({
    flag: 'recheck',
    variable: null,
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'ask again for every outage now; --fill does so for those that were asked for a week ago',
  }),
  dryRun: setting({
    flag: 'dry-run',
    variable: null,
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'print the plan and touch nothing',
  }),
  ...serveSettings,
  prepare: setting({
    flag: 'prepare',
    variable: null,
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'make the tables that are missing, with the rights of this user',
  }),
  json: setting({
    flag: 'json',
    variable: null,
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'print the result as one line of JSON',
  }),
  logLevel: setting({
    flag: 'log-level',
    variable: 'LOG_LEVEL',
    read: anyCase,
    fallback: 'info',
    value: 'LEVEL',
    help: `least level that is logged: ${logLevels.join(' ')}`,
  }),
  logFormat: setting({
    flag: 'log-format',
    variable: 'LOG_FORMAT',
    read: oneOf(['pretty', 'json']),
    fallback: null,
    fallbackHelp: 'pretty in a terminal, else json',
    value: 'FORMAT',
    help: 'pretty or json; logs go to standard error',
  }),
  config: setting({
    flag: 'config',
    variable: 'CONFIG',
    read: anyText,
    fallback: null,
    value: 'FILE',
    help: 'a YAML file with these settings, by the name of the flag or the variable',
  }),
  apiUrl: setting({
    flag: null,
    variable: 'BINANCE_API_URL',
    read: httpUrl,
    fallback: 'https://api.binance.com',
    value: 'URL',
    help: 'where spot answers',
  }),
  futuresApiUrl: setting({
    flag: null,
    variable: 'BINANCE_FUTURES_API_URL',
    read: httpUrl,
    fallback: 'https://fapi.binance.com',
    value: 'URL',
    help: 'where USD-M futures answer',
  }),
  coinFuturesApiUrl: setting({
    flag: null,
    variable: 'BINANCE_COIN_FUTURES_API_URL',
    read: httpUrl,
    fallback: 'https://dapi.binance.com',
    value: 'URL',
    help: 'where COIN-M futures answer',
  }),
  archiveUrl: setting({
    flag: null,
    variable: 'BINANCE_ARCHIVE_URL',
    read: httpUrl,
    fallback: 'https://data.binance.vision',
    value: 'URL',
    help: 'where the archives are',
  }),
  archiveListingUrl: setting({
    flag: null,
    variable: 'BINANCE_ARCHIVE_LISTING_URL',
    read: httpUrl,
    fallback: 'https://s3-ap-northeast-1.amazonaws.com/data.binance.vision',
    value: 'URL',
    help: 'where the list of archives is',
  }),
  apiKey: setting({
    flag: null,
    variable: 'BINANCE_API_KEY',
    read: headerToken,
    fallback: null,
    fallbackHelp: 'none',
    value: 'KEY',
    help: 'an API key; only single trades of futures need one, and any will do, without rights',
    secret: true,
  }),
}

export type SettingName = keyof typeof settingTable
export type Settings = { readonly [K in SettingName]: ReturnType<(typeof settingTable)[K]['read']> | null }

/** The settings of the table in order, with their names. */
export const settingEntries = Object.entries(settingTable) as readonly (readonly [
  SettingName,
  Setting<unknown>,
])[]

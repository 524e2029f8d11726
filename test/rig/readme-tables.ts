// The tables of README.md, made from the code, so that the manual cannot say what the program does not do.
// They stand between `<!-- generated: NAME -->` and `<!-- end of NAME -->`.
import { commands } from '../../src/cli/all.ts'
import { exitCodeRows } from '../../src/cli/help.ts'
import { allColumns, type Column, type ColumnKind, keyNames, type Table } from '../../src/core/dataset.ts'
import type { Verdict } from '../../src/core/ledger.ts'
import { periodSuffixes } from '../../src/core/series.ts'
import type { StoreKind } from '../../src/core/store.ts'
import { type CheckName, checkNames } from '../../src/core/verification/findings.ts'
import { datasets } from '../../src/datasets/all.ts'
import { type MetricFacts, metricTable, processTable } from '../../src/observe/metric-table.ts'
import { openApi } from '../../src/server/openapi.ts'
import type { Setting } from '../../src/settings/setting.ts'
import { type SettingName, settingEntries, settingTable } from '../../src/settings/table.ts'
import { stores } from '../../src/stores/all.ts'
import { archivesTable } from '../../src/stores/archives.ts'
import { replacedTable } from '../../src/stores/replaced.ts'
import { COVERAGE_TABLE, coverageColumns, type OwnTable } from '../../src/stores/schema.ts'

type Row = readonly string[]

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``

function markdown(head: Row, rows: readonly Row[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function commandTable(): string {
  const own = commands.map(({ name, summary }) => [code(`petrosa ${name}`), summary])
  const builtIn = [
    [code('petrosa version'), 'the version of this program; also `petrosa --version`'],
    [code('petrosa help COMMAND'), 'what a command does and its settings; also `petrosa COMMAND --help`'],
  ]
  return markdown(['command', 'what it does'], [...own, ...builtIn])
}

function flagCell(setting: Setting<unknown>): string {
  if (setting.flag === null) return ''
  const value = setting.value === null ? '' : ` ${setting.value}`
  const names = [setting.flag, ...(setting.aliases ?? [])]
  return names.map((name, i) => code(`--${name}${i === 0 ? value : ''}`)).join(', ')
}

function defaultCell(setting: Setting<unknown>): string {
  if (setting.fallbackHelp) return setting.fallbackHelp
  if (setting.value === null) return 'off'
  return setting.fallback === null ? '' : code(setting.fallback)
}

function usersOf(name: string): string {
  const users = commands.filter(({ settings }) => settings.some((setting) => setting === name))
  return users.length === commands.length ? 'all' : users.map((command) => command.name).join(', ')
}

function settingsTable(): string {
  const used = settingEntries.filter(([name]) => usersOf(name) !== '')
  return markdown(
    ['flag', 'variable', 'default', 'meaning', 'commands'],
    used.map(([name, setting]) => [
      flagCell(setting),
      setting.variable === null ? '' : code(setting.variable),
      defaultCell(setting),
      setting.help.replaceAll('*', '\\*').replaceAll('|', '\\|'),
      usersOf(name),
    ]),
  )
}

function exitCodeTable(): string {
  return markdown(['exit code', 'meaning'], exitCodeRows)
}

/** How values of each kind are kept in SQLite, in words. */
const kindWords: Readonly<Record<ColumnKind, string>> = {
  text: 'text',
  time: 'time, UTC, epoch milliseconds',
  decimal: 'exact decimal, as text without trailing zeros',
  integer: 'whole number',
  id: 'whole number of up to 63 bits',
  flag: '0 or 1',
}

const kindCell = (column: Column): string => `${kindWords[column.kind]}${column.nullable ? ', or null' : ''}`

/** A row a dataset; tables that differ only in their period stand as one name with its endings. */
function tableTable(): string {
  const rows = datasets.map(({ name, markets, tables }) => {
    const [first] = tables
    if (!first) throw new Error(`dataset ${name} has no table`)
    const ending = first.period === null ? '' : periodSuffixes[first.period]
    const stem = first.name.slice(0, first.name.length - ending.length)
    const suffixes = tables.flatMap(({ period }) => (period === null ? [] : [periodSuffixes[period]]))
    if (suffixes.length > 0 && tables.some((table, i) => table.name !== `${stem}${suffixes[i]}`))
      throw new Error(`the tables of ${name} are not named by their period: say so in the README`)
    return [
      suffixes.length > 0 ? code(`${stem}<p>`) : code(first.name),
      name,
      suffixes.length > 0 ? `<p> is ${suffixes.map(code).join(' ')}`.replace('<p>', code('<p>')) : '',
      markets.join(', '),
      keyNames(first).map(code).join(', '),
    ]
  })
  return markdown(['table', 'dataset', 'periods', 'markets', 'key'], rows)
}

/** Datasets whose tables all have the same columns have one table of columns. */
function columnTable(): string {
  const groups = new Map<string, { first: Table; names: string[] }>()
  for (const dataset of datasets) {
    const first = dataset.tables[0]
    if (!first) throw new Error(`dataset ${dataset.name} has no table`)
    if (dataset.tables.some((table) => shape(table) !== shape(first)))
      throw new Error(`the tables of ${dataset.name} differ: give each its own part of the README`)
    const group = groups.get(shape(first)) ?? { first, names: [] }
    group.names.push(dataset.name)
    groups.set(shape(first), group)
  }
  return [...groups.values()]
    .map(({ first, names }) =>
      markdown(
        [`column of ${names.join(', ')}`, 'what it holds in SQLite'],
        allColumns(first).map((column) => [code(column.name), kindCell(column)]),
      ),
    )
    .join('\n\n')
}

const shape = (table: Table): string => JSON.stringify(allColumns(table))

function ownTable(name: string, columns: readonly Column[]): string {
  return markdown(
    [`column of ${name}`, 'what it holds in SQLite'],
    columns.map((column) => [code(column.name), kindCell(column)]),
  )
}

const ownTables = (...tables: readonly OwnTable[]): string =>
  tables.map(({ name, columns }) => ownTable(name, columns)).join('\n\n')

const verdictWords: Readonly<Record<Verdict, string>> = {
  rows: 'every candle that the exchange has in this span is stored',
  outage:
    'no candle here, but before or after: the exchange was asked, or its archive alone, as `reason` says',
  unlisted: 'the symbol did not trade yet',
  delisted: 'the symbol did not trade any more',
  'no-trades': 'nothing was traded (only for datasets that are no candles)',
  wanted: 'settles nothing: a pass set out to fetch this, and every later pass takes it up first',
}

function verdictTable(): string {
  return markdown(
    ['verdict', 'meaning'],
    Object.entries(verdictWords).map(([verdict, words]) => [code(verdict), words]),
  )
}

/** What each check of verify finds, and how much it matters. */
const checkWords: Readonly<Record<CheckName, readonly [finds: string, severity: string]>> = {
  value: ['a cell that is no value of its column', 'error'],
  order: ['a row twice, out of order, or a second candle in one place', 'error'],
  rules: ['a row that cannot be: a high below the close, a trade at a negative price', 'error'],
  day: ['a day that is short of candles', 'error; note where the ledger says why'],
  ids: ['ids of trades that jump', 'error; note where the ledger says why'],
  sum: ['a candle that is not what the smaller ones in it make', 'error; note by an outage or an odd candle'],
  exchange: [
    'a row that the exchange has otherwise, has alone, or has not',
    'error; note where a value is only lacking',
  ],
  archive: ['an archive that was published anew', 'note'],
  flat: ['candles without a trade, all prices the same', 'note'],
  zero: ['candles with a price of zero', 'note'],
  'close-time': ['candles that close early or late', 'note'],
  misaligned: ['candles that open off the grid', 'note'],
  times: ['rates off the hour, trades whose times do not ascend with their ids', 'note'],
  'trade-ids': ['aggregates whose trades do not follow those before', 'note'],
  behind: ['a series that ends a day or more ago', 'note'],
}

function checkTable(): string {
  return markdown(
    ['check', 'finds', 'severity'],
    checkNames.map((check) => [code(check), ...checkWords[check]]),
  )
}

/** How each store keeps times and decimals, and where its address looks like what. */
const storeFacts: Readonly<Record<StoreKind, { setting: SettingName; time: string; decimal: string }>> = {
  sqlite: { setting: 'sqlitePath', time: '`INTEGER`, epoch ms', decimal: '`TEXT`, without trailing zeros' },
  postgresql: { setting: 'postgresqlUri', time: '`timestamptz(3)`', decimal: '`numeric`' },
  mysql: { setting: 'mysqlUri', time: '`datetime(3)`, UTC', decimal: '`decimal(38,18)`' },
  mongodb: { setting: 'mongodbUri', time: '`Date`', decimal: '`Decimal128`' },
}

function storeTable(): string {
  return markdown(
    ['`--db`', 'variable', 'its address', 'times', 'decimals'],
    stores.map(({ kind, variable }) => {
      const { setting, time, decimal } = storeFacts[kind]
      const { fallback, help } = settingTable[setting]
      const address = fallback ?? /\b\w+:\/\/\S+/.exec(help)?.[0] ?? help
      return [code(kind), code(variable), code(address), time, decimal]
    }),
  )
}

/** The routes as their description has them; those that take a token last. */
function routeTable(): string {
  return markdown(
    ['route', 'answer'],
    Object.entries(openApi('', true).paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => {
        const { summary } = operation as { readonly summary: string }
        return [code(`${method.toUpperCase()} ${path}`), summary]
      }),
    ),
  )
}

function metricsTable(): string {
  const own = Object.entries<MetricFacts>(metricTable).map(([name, { kind, labels, bySymbol, help }]) => [
    code(`petrosa_${name}`),
    kind,
    [...labels, ...(bySymbol ? ['(symbol)'] : [])].join(', '),
    help,
  ])
  const ofProcess = Object.entries(processTable).map(([name, { kind, help }]) => [code(name), kind, '', help])
  return markdown(['metric', 'kind', 'labels', 'meaning'], [...own, ...ofProcess])
}

/** Every generated part of README.md by its name. */
export const readmeTables: Readonly<Record<string, () => string>> = {
  commands: commandTable,
  settings: settingsTable,
  'exit codes': exitCodeTable,
  tables: tableTable,
  columns: columnTable,
  ledger: () => ownTable(COVERAGE_TABLE, coverageColumns),
  'own tables': () => ownTables(archivesTable, replacedTable),
  verdicts: verdictTable,
  checks: checkTable,
  stores: storeTable,
  routes: routeTable,
  metrics: metricsTable,
}

/** `readme` with every generated part as the code has it. Throws for a part whose markers are missing. */
export function withGeneratedTables(readme: string): string {
  return Object.entries(readmeTables).reduce((text, [name, table]) => {
    const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end of ${name} -->`]
    const from = text.indexOf(begin)
    const to = text.indexOf(end)
    if (from < 0 || to < from) throw new Error(`README.md lacks the markers ${begin} and ${end}`)
    return `${text.slice(0, from)}${begin}\n${table()}\n${text.slice(to)}`
  }, readme)
}

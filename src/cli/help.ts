// The help texts, made from the tables of commands and settings, and fit for 80 columns.
import { exitCodes } from '../errors.ts'
import { wrapToWidth } from '../observe/terminal.ts'
import type { Setting } from '../settings/setting.ts'
import { type SettingName, settingTable } from '../settings/table.ts'
import { type CommandEntry, commands } from './all.ts'

const COLUMNS = 80
const INDENT = 4

const builtIn: readonly (readonly [string, string])[] = [
  ['version', 'the version of this program (also --version)'],
  ['help COMMAND', 'what a command does and its settings (also COMMAND --help)'],
]

/** The help of the program: its commands and how it ends. */
export function programHelp(version: string): string {
  const rows = [...commands.map((command) => [command.name, command.summary] as const), ...builtIn]
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    `petrosa ${version}`,
    'Binance market data into a database, complete and exact',
    '',
    'Usage: petrosa COMMAND [settings]',
    '',
    'Commands:',
    ...rows.flatMap(([name, summary]) => wrapped(`  ${name.padEnd(width)}  `, summary, width + 4)),
    '',
    ...wrapped(
      '',
      'Settings are flags, variables or keys of --config, in this order. petrosa help COMMAND lists them.',
      0,
    ),
    '',
    'Exit codes:',
    ...exitCodeRows.flatMap(([code, meaning]) => wrapped(`  ${code.padEnd(8)}  `, meaning, 12)),
    '',
  ].join('\n')
}

/** The help of one command. */
export function commandHelp(command: CommandEntry): string {
  const settings = command.settings.map((name): Setting<unknown> => {
    const own = command.defaults?.[name]
    const said = command.saidDefaults?.[name]
    const known = settingTable[name] as Setting<unknown>
    return {
      ...known,
      ...(command.flagsOnly?.includes(name) ? { variable: null } : {}),
      ...(own === undefined ? {} : { fallback: own }),
      ...(said === undefined ? {} : { fallbackHelp: said }),
    }
  })
  const withFlag = settings.filter((setting) => setting.flag !== null)
  const variablesOnly = settings.filter((setting) => setting.flag === null)
  return [
    ...wrapped('', `petrosa ${command.name}: ${command.summary}`, 0),
    '',
    `Usage: petrosa ${command.name} [settings]`,
    '',
    'Settings:',
    ...withFlag.flatMap((setting) => [
      `  ${flagText(setting)}`,
      ...wrapped(' '.repeat(INDENT), detail(setting), INDENT),
    ]),
    '  --help',
    '    this text',
    ...(variablesOnly.length > 0
      ? ['', 'By variable only (NAME, or NAME_FILE with the path of a file):']
      : []),
    ...variablesOnly.flatMap((setting) => [
      `  ${setting.variable}`,
      ...wrapped(' '.repeat(INDENT), `${setting.help}${defaultText(setting)}`, INDENT),
    ]),
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
    '',
  ].join('\n')
}

/** `--symbols LIST, --symbol LIST`. */
export function flagText(setting: Setting<unknown>): string {
  const value = setting.value === null ? '' : ` ${setting.value}`
  return [setting.flag, ...(setting.aliases ?? [])].map((flag) => `--${flag}${value}`).join(', ')
}

function detail(setting: Setting<unknown>): string {
  const variable = setting.variable === null ? '' : ` [${setting.variable}]`
  return `${setting.help}${defaultText(setting)}${variable}`
}

function defaultText(setting: Setting<unknown>): string {
  if (setting.fallbackHelp) return ` (default: ${setting.fallbackHelp})`
  return setting.fallback === null || setting.value === null ? '' : ` (default: ${setting.fallback})`
}

/** The exit codes and what they mean, for the help and the README. */
export const exitCodeRows: readonly (readonly [string, string])[] = [
  [String(exitCodes.done), 'all that was asked for is stored or settled'],
  [String(exitCodes.defect), 'a defect of the program'],
  [
    String(exitCodes.user),
    'something to change: flag, value, symbol, password, rights, missing database, foreign table, ' +
      'read-only store, TLS, geo-block',
  ],
  [String(exitCodes.open), 'done, but something is open; each is named, all else is stored'],
  [String(exitCodes.unavailable), 'the exchange or the store was not available; try again later'],
  [
    `${exitCodes.interrupted}, ${exitCodes.terminated}`,
    'interrupted; what is written is consistent, the next run goes on from there',
  ],
]

/** `head` and `text`, broken for the terminal; further lines are indented. */
function wrapped(head: string, text: string, indent: number): string[] {
  return wrapToWidth(head + text, COLUMNS, indent)
}

/** The flag names of a command's settings, aliases too. */
export function flagNames(names: readonly SettingName[]): string[] {
  return names.flatMap((name) => {
    const setting = settingTable[name] as Setting<unknown>
    return setting.flag === null ? [] : [setting.flag, ...(setting.aliases ?? [])]
  })
}

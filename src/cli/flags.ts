// Flags in, settings by name out. citty parses; what it would let pass in silence (unknown flags, missing
// values, stray words, a flag said twice) is refused before, with the nearest flag.
import { type ArgsDef, type CommandDef, defineCommand, runCommand } from 'citty'
import { nearest } from '../core/nearest.ts'
import { UserError } from '../errors.ts'
import type { Setting } from '../settings/setting.ts'
import { type SettingName, settingTable } from '../settings/table.ts'
import type { CommandEntry } from './all.ts'
import { flagNames } from './help.ts'

/** The flags of a command line. Throws UserError for what the command does not know. */
export async function parseFlags(
  command: CommandEntry,
  words: readonly string[],
): Promise<Map<SettingName, string>> {
  refuseMistakes(command, words)
  const flags = new Map<SettingName, string>()
  const definition: CommandDef = defineCommand({
    meta: { name: command.name, description: command.summary },
    args: argumentsOf(command),
    run: ({ args }) => {
      for (const name of command.settings) {
        const { flag } = settingTable[name]
        const value = flag === null ? undefined : args[flag]
        if (value !== undefined) flags.set(name, String(value))
      }
    },
  })
  await runCommand(definition, { rawArgs: [...words] })
  return flags
}

/**
 * The command's settings as citty declares arguments. Switches are strings here, so that --json=maybe can be
 * refused.
 */
function argumentsOf(command: CommandEntry): ArgsDef {
  const declared: ArgsDef = {}
  for (const name of command.settings) {
    const setting: Setting<unknown> = settingTable[name]
    if (setting.flag === null) continue
    const type = setting.value === null ? ('boolean' as const) : ('string' as const)
    declared[setting.flag] = { type, description: setting.help, alias: [...(setting.aliases ?? [])] }
  }
  return declared
}

function settingOfFlag(command: CommandEntry, flag: string): Setting<unknown> | undefined {
  const name = command.settings.find((candidate) => flagNames([candidate]).includes(flag))
  return name === undefined ? undefined : settingTable[name]
}

function refuseMistakes(command: CommandEntry, words: readonly string[]): void {
  const said = new Set<Setting<unknown>>()
  const help = `see: petrosa help ${command.name}`
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i] ?? ''
    if (!word.startsWith('--') || word === '--') {
      const meant = meantFlag(command, word.replace(/^-+/, ''))
      throw new UserError(`unexpected '${word}' after petrosa ${command.name}`, meant || help)
    }
    const [flag = '', ...rest] = word.slice(2).split('=')
    const setting = settingOfFlag(command, flag)
    if (!setting) {
      throw new UserError(
        `unknown flag --${flag} for petrosa ${command.name}`,
        meantFlag(command, flag) || help,
      )
    }
    if (said.has(setting))
      throw new UserError(`--${setting.flag} is said twice`, 'say it once; lists are written with commas')
    said.add(setting)
    const attached = rest.length > 0
    if (setting.value === null) {
      if (attached && !/^(true|false)$/.test(rest.join('=')))
        throw new UserError(`--${flag} is a switch`, 'say it without a value')
    } else if (!attached) {
      const value = words[i + 1]
      if (value === undefined || value.startsWith('--'))
        throw new UserError(`--${flag} needs a value: ${setting.value}`, help)
      i += 1
    }
  }
}

/** `did you mean --symbols?`: the one nearest flag, by its first name; '' when none is near. */
function meantFlag(command: CommandEntry, word: string): string {
  const [near] = nearest(word, flagNames(command.settings), 1)
  const setting = near === undefined ? undefined : settingOfFlag(command, near)
  return setting ? `did you mean --${setting.flag}?` : ''
}

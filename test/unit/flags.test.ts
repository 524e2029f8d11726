// The words of a command line: what they set, exactly as typed, and what is refused with which advice.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type CommandEntry, commands } from '../../src/cli/all.ts'
import { parseFlags } from '../../src/cli/flags.ts'
import { flagNames } from '../../src/cli/help.ts'
import { UserError } from '../../src/errors.ts'
import { type SettingName, settingTable } from '../../src/settings/table.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/flags.test.ts')

function commandNamed(name: string): CommandEntry {
  const command = commands.find((candidate) => candidate.name === name)
  if (!command) throw new Error(`no command ${name}`)
  return command
}

const klines = commandNamed('klines')
const parsed = async (...words: string[]): Promise<Record<string, string>> =>
  Object.fromEntries(await parseFlags(klines, words))

async function refusal(command: CommandEntry, ...words: string[]): Promise<string> {
  try {
    await parseFlags(command, words)
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    if (error instanceof UserError) return `${error.message} | ${error.advice}`
  }
  return 'not refused'
}

describe('flags set', () => {
  test('their value, after a blank or after =', async () => {
    expect(await parsed('--symbols', 'BTCUSDT', '--period=1h')).toEqual({ symbols: 'BTCUSDT', period: '1h' })
    expect(await parsed()).toEqual({})
  })

  test('the text as it was typed: numbers, dates, equal signs, blanks and quotes stay', async () => {
    const texts = [
      '007',
      '1e3',
      '0x10',
      '1711065600000',
      '2024-01-31',
      'a=b=c',
      ' a b ',
      '*USDT',
      '"x"',
      'true',
      '币安',
    ]
    for (const text of texts) {
      expect(await parsed('--symbols', text)).toEqual({ symbols: text })
      expect(await parsed(`--symbols=${text}`)).toEqual({ symbols: text })
    }
    const uri = 'postgres://u:p%40-w@h:5432/d?sslmode=require&a=1'
    expect(await parsed('--db-uri', uri)).toEqual({ dbUri: uri })
  })

  test('any value that does not begin with two dashes comes through unchanged', async () => {
    const text = fc.string({ minLength: 1, unit: 'grapheme' }).filter((value) => !value.startsWith('--'))
    const property = fc.asyncProperty(text, async (value) => {
      expect(await parsed('--exclude', value, '--json')).toEqual({ exclude: value, json: 'true' })
      expect(await parsed(`--exclude=${value}`, '--json')).toEqual({ exclude: value, json: 'true' })
    })
    await fc.assert(property, runs)
  })

  test('aliases are the same setting', async () => {
    expect(await parsed('--symbol', 'A', '--interval', '1h', '--db-adapter=sqlite')).toEqual({
      symbols: 'A',
      period: '1h',
      db: 'sqlite',
    })
  })

  test('switches stand alone, or say true or false', async () => {
    expect(await parsed('--json', '--dry-run')).toEqual({ json: 'true', dryRun: 'true' })
    expect(await parsed('--json=false', '--dry-run=true')).toEqual({ json: 'false', dryRun: 'true' })
  })

  test('every flag of every command is taken', async () => {
    for (const command of commands) {
      for (const name of command.settings) {
        const { flag, value } = settingTable[name]
        if (flag === null) continue
        const words = value === null ? [`--${flag}`] : [`--${flag}`, 'x']
        const flags = await parseFlags(command, words)
        expect([...flags]).toEqual([[name as SettingName, value === null ? 'true' : 'x']])
      }
    }
  })
})

describe('refused, with what to do', () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [['--perid', '1h'], 'unknown flag --perid for petrosa klines | did you mean --period?'],
    [['--frob'], 'unknown flag --frob for petrosa klines | see: petrosa help klines'],
    [['--no-json'], 'unknown flag --no-json'],
    [['--prepare'], 'unknown flag --prepare for petrosa klines'],
    [['--JSON'], 'unknown flag --JSON for petrosa klines | did you mean --json?'],
    [['--symbols'], '--symbols needs a value: LIST | see: petrosa help klines'],
    [['--symbols', '--json'], '--symbols needs a value: LIST'],
    [['--json', '--symbol', '--dry-run'], '--symbol needs a value'],
    [['--json=maybe'], '--json is a switch | say it without a value'],
    [['--json='], '--json is a switch'],
    [['--json', 'true'], "unexpected 'true' after petrosa klines"],
    [
      ['--symbols', 'A', '--symbols', 'B'],
      '--symbols is said twice | say it once; lists are written with commas',
    ],
    [['--symbols', 'A', '--symbol=B'], '--symbols is said twice'],
    [['--json', '--json'], '--json is said twice'],
    [['BTCUSDT'], "unexpected 'BTCUSDT' after petrosa klines | see: petrosa help klines"],
    [['--symbols', 'A', 'B'], "unexpected 'B'"],
    [['symbols', 'A'], "unexpected 'symbols' after petrosa klines | did you mean --symbols?"],
    [['-symbols', 'A'], 'did you mean --symbols?'],
    [['-s', 'A'], "unexpected '-s'"],
    [['--'], "unexpected '--'"],
    [['--=x'], 'unknown flag --'],
    [['--constructor', 'x'], 'unknown flag --constructor'],
  ]
  for (const [words, said] of cases) {
    test(words.join(' '), async () => {
      expect(await refusal(klines, ...words)).toContain(said)
    })
  }

  test('a flag that only another command has is unknown here', async () => {
    expect(await refusal(commandNamed('symbols'), '--start', '7d')).toContain('unknown flag --start')
    expect(flagNames(commandNamed('check').settings)).toContain('prepare')
  })
})

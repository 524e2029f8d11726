// The help: complete, fit for a terminal of 80 columns, and quick, because nothing heavy is loaded for it.
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { commands } from '../../src/cli/all.ts'
import { commandHelp, programHelp } from '../../src/cli/help.ts'
import { exitCodes } from '../../src/errors.ts'
import type { Setting } from '../../src/settings/setting.ts'
import { settingTable } from '../../src/settings/table.ts'
import { project } from '../rig/sources.ts'

const COLUMNS = 80
const texts = [programHelp('1.2.3+0123456789ab.dirty'), ...commands.map(commandHelp)]

describe('every help', () => {
  test('fits 80 columns and ends with one line break', () => {
    for (const text of texts) {
      expect(text.split('\n').filter((line) => Bun.stringWidth(line) > COLUMNS)).toEqual([])
      expect(text).toMatch(/[^\n]\n$/)
    }
  })

  test('no line ends with blanks', () => {
    expect(texts.flatMap((text) => text.split('\n')).filter((line) => / $/.test(line))).toEqual([])
  })
})

test('the help of the program names every command, the version and every exit code', () => {
  const text = programHelp('1.2.3')
  expect(text).toStartWith('petrosa 1.2.3\n')
  for (const { name } of commands) expect(text).toContain(`\n  ${name} `)
  for (const name of ['version', 'help COMMAND']) expect(text).toContain(`\n  ${name} `)
  for (const code of Object.values(exitCodes)) expect(text).toMatch(new RegExp(`^  (\\d+, )?${code}\\b`, 'm'))
})

describe('the help of a command', () => {
  for (const command of commands) {
    test(`${command.name}: every setting with its variable, its default and its meaning`, () => {
      const text = commandHelp(command).replace(/\s+/g, ' ')
      for (const name of command.settings) {
        const setting: Setting<unknown> = settingTable[name]
        for (const flag of [setting.flag, ...(setting.aliases ?? [])])
          if (flag) expect(text).toContain(`--${flag}`)
        if (setting.flag === null) expect(text).toContain(` ${setting.variable} `)
        else if (setting.variable)
          expect(text.includes(`[${setting.variable}]`)).toBe(!command.flagsOnly?.includes(name))
        expect(text).toContain(setting.help)
        const fallback =
          command.saidDefaults?.[name] ?? command.defaults?.[name] ?? setting.fallbackHelp ?? setting.fallback
        if (fallback !== null && setting.value !== null) expect(text).toContain(`(default: ${fallback})`)
        if (setting.fallbackHelp && !command.saidDefaults?.[name])
          expect(text).toContain(`(default: ${setting.fallbackHelp})`)
      }
      for (const example of command.examples) expect(text).toContain(example)
    })
  }
})

test('help loads no package, no command, no store', async () => {
  const { metafile } = await Bun.build({
    entrypoints: [join(project, 'src', 'main.ts')],
    target: 'bun',
    splitting: true,
    metafile: true,
    packages: 'external',
  })
  const chunks = metafile?.outputs ?? {}
  const queue = Object.keys(chunks).filter((name) => chunks[name]?.entryPoint?.endsWith('src/main.ts'))
  expect(queue).toHaveLength(1)
  for (const name of queue) {
    for (const { path, kind } of chunks[name]?.imports ?? []) {
      if (kind === 'import-statement' && !queue.includes(path)) queue.push(path)
    }
  }
  // A package is external here, and so no chunk of ours.
  expect(queue.filter((name) => !(name in chunks))).toEqual([])
  const files = queue.flatMap((name) => Object.keys(chunks[name]?.inputs ?? {}))
  expect(files.filter((path) => /klines|stores\/|observe\/(log|progress|story)|binance/.test(path))).toEqual(
    [],
  )
  expect(files).toContain('src/cli/help.ts')
  expect(files.length).toBeLessThan(25)
})

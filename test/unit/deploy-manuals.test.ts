// The manuals in deploy: every command of petrosa that they name is one, with flags that it has; package
// scripts, variables and links are there.
import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { commands } from '../../src/cli/all.ts'
import { parseFlags } from '../../src/cli/flags.ts'
import { settingEntries } from '../../src/settings/table.ts'
import { links } from '../rig/markdown.ts'
import { listPaths, project } from '../rig/sources.ts'

const paths = listPaths().filter((path) => path.startsWith('deploy/') && path.endsWith('.md'))
const manifest = await Bun.file(join(project, 'package.json')).json()

/** Variables that petrosa does not read itself: the take-over's, Kubernetes', the Python extractor's. */
const foreign = new Set([
  ...['PYTHON_DATABASE_URI', 'SHARDS', 'JOB_COMPLETION_INDEX', 'API_KEY', 'API_SECRET'],
  ...['BINANCE_API_SECRET', 'REVISION'],
])
const variables = new Set([...settingEntries.flatMap(([, { variable }]) => variable ?? []), ...foreign])

/** What stands between back quotes, in blocks of shell too. */
const quotes = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, quote = '']) => quote)

async function problemOf(quote: string): Promise<string | null> {
  const [program, name = '', ...words] = quote.replace(/ …$/, '').split(' ')
  if (program === 'bun' && name === 'run')
    return (words[0] ?? '') in manifest.scripts || words.length === 0 ? null : `no script: ${quote}`
  if (program !== 'petrosa' || /^(NAME|COMMAND|KIND)/.test(name) || name === '') return null
  const command = commands.find((one) => one.name === name)
  if (!command) return `no command: ${quote}`
  const filled =
    words.at(-1)?.startsWith('--st') || words.at(-1)?.startsWith('--end') ? [...words, 'now'] : words
  return parseFlags(command, filled).then(
    () => null,
    (error: Error) => `${quote}: ${error.message}`,
  )
}

describe('the manuals in deploy', () => {
  for (const path of paths) {
    test(`${path} names commands, scripts, variables and files that are there`, async () => {
      const text = await Bun.file(join(project, path)).text()
      const problems = await Promise.all(quotes(text).map(problemOf))
      expect(problems.filter((problem) => problem !== null)).toEqual([])
      const named = [...text.matchAll(/(?<![\w-])[A-Z]+(?:_[A-Z]+)+(?![\w-])/g)].map(([word]) => word)
      expect(named.filter((word) => !variables.has(word))).toEqual([])
      const broken = links(text).filter((link) => !existsSync(join(project, dirname(path), link)))
      expect(broken.filter((link) => !/^(https:|#)/.test(link))).toEqual([])
    })
  }

  test('the settings of a host name variables that there are', async () => {
    const text = await Bun.file(join(project, 'deploy', 'systemd', 'petrosa.env')).text()
    const named = [...text.matchAll(/^#?([A-Z_]+)=./gm)].map(([, name = '']) => name)
    expect(named.filter((name) => !variables.has(name))).toEqual([])
    expect(named.length).toBeGreaterThan(3)
  })

  test('the test sees a breach', async () => {
    expect(await problemOf('petrosa frob')).toContain('no command')
    expect(await problemOf('petrosa klines --frob')).toContain('--frob')
    expect(await problemOf('bun run frob')).toContain('no script')
    expect(paths.length).toBeGreaterThan(1)
  })
})

// The rules of the house, held by a test: a rule that only a person checks is broken by the next person.
// What a linter can see (any, non-null, long functions) stands in .biome.json and is asked for here.
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { listPaths, project, readSources, type SourceFile } from './rig/sources.ts'

const MAX_LINES = 300
const MAX_COLUMNS = 110
const MAX_OPENING_COMMENT_LINES = 5
const LINT_LIMIT_MS = 60_000

/** Manuals, dashboards and manifests are as long and as wide as what they describe. */
const prose = /\.(md|ya?ml|json)$/
const wide = /\.(ya?ml|json)$/

/** What names a machine that only we have; written so that this file does not match itself. */
const machineMarks: readonly RegExp[] = [
  /\.librar[y]\b/,
  /\/wor[k]\//,
  /\/tmp\/bun[x]/,
  /\b(npmj[s]|yarnpk[g]|jfro[g]|artifactor[y]|pythonhoste[d])\b/,
  /\bregistr[y]\.[a-z0-9-]+\.[a-z]{2,}/,
  /\b(pyp[i]|crate[s])\.(org|io)\b/,
]

const vague = /(^|[/-])(util|utils|helper|helpers|manager|managers|misc|common)[.-]/

type Rule = (file: SourceFile) => readonly string[]

const linesOf = (file: SourceFile): string[] => file.text.replace(/\n$/, '').split('\n')
const isTypeScript = (file: SourceFile): boolean => file.path.endsWith('.ts')

const notTooLong: Rule = (file) => {
  const count = linesOf(file).length
  if (prose.test(file.path) || count <= MAX_LINES) return []
  return [
    `${file.path} has ${count} lines, at most ${MAX_LINES}: make it a folder, or move out what stands alone`,
  ]
}

const notTooWide: Rule = (file) => {
  if (wide.test(file.path)) return []
  return linesOf(file).flatMap((line, index) => {
    const isTable = file.path.endsWith('.md') && line.trimStart().startsWith('|')
    if (isTable || [...line].length <= MAX_COLUMNS) return []
    return [`${file.path}:${index + 1} has ${[...line].length} columns, at most ${MAX_COLUMNS}`]
  })
}

const opensWithComment: Rule = (file) => {
  if (!isTypeScript(file)) return []
  const lines = linesOf(file).filter((line, index) => index > 0 || !line.startsWith('#!'))
  const end = lines.findIndex((line) => !line.startsWith('//'))
  const count = end < 0 ? lines.length : end
  if (count >= 1 && count <= MAX_OPENING_COMMENT_LINES) return []
  return [`${file.path} opens with ${count} lines of comment: say in 1 to 5 what it is and why`]
}

const noDefaultExport: Rule = (file) =>
  isTypeScript(file) && /^export default\b|^export \{[^}]*\bas default\b/m.test(file.text)
    ? [`${file.path} has a default export: give it a name`]
    : []

const namesNoMachine: Rule = (file) =>
  linesOf(file).flatMap((line, index) =>
    machineMarks.some((mark) => mark.test(line))
      ? [`${file.path}:${index + 1} names a path or a host of the machine it was written on`]
      : [],
  )

const namedForWhatItIs: Rule = (file) =>
  vague.test(file.path) ? [`${file.path} is named for nothing: name what it does`] : []

const rules: Readonly<Record<string, Rule>> = {
  'no file is over 300 lines': notTooLong,
  'no line is over 110 columns': notTooWide,
  'each source file opens with what it is and why': opensWithComment,
  'every export has a name': noDefaultExport,
  'nothing names the machine it was written on': namesNoMachine,
  'every file is named for what it is': namedForWhatItIs,
}

/** A file that breaks each rule, so that a rule which sees nothing is seen itself. */
const broken: Readonly<Record<string, SourceFile>> = {
  'no file is over 300 lines': { path: 'src/a.ts', text: 'x\n'.repeat(301) },
  'no line is over 110 columns': { path: 'src/a.ts', text: 'x'.repeat(111) },
  'each source file opens with what it is and why': { path: 'src/a.ts', text: 'export const a = 1\n' },
  'every export has a name': { path: 'src/a.ts', text: '// What.\nexport default 1\n' },
  'nothing names the machine it was written on': { path: 'a.md', text: `see /${'work'}/main` },
  'every file is named for what it is': { path: 'src/string-utils.ts', text: '' },
}

const files = await readSources()

describe('rules of the house', () => {
  for (const [name, rule] of Object.entries(rules)) {
    test(name, () => {
      expect(files.flatMap(rule)).toEqual([])
    })
    test(`${name}: the rule sees a breach`, () => {
      const sample = broken[name]
      expect(sample && rule(sample)).toHaveLength(1)
    })
  }

  test('the top level holds what a reader needs, and dot files', () => {
    const known = ['src', 'test', 'deploy', 'bunfig.toml', 'package.json', 'tsconfig.json', 'Dockerfile']
    const allowed = new Set([...known, 'README.md', 'bun.lock', 'LICENSE'])
    const tops = new Set(listPaths().map((path) => path.split('/')[0] ?? ''))
    expect([...tops].filter((top) => !allowed.has(top) && !top.startsWith('.'))).toEqual([])
  })

  test('every package is pinned to one version', async () => {
    const manifest = await Bun.file(join(project, 'package.json')).json()
    const versions: readonly [string, string][] = Object.entries({
      ...manifest.dependencies,
      ...manifest.devDependencies,
    })
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([])
  })

  test(
    'the linter finds nothing: no any, no non-null, no function over 70 lines',
    () => {
      const biome = join(project, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
      const command = [process.execPath, biome, 'lint', '--colors=off']
      const run = Bun.spawnSync(command, { cwd: project, timeout: LINT_LIMIT_MS })
      expect(run.exitCode === 0 ? '' : `${run.stdout}${run.stderr}`).toBe('')
    },
    LINT_LIMIT_MS,
  )
})

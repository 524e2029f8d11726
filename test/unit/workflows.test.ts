// The workflows: GitHub's own parser finds nothing wrong, every step calls a package script that is there,
// with the Bun of package.json, and what they name of the Dockerfile and of a release is there.
import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser'
import { parse } from 'yaml'
import { readDockerfile } from '../rig/dockerfile.ts'
import { links } from '../rig/markdown.ts'
import { project } from '../rig/sources.ts'

type Step = { readonly run?: string; readonly uses?: string; readonly env?: Readonly<Record<string, string>> }
type Job = {
  readonly steps: readonly Step[]
  readonly needs?: string
  /** Another workflow that is run as this job, which has no steps of its own then. */
  readonly uses?: string
  readonly 'timeout-minutes'?: number
  readonly env?: Readonly<Record<string, string>>
  readonly strategy?: { readonly matrix: { readonly include: readonly Readonly<Record<string, string>>[] } }
}
type Workflow = {
  readonly on: Readonly<Record<string, unknown>>
  readonly permissions: unknown
  readonly env: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const manifest = await Bun.file(join(project, 'package.json')).json()
const textOf = (path: string): Promise<string> => Bun.file(join(project, path)).text()

/** What GitHub's parser has against a workflow. */
function flawsOf(content: string): readonly string[] {
  const { context } = parseWorkflow({ name: 'workflow.yaml', content }, new NoOperationTraceWriter())
  return context.errors.getErrors().map(({ message }) => message)
}

const names = ['ci', 'release']
const workflows = new Map<string, Workflow>()
for (const name of names)
  workflows.set(name, parse(await textOf(`.github/workflows/${name}.yaml`)) as Workflow)
const jobs = [...workflows.values()]
  .flatMap((workflow) => Object.values(workflow.jobs))
  .filter(({ uses }) => uses === undefined)
const matrices = jobs.flatMap(({ strategy }) => strategy?.matrix.include ?? [])

describe('the workflows', () => {
  test.each(names)('%s is what GitHub accepts', async (name) => {
    const text = await textOf(`.github/workflows/${name}.yaml`)
    expect(flawsOf(text)).toEqual([])
    expect(flawsOf(text.replace('runs-on:', 'run-on:'))).not.toEqual([])
    expect(flawsOf(text.replaceAll('${{ ', '${{ frob.'))).not.toEqual([])
  })

  test('each step that runs Bun calls a package script, with the Bun of package.json', () => {
    const scripts = jobs.flatMap(({ steps }) =>
      steps.flatMap(({ run = '' }) => run.match(/"\$BUN" run [\w:]+/g) ?? []),
    )
    const missing = scripts
      .map((text) => text.split(' ').at(-1) ?? '')
      .filter((name) => !(name in manifest.scripts))
    expect(missing).toEqual([])
    expect(scripts.length).toBeGreaterThan(8)
    for (const { env } of workflows.values()) expect(env.BUN).toBe(manifest.packageManager)
    const called = new Set(scripts.map((text) => text.split(' ').at(-1)))
    for (const name of ['setup', 'check', 'test', 'coverage', 'security', 'image', 'release:build', 'deploy'])
      expect([name, called.has(name)]).toEqual([name, true])
  })

  test('every job has a limit, every action a version, and rights are few', () => {
    expect(jobs.filter((job) => !job['timeout-minutes'])).toEqual([])
    const actions = jobs.flatMap(({ steps }) => steps.flatMap(({ uses }) => uses ?? []))
    expect(actions.filter((action) => !/^[\w-]+\/[\w/-]+@v?\d[\d.]*$/.test(action))).toEqual([])
    for (const { permissions } of workflows.values()) expect(permissions).toEqual({ contents: 'read' })
    // What comes from outside is never a part of a command: it would be run.
    const commands = jobs.flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []))
    expect(commands.filter((run) => /\$\{\{(?! matrix\.)/.test(run))).toEqual([])
  })

  test('images are stages of the Dockerfile, and binaries those of a release', async () => {
    const stages = readDockerfile(await textOf('Dockerfile')).map(({ name }) => name)
    expect(matrices.flatMap(({ stage }) => stage ?? []).filter((stage) => !stages.includes(stage))).toEqual(
      [],
    )
    const release = await textOf('deploy/release.ts')
    const files = matrices.flatMap(({ file }) => file ?? [])
    expect(files.filter((file) => !release.includes(`'${file}'`))).toEqual([])
    expect(files.length).toBeGreaterThan(3)
  })

  test('a release waits for what every push must pass', () => {
    const { tests, ...others } = workflows.get('release')?.jobs ?? {}
    expect(tests?.uses).toBe('./.github/workflows/ci.yaml')
    expect(Object.keys(workflows.get('ci')?.on ?? {})).toContain('workflow_call')
    // Each job waits for it, or for one that does.
    const waits = (name: string): boolean => name === 'tests' || waits(others[name]?.needs ?? 'tests')
    const named = Object.entries(others).filter(([, { needs }]) => needs === undefined)
    expect(named).toEqual([])
    expect(Object.keys(others).every(waits)).toBe(true)
  })

  test('names of images are in lower case, whoever owns the repository', async () => {
    const text = await textOf('.github/workflows/release.yaml')
    expect(text).not.toContain('ghcr.io/${{')
    const names = [...text.matchAll(/ghcr\.io\/(\S+)/g)].map(([, name = '']) => name)
    expect(names.length).toBe(2)
    expect(names.every((name) => name.startsWith(`$\{GITHUB_REPOSITORY_OWNER,,}`))).toBe(true)
  })

  test('the tests are given a server for every store', () => {
    const env = workflows.get('ci')?.jobs.test?.env ?? {}
    expect(Object.keys(env).toSorted()).toEqual(
      ['TEST_MARIADB_URI', 'TEST_MONGODB_URI', 'TEST_MYSQL_URI', 'TEST_POSTGRESQL_URI'].toSorted(),
    )
  })
})

test('dependabot looks at packages, actions and images; SECURITY.md names what is there', async () => {
  const { updates } = parse(await textOf('.github/dependabot.yml')) as {
    readonly updates: readonly { readonly 'package-ecosystem': string; readonly directory: string }[]
  }
  expect(updates.map((one) => one['package-ecosystem'])).toEqual(['bun', 'github-actions', 'docker'])
  const security = await textOf('.github/SECURITY.md')
  const broken = links(security).filter((link) => !existsSync(join(project, dirname('.github/x'), link)))
  expect(broken).toEqual([])
})

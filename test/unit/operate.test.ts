// The package scripts for docker and kubectl: the words that they would run, told by stand-ins, and what they
// say where such a program is missing. And all scripts: each runs a file or a program that is there.
import { afterAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { removeWorkFolders, workFolder } from '../rig/run-petrosa.ts'
import { project } from '../rig/sources.ts'

afterAll(removeWorkFolders)
const manifest = await Bun.file(join(project, 'package.json')).json()
const scripts: Readonly<Record<string, string>> = manifest.scripts

/** A folder for PATH with programs that print how they were called, and end with 7. */
async function standIns(): Promise<string> {
  const folder = workFolder()
  for (const name of ['docker', 'kubectl']) {
    await Bun.write(join(folder, name), `#!/bin/sh\necho "${name} $*"\nexit 7\n`)
    await chmod(join(folder, name), 0o755)
  }
  return folder
}

/** Runs a package script's own words with another PATH. */
function runScript(script: string, words: readonly string[], path: string, env: Record<string, string> = {}) {
  const [, file = '', ...own] = (scripts[script] ?? '').split(' ')
  const run = Bun.spawnSync([process.execPath, join(project, file), ...own, ...words], {
    env: { PATH: path, ...env },
    cwd: project,
  })
  return { exitCode: run.exitCode, out: run.stdout.toString().trim(), err: run.stderr.toString() }
}

describe('package scripts for images and the cluster', () => {
  test.each([
    [
      'image',
      [],
      /^docker build --target production --tag petrosa-binance-data-extractor:latest --build-arg REVISION=/,
    ],
    ['image', ['alpine'], /--target alpine --tag petrosa-binance-data-extractor:alpine /],
    ['image', ['development'], /petrosa-binance-data-extractor:dev /],
    ['deploy', [], /^kubectl apply -k deploy\/kubernetes\/overlays\/scheduled$/],
    ['deploy', ['base'], /^kubectl apply -k deploy\/kubernetes\/base$/],
    [
      'k8s:status',
      [],
      /^kubectl --namespace petrosa-apps get .*cronjobs.* --selector app=binance-data-extractor$/,
    ],
    ['k8s:logs', ['6'], /^kubectl --namespace petrosa-apps logs .*--since 6h/],
  ] as const)('%s %p', async (script, words, expected) => {
    const run = runScript(script, words, await standIns())
    expect(run.out).toMatch(expected)
    // The program's own word counts.
    expect(run.exitCode).toBe(7)
  })

  test.each([
    ['image', [], 'there is no docker'],
    ['deploy', [], 'there is no kubectl'],
    ['image', ['amiga'], 'no image amiga'],
    ['deploy', ['amiga'], 'there is no deploy/kubernetes/overlays/amiga'],
    ['k8s:logs', ['soon'], "'soon' is no number"],
  ] as const)('%s %p says what is wrong, and ends with 2', (script, words, expected) => {
    const run = runScript(script, words, workFolder())
    expect([run.exitCode, run.err]).toEqual([2, expect.stringContaining(expected)])
    expect(run.err).not.toContain('at ')
  })
})

describe.skipIf(!Bun.which('kubectl'))('deploy with IMAGE', () => {
  const image = 'host.example:5000/petrosa:v1.2.3'

  test('renders every pod with that image, also where the base names another', async () => {
    const copy = workFolder()
    cpSync(join(project, 'deploy'), join(copy, 'deploy'), { recursive: true })
    const base = join(copy, 'deploy', 'kubernetes', 'base', 'kustomization.yaml')
    const named = (await Bun.file(base).text()).replace('newTag: latest', 'newName: a/b\n    newTag: c')
    await Bun.write(base, named)
    const overlays = ['serving', 'scheduled', 'backfill', 'postgresql']
    const path = await standIns()
    for (const [root, overlay] of [[project, 'serving'], ...overlays.map((name) => [copy, name])]) {
      const words = ['deploy', overlay ?? '']
      const run = Bun.spawnSync([process.execPath, join(root ?? '', 'deploy', 'operate.ts'), ...words], {
        env: { PATH: path, IMAGE: image },
      })
      expect(run.stdout.toString()).toBe('kubectl apply -k dist/deploy\n')
      const rendered = Bun.spawnSync(['kubectl', 'kustomize', join(root ?? '', 'dist', 'deploy')])
      const images = rendered.stdout.toString().match(/image: .*/g)
      expect([overlay, new Set(images)]).toEqual([overlay, new Set([`image: ${image}`])])
    }
  })

  test.each(['petrosa', 'host.example:5000/petrosa', 'a b:c'])(
    'refuses %s, which has no tag',
    async (name) => {
      const run = runScript('deploy', ['serving'], await standIns(), { IMAGE: name })
      expect([run.exitCode, run.err]).toEqual([2, expect.stringContaining('HOST/NAME:TAG')])
    },
  )
})

test('every package script that users know is there, and runs what is there', () => {
  const known = [
    'setup',
    'test',
    'unit',
    'integration',
    'e2e',
    'coverage',
    'lint',
    'security',
    'build',
    'image',
  ]
  const more = ['container', 'pipeline', 'deploy', 'k8s:status', 'k8s:logs', 'check', 'release:build']
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining([...known, ...more]))
  const files = Object.values(scripts).flatMap((text) => text.match(/(?:deploy|test|src)\/[\w./-]+/g) ?? [])
  expect(files.filter((path) => !existsSync(join(project, path)))).toEqual([])
  expect(files.map((path) => dirname(path))).toContain('deploy')
})

// The image, as far as it can be had without a container engine: the Dockerfile's own steps, and then the
// binary in an empty root that cannot be written to, as a user that no file knows, without HOME.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { buildImage, type Image, whyNoContainer } from '../rig/container.ts'
import { jsonWords, lastOf, reachesBuild, readDockerfile } from '../rig/dockerfile.ts'
import { elfNeeds } from '../rig/elf.ts'
import { project } from '../rig/sources.ts'

const BUILD_LIMIT_MS = 240_000

const reason = whyNoContainer()
if (reason && process.env.CI) throw new Error(`the container test must run in CI, but ${reason}`)
if (reason) console.warn(`container test skipped: ${reason}`)

const stages = readDockerfile(await Bun.file(join(project, 'Dockerfile')).text())
const production = stages.at(-1)
const manifest = await Bun.file(join(project, 'package.json')).json()

describe('Dockerfile', () => {
  test('has a builder with the Bun of package.json, and a production stage without a shell', () => {
    const names = ['builder', 'musl', 'alpine', 'development', 'testing', 'production']
    expect(stages.map(({ name }) => name)).toEqual(names)
    expect(stages[0]?.image).toBe(`oven/${manifest.packageManager.replace('@', ':')}`)
    expect(production?.image).toBe('gcr.io/distroless/base-debian12:nonroot')
    expect(production?.instructions.filter(({ word }) => word === 'RUN')).toEqual([])
  })

  test('runs the binary itself, as a user that is not root', () => {
    if (!production) throw new Error('no production stage')
    expect(jsonWords(lastOf(production, 'ENTRYPOINT'))).toEqual(['/usr/local/bin/petrosa'])
    expect(lastOf(production, 'USER')).toBe('65532:65532')
  })

  test('the binary for musl is for the architecture that the engine names, else for this machine', () => {
    const musl = stages.find(({ name }) => name === 'musl')
    const build = musl?.instructions.find(({ rest }) => rest.startsWith('bun deploy/build.ts'))?.rest ?? ''
    // BuildKit's own value counts only where the argument has no default.
    expect(musl?.instructions.find(({ word }) => word === 'ARG')?.rest).toBe('TARGETARCH')
    const target = (env: Record<string, string>): string =>
      Bun.spawnSync(['sh', '-c', `bun() { echo "$3"; }; ${build}`], {
        env: { PATH: '/usr/bin:/bin', ...env },
      })
        .stdout.toString()
        .trim()
    expect(target({ TARGETARCH: 'amd64' })).toBe('bun-linux-x64-musl')
    expect(target({ TARGETARCH: 'arm64' })).toBe('bun-linux-arm64-musl')
    expect(target({})).toBe(`bun-linux-${process.arch}-musl`)
  })

  test('what it cannot replay is refused, and .dockerignore keeps out what it does not name', async () => {
    expect(() => readDockerfile('FROM scratch AS x\nHEALTHCHECK CMD true\n')).toThrow('HEALTHCHECK')
    const dockerignore = await Bun.file(join(project, '.dockerignore')).text()
    const own = ['src/core/span.ts', 'test/tidy.test.ts', 'deploy/build.ts']
    const paths = [...own, 'node_modules/a/b.js', '.git/config', '.env', 'petrosa.db', 'dist/petrosa']
    expect(paths.filter((path) => reachesBuild(dockerignore, path))).toEqual(own)
  })
})

describe.skipIf(reason !== null)('container', () => {
  let image: Image

  beforeAll(async () => {
    image = await buildImage()
  }, BUILD_LIMIT_MS)

  afterAll(() => image?.dispose())

  /** What the binary's own Bun says to a line of JavaScript, in place of the shell that the image has not. */
  const ask = (code: string): string => {
    const run = image.run(['-e', code], { BUN_BE_BUN: '1' })
    return `${run.stdout}${run.stderr}`.trim()
  }

  test('the replay is what it claims: not root, no HOME, nothing to write to but the volume', () => {
    const write = (path: string) =>
      ask(`try { require('fs').writeFileSync('${path}', ''); console.log('written') }
      catch (error) { console.log(error.code) }`)
    expect(ask('console.log(process.getuid(), process.getgid(), process.getgroups().length)')).toBe(
      '65532 65532 0',
    )
    expect(ask('console.log(process.env.HOME, process.env.SQLITE_PATH, process.cwd())')).toBe(
      'undefined /data/petrosa.db /data',
    )
    expect(['/x', '/tmp/x', '/etc/x', '/data/x'].map(write)).toEqual(['EROFS', 'EROFS', 'EROFS', 'written'])
  })

  test('the stage on alpine has the binary for musl, and the libraries that it names', () => {
    const { interpreter, needed } = elfNeeds(join(image.rootOf('alpine'), 'usr', 'local', 'bin', 'petrosa'))
    expect(interpreter).toBe('/lib/ld-musl-x86_64.so.1')
    const packages = stages
      .find(({ name }) => name === 'alpine')
      ?.instructions.find(({ rest }) => rest.startsWith('apk add '))
      ?.rest.split(' ')
    // The C library itself is what alpine is made of.
    const others = needed.filter((library) => !library.startsWith('libc.musl-'))
    expect(others.map((library) => library.replace(/\.so.*/, ''))).toEqual(['libstdc++'])
    expect(packages).toContain('libstdc++')
  })

  test('the stages for development and testing run the sources and the unit tests, not as root', () => {
    const words = (name: string): readonly string[] => {
      const stage = stages.find((one) => one.name === name)
      return stage ? jsonWords(lastOf(stage, 'CMD')) : []
    }
    const help = image.runIn('development', words('development'))
    expect([help.exitCode, help.stdout.includes('petrosa')]).toEqual([0, true])
    // Those that read files of the project: all of them run elsewhere.
    expect(words('testing').at(-1)).toBe('test/unit')
    const files = ['span', 'workflows', 'compose', 'deploy-manuals', 'grafana', 'operate'].map(
      (name) => `test/unit/${name}.test.ts`,
    )
    const tests = image.runIn('testing', [...words('testing').slice(0, -1), ...files])
    expect([tests.exitCode, tests.exitCode === 0 ? '' : tests.stderr]).toEqual([0, ''])
    expect(tests.stderr).toMatch(/^ *0 fail/m)
  })

  test('petrosa version', () => {
    const run = image.run(['version'])
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(run.stdout).toContain(manifest.version)
  })

  test('petrosa --help', () => {
    const run = image.run(['--help'])
    expect(run).toMatchObject({ exitCode: 0, stderr: '' })
    expect(run.stdout).toContain('petrosa')
  })
})

// A release and its installation: built by script for this machine, its checksums and its list of packages,
// the binary in a root with nothing but the libraries that it names, installed by the script, twice, into an
// empty root, and the units there as systemd itself judges them.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { appendFileSync, cpSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Cron } from 'croner'
import { runInLibraries, whyNoContainer } from '../rig/container.ts'
import { elfNeeds } from '../rig/elf.ts'
import { removeWorkFolders, workFolder } from '../rig/run-petrosa.ts'
import { project } from '../rig/sources.ts'
import { readUnit, units } from '../rig/systemd.ts'

const BUILD_LIMIT_MS = 120_000
const reason = process.platform === 'linux' ? null : 'it needs Linux'
const reasonForRoot = reason ?? whyNoContainer()
if (reasonForRoot && process.env.CI) throw new Error(`the release must be tried in CI, but ${reasonForRoot}`)
if (reasonForRoot) console.warn(`not all of the release is tried: ${reasonForRoot}`)

const manifest = await Bun.file(join(project, 'package.json')).json()
const platform = `linux-${process.arch}`
/** A place of its own: what somebody has built in dist/release stays. */
const own = workFolder()
const release = join(own, 'dist', 'release')
const binary = join(release, `petrosa-${platform}`)
const said = (run: { stdout: Buffer; stderr: Buffer }): string => `${run.stdout}${run.stderr}`

const install = (...words: string[]) =>
  Bun.spawnSync(['sh', join(project, 'deploy', 'install.sh'), ...words], { cwd: workFolder() })

describe.skipIf(reason !== null)('a release', () => {
  beforeAll(() => {
    const script = join(project, 'deploy', 'release.ts')
    const words = ['--only', `bun-${platform}`, '--into', release]
    const run = Bun.spawnSync([process.execPath, script, ...words], { timeout: BUILD_LIMIT_MS })
    if (!run.success) throw new Error(said(run))
  }, BUILD_LIMIT_MS)
  afterAll(removeWorkFolders)

  test('has checksums of all its files, as sha256sum reads them', () => {
    const names = readdirSync(release).filter((name) => name !== 'SHA256SUMS')
    expect(names.toSorted()).toEqual([basename(binary), 'sbom.cdx.json'].toSorted())
    const check = Bun.spawnSync(['sha256sum', '--check', '--strict', 'SHA256SUMS'], { cwd: release })
    expect([check.exitCode, said(check).split(': OK').length - 1]).toEqual([0, names.length])
  })

  test('lists every package that is compiled in, and none that only tests need', async () => {
    const { components, specVersion } = await Bun.file(join(release, 'sbom.cdx.json')).json()
    const versions = new Map<string, string>(
      components.map((one: { name: string; version: string }) => [one.name, one.version]),
    )
    expect(specVersion).toBe('1.6')
    for (const [name, version] of Object.entries<string>(manifest.dependencies))
      expect([name, versions.get(name)]).toEqual([name, version])
    expect(versions.has('bson')).toBe(true)
    expect(Object.keys(manifest.devDependencies).filter((name) => versions.has(name))).toEqual([])
    const digests = components
      .slice(1)
      .map((one: { hashes: { content: string }[] }) => one.hashes[0]?.content.length)
    expect(new Set(digests)).toEqual(new Set([128]))
  })

  test('refuses a platform that it does not know, and leaves the release as it is', () => {
    const script = join(project, 'deploy', 'release.ts')
    const run = Bun.spawnSync([process.execPath, script, '--only', 'bun-amiga', '--into', release])
    expect([run.exitCode, said(run)]).toEqual([2, expect.stringContaining('no platform bun-amiga')])
    expect(readdirSync(release)).toContain('SHA256SUMS')
  })

  test.skipIf(reasonForRoot !== null)(
    'starts in a root with the libraries that it names and nothing else',
    () => {
      expect(elfNeeds(binary).needed.filter((name) => !/^(lib(c|m|dl|pthread)|ld-linux)/.test(name))).toEqual(
        [],
      )
      const run = runInLibraries(binary, ['version'])
      expect([run.exitCode, run.stdout.includes(manifest.version), run.stderr]).toEqual([0, true, ''])
    },
  )

  test('is installed once, and again without a change; settings are kept', async () => {
    const root = workFolder()
    const first = install('--binary', binary, '--root', root)
    expect([first.exitCode, said(first)]).toEqual([0, expect.stringContaining('installed: ')])
    const installed = join(root, 'usr', 'local', 'bin', 'petrosa')
    expect(Bun.spawnSync([installed, 'version']).stdout.toString()).toContain(manifest.version)
    const settings = join(root, 'etc', 'petrosa', 'petrosa.env')
    expect(statSync(settings).mode & 0o777).toBe(0o600)
    appendFileSync(settings, 'MARKET=um\n')
    const second = install('--binary', binary, '--root', root)
    expect([second.exitCode, said(second).includes('installed: ')]).toEqual([0, false])
    expect(await Bun.file(settings).text()).toEndWith('MARKET=um\n')
    expect(readdirSync(join(root, 'etc', 'systemd', 'system')).toSorted()).toEqual(units.toSorted())
  })

  test('is what the script installs where no binary is named', () => {
    cpSync(join(project, 'deploy'), join(own, 'deploy'), { recursive: true })
    const root = workFolder()
    const words = [join(own, 'deploy', 'install.sh'), '--root', root]
    const run = Bun.spawnSync(['sh', ...words], { cwd: workFolder() })
    expect([run.exitCode, said(run)]).toEqual([0, expect.stringContaining('installed: ')])
    const [installed, built] = [join(root, 'usr', 'local', 'bin', 'petrosa'), binary].map((path) =>
      statSync(path),
    )
    expect(installed?.size).toBe(built?.size ?? 0)
  })

  test.skipIf(process.getuid?.() !== 0)('is installed into / by root only, and that is said', () => {
    // By its text: nobody may not be able to enter the project.
    const stdin = Bun.file(join(project, 'deploy', 'install.sh'))
    const words = ['--reuid=65534', '--clear-groups', 'sh', '-s']
    const run = Bun.spawnSync(['setpriv', ...words], { cwd: '/', stdin })
    expect([run.exitCode, said(run)]).toEqual([2, expect.stringContaining('sudo')])
  })

  test('is not installed when it is not what its checksum says, or has none', () => {
    const folder = workFolder()
    const [root, copy] = [join(folder, 'root'), join(folder, basename(binary))]
    mkdirSync(root)
    cpSync(binary, copy)
    expect(said(install('--binary', copy, '--root', root))).toContain('SHA256SUMS')
    cpSync(join(release, 'SHA256SUMS'), join(folder, 'SHA256SUMS'))
    appendFileSync(copy, 'x')
    const run = install('--binary', copy, '--root', root)
    expect([run.exitCode, said(run)]).toEqual([2, expect.stringContaining('is not what')])
    expect(readdirSync(root)).toEqual([])
  })

  test.skipIf(!Bun.which('systemd-analyze'))('has units that systemd finds nothing wrong with', () => {
    const root = workFolder()
    expect(install('--binary', binary, '--root', root).exitCode).toBe(0)
    // What reloads a service is the system's own.
    mkdirSync(join(root, 'bin'))
    cpSync('/bin/kill', join(root, 'bin', 'kill'))
    const paths = units.map((name) => join(root, 'etc', 'systemd', 'system', name))
    const verify = Bun.spawnSync([
      'systemd-analyze',
      'verify',
      '--recursive-errors=no',
      `--root=${root}`,
      ...units,
    ])
    const lines = said(verify)
      .split('\n')
      .filter((line) => line.includes('petrosa'))
    expect([verify.exitCode, lines, paths.length]).toEqual([0, [], units.length])
  })

  test('has timers that name their services, and begin after every close of five minutes', async () => {
    for (const name of units.filter((unit) => unit.endsWith('.timer'))) {
      const { Timer = {} } = await readUnit(name)
      expect(units).toContain(name.replace('.timer', '.service'))
      expect(Timer.OnCalendar?.[0]).toEndWith(' UTC')
    }
    const [, minutes = '', second = ''] =
      /\*:(\S+):(\d+) UTC$/.exec((await readUnit('petrosa-run.timer')).Timer?.OnCalendar?.[0] ?? '') ?? []
    const cron = new Cron(`${second} ${minutes.replace(/^00/, '*')} * * * *`, { timezone: 'UTC' })
    const starts = cron.nextRuns(12, new Date('2024-02-29T23:29:59Z')).map((at) => at.getTime())
    expect(new Set(starts.map((at) => Math.floor(at / 300_000))).size).toBe(12)
    expect((starts.at(-1) ?? 0) - (starts[0] ?? 0)).toBe(11 * 300_000)
  })
})

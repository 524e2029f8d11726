// Builds what a release is made of, into dist/release: a binary for every platform, SHA256SUMS of all files,
// and a list of every package that is compiled in (CycloneDX), with the checksums of the lock file.
import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const project = join(import.meta.dir, '..')

/** Every platform, as Bun names it, and the file that it gets. */
const platforms: Readonly<Record<string, string>> = {
  'bun-linux-x64': 'petrosa-linux-x64',
  'bun-linux-arm64': 'petrosa-linux-arm64',
  'bun-linux-x64-musl': 'petrosa-linux-x64-musl',
  'bun-linux-arm64-musl': 'petrosa-linux-arm64-musl',
  'bun-darwin-x64': 'petrosa-macos-x64',
  'bun-darwin-arm64': 'petrosa-macos-arm64',
  'bun-windows-x64': 'petrosa-windows-x64.exe',
}

const usage = `bun deploy/release.ts [--only PLATFORM,…] [--into FOLDER]
  builds dist/release (or FOLDER) anew: ${Object.values(platforms).join(', ')},
  SHA256SUMS and sbom.cdx.json`

type Manifest = { readonly name: string; readonly version: string; readonly license: string }
type LockedPackage = readonly [string, string?, { readonly dependencies?: Record<string, string> }?, string?]
type Lock = {
  readonly workspaces: { readonly '': { readonly dependencies: Readonly<Record<string, string>> } }
  readonly packages: Readonly<Record<string, LockedPackage>>
}

/** Compiles for one platform. Throws what the build said. */
function build(target: string, name: string, folder: string): void {
  const run = Bun.spawnSync([process.execPath, join(project, 'deploy', 'build.ts'), '--target', target], {
    cwd: project,
    env: process.env,
  })
  if (!run.success) throw new Error(`${target} could not be built: ${run.stdout}${run.stderr}`)
  const suffix = name.endsWith('.exe') ? '.exe' : ''
  renameSync(join(project, 'dist', `petrosa-${target}${suffix}`), join(folder, name))
  chmodSync(join(folder, name), 0o755)
}

async function sha256(path: string): Promise<string> {
  const hash = new Bun.CryptoHasher('sha256')
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk)
  return hash.digest('hex')
}

/** The packages that are compiled in: what package.json needs to run, and what those need. */
function compiledIn(lock: Lock): readonly LockedPackage[] {
  const names = Object.keys(lock.workspaces[''].dependencies)
  for (const name of names)
    for (const needed of Object.keys(lock.packages[name]?.[2]?.dependencies ?? {}))
      if (!names.includes(needed)) names.push(needed)
  return names.toSorted().flatMap((name) => (lock.packages[name] ? [lock.packages[name]] : []))
}

function component(locked: LockedPackage): Record<string, unknown> {
  const at = locked[0].lastIndexOf('@')
  const [name, version] = [locked[0].slice(0, at), locked[0].slice(at + 1)]
  const [, digest = ''] =
    /^sha512-(.+)$/.exec(locked.findLast((part) => typeof part === 'string') ?? '') ?? []
  return {
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }],
  }
}

/** What is compiled in, as CycloneDX 1.6. */
async function billOfMaterials(): Promise<Record<string, unknown>> {
  const manifest = (await Bun.file(join(project, 'package.json')).json()) as Manifest
  const lock = Bun.JSONC.parse(await Bun.file(join(project, 'bun.lock')).text()) as Lock
  const { name, version, license } = manifest
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', name, version, licenses: [{ license: { id: license } }] } },
    components: [
      { type: 'platform', name: 'bun', version: Bun.version, purl: `pkg:generic/bun@${Bun.version}` },
      ...compiledIn(lock).map(component),
    ],
  }
}

const options = { only: { type: 'string' }, into: { type: 'string' }, help: { type: 'boolean' } } as const
const { values } = parseArgs({ options })
const folder = resolve(values.into ?? join(project, 'dist', 'release'))
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const targets = values.only?.split(',') ?? Object.keys(platforms)
const unknown = targets.filter((target) => !(target in platforms))
if (unknown.length > 0) {
  console.error(`no platform ${unknown.join(', ')}; there are ${Object.keys(platforms).join(', ')}`)
  process.exit(2)
}
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
for (const target of targets) {
  build(target, platforms[target] ?? target, folder)
  console.log(`built ${platforms[target]}`)
}
await Bun.write(join(folder, 'sbom.cdx.json'), `${JSON.stringify(await billOfMaterials(), null, 2)}\n`)
const files = [...new Bun.Glob('*').scanSync({ cwd: folder, absolute: true })].sort()
const lines = await Promise.all(files.map(async (path) => `${await sha256(path)}  ${basename(path)}\n`))
await Bun.write(join(folder, 'SHA256SUMS'), lines.join(''))

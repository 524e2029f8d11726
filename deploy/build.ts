// Builds dist/petrosa, the one binary: everything compiled in, with its version, and nothing of the build
// machine. A binary for this machine is asked for its version before it counts as built, because Bun can
// leave a broken one behind and still report success.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { bundlePage } from '../src/server/status-page/bundle.ts'

const project = join(import.meta.dir, '..')

/**
 * src/main.ts, and every file that is loaded as a Worker: those must be entries of their own. In the binary a
 * Worker is found only by its path from src (`new Worker('./stores/x.ts')`), from the sources only by a URL
 * next to the caller.
 */
const entries = ['src/main.ts', 'src/stores/sqlite/worker.ts']

/** How long the fresh binary may take to answer. */
const ANSWER_LIMIT_MS = 20_000

const usage = `bun deploy/build.ts [--target TARGET]
  builds dist/petrosa for this machine, or dist/petrosa-TARGET, where TARGET is a platform as Bun names it:
  bun-linux-x64, bun-linux-arm64, bun-linux-x64-musl, bun-linux-arm64-musl, bun-linux-x64-baseline,
  bun-darwin-arm64, bun-windows-x64 (with .exe at its end)`

/** The text a git command prints, or null where there is no git, or no repository of our own. */
function git(...args: string[]): string | null {
  // Without this check a copy that lies inside some other repository would bear that one's commit.
  if (!existsSync(join(project, '.git'))) return null
  try {
    const run = Bun.spawnSync(['git', ...args], { cwd: project, stderr: 'ignore' })
    return run.success ? run.stdout.toString().trim() : null
  } catch {
    return null
  }
}

/**
 * `1.2.3+0123456789ab`: the version of package.json and the commit, `.dirty` when tracked files differ from
 * it.
 */
async function stampedVersion(): Promise<string> {
  const manifest = (await Bun.file(join(project, 'package.json')).json()) as { readonly version: string }
  // An image is built without .git; whoever builds it hands the commit in.
  const commit = process.env.REVISION?.slice(0, 12) || git('rev-parse', '--short=12', 'HEAD')
  if (!commit) return manifest.version
  const dirty = git('status', '--porcelain', '--untracked-files=no') ? '.dirty' : ''
  return `${manifest.version}+${commit}${dirty}`
}

/** Compiles `outfile`. Throws an AggregateError with every message of the bundler. */
async function compile(outfile: string, version: string, target: string | undefined): Promise<void> {
  await Bun.build({
    entrypoints: entries.map((entry) => join(project, entry)),
    target: 'bun',
    // Bytecode and splitting make `--help` start in 7 ms; bytecode without esm builds a binary that cannot
    // start.
    format: 'esm',
    bytecode: true,
    splitting: true,
    minify: true,
    // 4 MB that make the stack of a defect name our files and lines, and not a screenful of minified code.
    sourcemap: 'linked',
    // Without this the NODE_ENV of the build machine would be baked in.
    define: {
      'process.env.NODE_ENV': '"production"',
      PETROSA_VERSION: JSON.stringify(version),
      // JSON within JSON: the program reads one text.
      PETROSA_PAGE: JSON.stringify(JSON.stringify(await bundlePage())),
    },
    compile: {
      ...(target ? { target: target as Bun.Build.CompileTarget } : {}),
      outfile,
      // A .env or a bunfig.toml in the working directory (which may preload code) is none of the program's
      // business.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  })
}

/** Throws unless the binary `path` runs and tells the version that it was built with. */
function ask(path: string, version: string): void {
  // An empty environment, so that nothing of this machine props up what would fail elsewhere.
  const run = Bun.spawnSync([path, 'version'], { env: {}, timeout: ANSWER_LIMIT_MS })
  if (run.success && run.stdout.toString().includes(version)) return
  const said = `${run.stdout.toString()}${run.stderr.toString()}`.trim().slice(0, 2_000)
  throw new Error(`${path} was built but does not answer to \`version\` (exit ${run.exitCode}): ${said}`)
}

const { values } = parseArgs({ options: { target: { type: 'string' }, help: { type: 'boolean' } } })
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const target = values.target
const version = await stampedVersion()
// Windows starts nothing without this ending, and the bundler adds it.
const suffix = target?.startsWith('bun-windows') ? '.exe' : ''
const outfile = join(project, 'dist', target ? `petrosa-${target}${suffix}` : 'petrosa')
// What is left of an earlier build must not pass for this one; and what is built here takes its place in one
// step, without the source maps that the bundler leaves beside it (they are inside the binary too).
rmSync(outfile, { force: true })
const calledFrom = process.cwd()
const workshop = join(project, 'dist', `build-${process.pid}`)
mkdirSync(workshop, { recursive: true })
// The bundler writes a hundred megabytes into the current folder on its way, and leaves them there when it is
// interrupted.
process.chdir(workshop)
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    rmSync(workshop, { recursive: true, force: true })
    process.exit(code)
  })
}
try {
  const fresh = join(workshop, basename(outfile))
  await compile(fresh, version, target)
  if (!target) ask(fresh, version)
  renameSync(fresh, outfile)
} finally {
  rmSync(workshop, { recursive: true, force: true })
}
console.log(`built ${relative(calledFrom, outfile)} ${version}`)

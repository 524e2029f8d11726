// Replays the Dockerfile without a container engine: each stage is a folder that its steps fill, and programs
// run in it through a mount namespace and chroot. The builder borrows this machine's system where its image
// would bring one; the production stage gets nothing but the libraries that the loader asks for.
import * as fs from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import {
  type Instruction,
  jsonWords,
  lastOf,
  reachesBuild,
  readDockerfile,
  type Stage,
} from './dockerfile.ts'
import { listPaths, project } from './sources.ts'

/** The longest that a step of the build, or a run of the binary, may take. */
const STEP_LIMIT_MS = 120_000

/** The user and the group that own nothing. */
const NOBODY = 65_534

/** Named by its path, because the program inside gets the image's PATH or none. */
const unshare = Bun.which('unshare') ?? 'unshare'

export type Run = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }

type Inside = {
  readonly root: string
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Folders of this machine that are seen inside at the same path. */
  readonly binds: readonly string[]
  /**
   * Folders inside that stay writable in a read-only root, each on a file system of its own; null: all is.
   */
  readonly volumes: readonly string[] | null
  readonly uid: number
}

/** Why containers cannot be replayed here, or null when they can. */
export function whyNoContainer(): string | null {
  if (process.platform !== 'linux') return 'it needs Linux'
  if (process.getuid?.() !== 0) return 'it needs root, for chroot and mount'
  const probe = Bun.spawnSync([unshare, '--mount', '--pid', '--fork', 'mount', '-t', 'tmpfs', 'none', '/mnt'])
  return probe.success ? null : `a mount namespace is refused here: ${probe.stderr.toString().trim()}`
}

/**
 * Runs a command inside a root. The mounts live in a namespace that ends with it, so nothing is left behind.
 */
function runInside(inside: Inside): Run {
  const script = ['set -e', 'mount --bind "$ROOT" "$ROOT"', 'mount -t proc proc "$ROOT/proc"']
  script.push('mount --rbind /dev "$ROOT/dev"')
  for (const path of inside.binds) script.push(`mount --rbind '${path}' "$ROOT${path}"`)
  for (const path of inside.volumes ?? []) {
    script.push(`owner=$(stat -c 'uid=%u,gid=%g' "$ROOT${path}")`)
    script.push(`mount -t tmpfs -o "mode=755,$owner" none "$ROOT${path}"`)
  }
  if (inside.volumes) script.push('mount -o remount,bind,ro "$ROOT"')
  const id = String(inside.uid)
  script.push('root=$ROOT; unset ROOT PWD; exec unshare --root="$root" "$@"')
  const enter = [`--wd=${inside.cwd}`, `--setgid=${id}`, `--setuid=${id}`, '--', ...inside.command]
  const shell = [unshare, '--mount', '--pid', '--fork', '/bin/sh', '-c', script.join('\n'), 'sh']
  const run = Bun.spawnSync([...shell, ...enter], {
    env: { ...inside.env, ROOT: inside.root },
    timeout: STEP_LIMIT_MS,
  })
  return { exitCode: run.exitCode, stdout: run.stdout.toString(), stderr: run.stderr.toString() }
}

/** Makes a root with what every container has: /proc, /dev, /tmp and /etc, all of them empty. */
function emptyRoot(folder: string): string {
  for (const name of ['proc', 'dev', 'tmp', 'etc']) fs.mkdirSync(join(folder, name), { recursive: true })
  return folder
}

/**
 * Gives `root` this machine's system and our own Bun, in place of the builder's image. Returns what to bind.
 */
function borrowSystem(root: string): readonly string[] {
  const binds: string[] = []
  for (const name of ['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'etc']) {
    const path = `/${name}`
    if (!fs.existsSync(path)) continue
    if (fs.lstatSync(path).isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(path), join(root, name))
    else binds.push(path)
  }
  // The home folder holds how this machine reaches its package registry, and the packages it already has.
  binds.push(homedir())
  for (const path of binds) fs.mkdirSync(join(root, path), { recursive: true })
  fs.mkdirSync(join(root, 'image'))
  fs.cpSync(process.execPath, join(root, 'image', 'bun'))
  return binds
}

/**
 * Gives `root` the libraries that the loader asks for on behalf of `binary`: what a distroless base has of
 * them.
 */
function giveLibraries(root: string, binary: string): void {
  const listing = Bun.spawnSync(['ldd', binary]).stdout.toString()
  const paths = [...listing.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
  if (paths.length === 0) throw new Error(`ldd names no library of ${binary}: ${listing}`)
  for (const path of paths) fs.cpSync(path, join(root, path), { dereference: true })
}

/** What a binary finds in a root of its own besides itself. */
export type Surroundings = {
  /** Puts the libraries into the root; those that this machine's loader asks for where it is not given. */
  readonly give?: (root: string, binary: string) => void
  readonly env?: Readonly<Record<string, string>>
  /** Folders of this machine that it may write to, at the same path. */
  readonly binds?: readonly string[]
}

/** Runs a binary in a read-only root of its own, as nobody, with nothing but its libraries. */
export function runInLibraries(binary: string, args: readonly string[], around: Surroundings = {}): Run {
  const { give = giveLibraries, env = {}, binds = [] } = around
  const root = fs.mkdtempSync(join(tmpdir(), 'petrosa-libraries-'))
  try {
    fs.chmodSync(root, 0o755)
    emptyRoot(root)
    for (const path of binds) fs.mkdirSync(join(root, path), { recursive: true })
    fs.cpSync(binary, join(root, 'petrosa'))
    give(root, binary)
    const command = ['/petrosa', ...args]
    return runInside({ root, command, cwd: '/', env, binds, volumes: [], uid: NOBODY })
  } finally {
    fs.rmSync(root, { recursive: true, force: true })
  }
}

/** A stage while its steps are replayed. */
type Building = {
  readonly root: string
  readonly binds: readonly string[]
  readonly env: Record<string, string>
  cwd: string
}

const unquote = (text: string): string => text.replace(/^"(.*)"$/, '$1')

/** Puts one source of a COPY in its place. Throws when it is not there. */
function copyOne(from: string, to: string, owner: string | undefined): void {
  if (!fs.existsSync(from)) throw new Error(`COPY finds no ${from}: is it let in by .dockerignore?`)
  fs.mkdirSync(dirname(to), { recursive: true })
  fs.cpSync(from, to, { recursive: true })
  const [uid, gid] = (owner ?? '0:0').split(':').map(Number)
  fs.chownSync(to, uid ?? 0, gid ?? uid ?? 0)
}

function replayCopy(
  step: Instruction,
  building: Building,
  context: string,
  done: Map<string, Building>,
): void {
  const words = step.rest.split(' ')
  const target = words.pop() ?? ''
  const from = step.flags.from ? done.get(step.flags.from)?.root : context
  if (!from) throw new Error(`COPY --from=${step.flags.from}: no such stage before this one`)
  const into = join(building.root, resolve(building.cwd, target))
  for (const word of words) {
    const name = target.endsWith('/') ? join(into, word.split('/').at(-1) ?? '') : into
    copyOne(join(from, word), name, step.flags.chown)
  }
}

function replayStep(
  step: Instruction,
  building: Building,
  context: string,
  done: Map<string, Building>,
): void {
  switch (step.word) {
    case 'WORKDIR':
      building.cwd = step.rest
      fs.mkdirSync(join(building.root, step.rest), { recursive: true })
      return
    case 'ARG':
    case 'ENV': {
      const [name = '', value = ''] = step.rest.split('=')
      building.env[name] = unquote(value)
      return
    }
    case 'COPY':
      replayCopy(step, building, context, done)
      return
    case 'RUN': {
      // Alpine's own packages cannot be had here; the test compares them with what the binary asks for.
      if (step.rest.startsWith('apk add ')) return
      const run = runInside({ ...building, command: ['/bin/sh', '-c', step.rest], volumes: null, uid: 0 })
      if (run.exitCode !== 0) throw new Error(`RUN ${step.rest}\n${run.stdout}${run.stderr}`)
      return
    }
    default:
  }
}

/** What of the project the build may see, in a folder of its own. */
function copyContext(folder: string, dockerignore: string): void {
  for (const path of listPaths()) {
    if (reachesBuild(dockerignore, path)) copyOne(join(project, path), join(folder, path), undefined)
  }
}

/** The finished image: run it as often as needed, then dispose of it. */
export type Image = {
  readonly stage: Stage
  /** The folder that the steps of a stage have filled. */
  rootOf(stage: string): string
  /** Runs words in a stage that was built on this machine's system, as its user, from its folder. */
  runIn(stage: string, command: readonly string[]): Run
  /**
   * Runs the entry point with these arguments: read-only root, the image's user, no variables but the
   * image's.
   */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Run
  dispose(): void
}

/** Replays one stage after those in `done`, and adds it to them. */
function buildStage(stage: Stage, folder: string, done: Map<string, Building>): void {
  // A stage upon a stage goes on in its folder: nothing here looks at the lower one any more.
  const below = done.get(stage.image)
  if (below) {
    for (const step of stage.instructions) replayStep(step, below, join(folder, 'context'), done)
    done.set(stage.name, below)
    return
  }
  const root = emptyRoot(join(folder, `stage-${stage.name}`))
  const borrows = stage.image.startsWith('oven/bun:')
  const borrowed = { PATH: '/image:/usr/local/bin:/usr/bin:/bin', HOME: homedir() }
  const building: Building = {
    root,
    binds: borrows ? borrowSystem(root) : [],
    env: borrows ? { ...ownVariables(), ...borrowed } : {},
    cwd: '/',
  }
  for (const step of stage.instructions) replayStep(step, building, join(folder, 'context'), done)
  done.set(stage.name, building)
}

/** The variables of this process, for steps that reach a package registry the way this machine does. */
function ownVariables(): Record<string, string> {
  const entries = Object.entries(process.env)
  return Object.fromEntries(entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

/** Replays every stage of the project's Dockerfile. Throws at the step that fails, with what it said. */
export async function buildImage(): Promise<Image> {
  const stages = readDockerfile(await Bun.file(join(project, 'Dockerfile')).text())
  const dockerignore = await Bun.file(join(project, '.dockerignore')).text()
  const folder = fs.mkdtempSync(join(tmpdir(), 'petrosa-container-'))
  const done = new Map<string, Building>()
  try {
    // The user of the image must be able to enter its own root.
    fs.chmodSync(folder, 0o755)
    copyContext(join(folder, 'context'), dockerignore)
    for (const stage of stages) buildStage(stage, folder, done)
    return finish(folder, stages, done)
  } catch (error) {
    fs.rmSync(folder, { recursive: true, force: true })
    throw error
  }
}

function finish(folder: string, stages: readonly Stage[], done: Map<string, Building>): Image {
  const stage = stages.at(-1)
  const building = done.get(stage?.name ?? '')
  if (!stage || !building) throw new Error('the Dockerfile has no stage')
  const entry = jsonWords(lastOf(stage, 'ENTRYPOINT'))
  giveLibraries(building.root, join(building.root, entry[0] ?? ''))
  const volumes = jsonWords(lastOf(stage, 'VOLUME'))
  const uid = Number((lastOf(stage, 'USER') ?? '0').split(':')[0])
  const rootOf = (name: string): string => done.get(name)?.root ?? ''
  return {
    stage,
    rootOf,
    runIn: (name, command) => {
      const own = stages.find((one) => one.name === name)
      const built = done.get(name)
      if (!own || !built) throw new Error(`no stage ${name}`)
      const user = Number((lastOf(own, 'USER') ?? '0').split(':')[0])
      return runInside({ ...built, command, volumes: null, uid: user })
    },
    run: (args, env = {}) => {
      const command = [...entry, ...args]
      return runInside({ ...building, env: { ...building.env, ...env }, command, volumes, uid })
    },
    dispose: () => fs.rmSync(folder, { recursive: true, force: true }),
  }
}

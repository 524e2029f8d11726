// Database servers of our own for tests, from the programs that the machine has: data in a temporary folder,
// a free port on 127.0.0.1, run by an unprivileged user when we are root (PostgreSQL refuses root), stopped
// at the end.
import { existsSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type StartedServer = {
  readonly uri: string
  /** Ends it at once, without a word to its clients, and starts it again on the same data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** How long a server may take to come up, and to go down before it is killed. */
const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 10_000

/** The user (and group) `nobody` of every Linux. */
export const NOBODY = 65_534

type Recipe = {
  /** Makes the data; null where the server does so itself. */
  readonly init: ((folder: string) => readonly string[]) | null
  readonly run: (folder: string, port: number) => readonly string[]
  /** What the server says when it can be used. */
  readonly ready: RegExp
  readonly uri: (port: number) => string
}

/** PostgreSQL, or null where the machine has none. A standby takes no writes: it waits for a primary. */
export function startPostgresql(role: 'primary' | 'standby' = 'primary'): Promise<StartedServer | null> {
  const folders = [
    ...new Bun.Glob('/usr/lib/postgresql/*/bin').scanSync({ cwd: '/', onlyFiles: false, absolute: true }),
  ]
  const [server, initdb] = ['postgres', 'initdb'].map((name) => program(name, folders.sort().reverse()))
  if (!server || !initdb) return Promise.resolve(null)
  return start({
    init: (folder) => [
      ...[
        'sh',
        '-c',
        '"$@" && touch "$0"',
        join(folder, role === 'standby' ? 'standby.signal' : 'initialised'),
      ],
      ...[initdb, '-D', folder, '-U', 'petrosa', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'],
    ],
    run: (folder, port) => [
      ...[server, '-D', folder, '-p', String(port), '-h', '127.0.0.1', '-k', folder],
      ...['-c', 'max_connections=200', '-c', 'log_min_messages=log'],
    ],
    ready: /ready to accept (read-only )?connections/,
    uri: (port) => `postgresql://petrosa@127.0.0.1:${port}/postgres`,
  })
}

/** MariaDB, or null where the machine has none. */
export function startMariadb(): Promise<StartedServer | null> {
  const [server, install] = ['mariadbd', 'mariadb-install-db'].map((name) =>
    program(name, ['/usr/sbin', '/usr/libexec']),
  )
  if (!server || !install) return Promise.resolve(null)
  return start({
    init: (folder) => [
      ...[install, '--no-defaults', `--datadir=${folder}`, '--auth-root-authentication-method=normal'],
      ...['--skip-test-db', '--skip-name-resolve'],
    ],
    run: (folder, port) => [
      ...[server, '--no-defaults', `--datadir=${folder}`, `--port=${port}`, '--bind-address=127.0.0.1'],
      ...[`--socket=${join(folder, 's')}`, '--skip-name-resolve', '--local-infile=1'],
    ],
    ready: /ready for connections/,
    uri: (port) => `mysql://root@127.0.0.1:${port}/mysql`,
  })
}

/** MongoDB as a replica set of one is more than it takes to test the store: a single server will do. */
export function startMongodb(): Promise<StartedServer | null> {
  const server = program('mongod', [])
  if (!server) return Promise.resolve(null)
  return start({
    init: null,
    run: (folder, port) => [
      server,
      '--dbpath',
      folder,
      '--port',
      String(port),
      '--bind_ip',
      '127.0.0.1',
      '--nounixsocket',
    ],
    ready: /Waiting for connections/,
    uri: (port) => `mongodb://127.0.0.1:${port}/`,
  })
}

function program(name: string, folders: readonly string[]): string | null {
  return (
    Bun.which(name) ?? folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
  )
}

/**
 * What stands before a command so that it runs as nobody when we are root, and dies with us where the system
 * can do that.
 */
function prefix(): readonly string[] | null {
  const setpriv = Bun.which('setpriv')
  const root = process.getuid?.() === 0
  if (!setpriv) return root ? null : []
  const user = root ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : []
  return [setpriv, ...user, '--pdeathsig=KILL']
}

async function start(recipe: Recipe): Promise<StartedServer | null> {
  const before = prefix()
  if (before === null) return null
  const folder = await mkdtemp(join(tmpdir(), 'petrosa-server-'))
  if (process.getuid?.() === 0) await chown(folder, NOBODY, NOBODY)
  const env = { PATH: Bun.env.PATH ?? '', HOME: folder, TZ: 'UTC', LC_ALL: 'C' }
  try {
    const init = recipe.init?.(folder)
    if (init) {
      const made = Bun.spawnSync([...before, ...init], { cwd: folder, env, timeout: START_LIMIT_MS })
      if (!made.success) throw new Error(`${init[0]} failed: ${made.stderr}${made.stdout}`)
    }
    const port = await freePort()
    const run = (): Bun.Subprocess =>
      Bun.spawn([...before, ...recipe.run(folder, port)], {
        ...{ cwd: folder, env, stdin: 'ignore' },
        ...{ stdout: Bun.file(join(folder, 'server.out')), stderr: Bun.file(join(folder, 'server.err')) },
      })
    let child = run()
    const restart = async (): Promise<void> => {
      // PostgreSQL's word for "immediate": it goes without ending anything, and recovers when it comes back.
      child.kill('SIGQUIT')
      await child.exited
      for (const name of ['server.out', 'server.err']) await rm(join(folder, name), { force: true })
      child = run()
      await untilReady(recipe, folder, child)
    }
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
      await child.exited
      clearTimeout(timer)
      await rm(folder, { recursive: true, force: true })
    }
    await untilReady(recipe, folder, child).catch(async (error: unknown) => {
      await stop()
      throw error
    })
    return { uri: recipe.uri(port), restart, stop }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function untilReady(recipe: Recipe, folder: string, child: Bun.Subprocess): Promise<void> {
  const deadlineMs = performance.now() + START_LIMIT_MS
  for (;;) {
    const said = await Promise.all(['server.err', 'server.out'].map((name) => textOf(join(folder, name))))
    if (said.some((text) => recipe.ready.test(text))) return
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      throw new Error(`a test server did not come up: ${said.join('\n').slice(-2_000)}`)
    }
    await Bun.sleep(50)
  }
}

const textOf = async (path: string): Promise<string> => (existsSync(path) ? Bun.file(path).text() : '')

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0))
    })
  })
}

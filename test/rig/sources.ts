// The project's own files as text, for the tests that hold its rules. What git ignores is not read; a copy
// without git is read as it lies there.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export const project = join(import.meta.dir, '..', '..')

/** One file of the project: its path from the project's root, and its text. */
export type SourceFile = { readonly path: string; readonly text: string }

/** Kinds of file that are not text that somebody here has written. */
const foreign = /(^|\/)(bun\.lock|fixtures\/.*)$|\.(png|ico|zip|gz|db|csv|woff2)$/

/** The paths of all files that are, or with the next commit would be, in the repository, sorted. */
export function listPaths(): readonly string[] {
  const paths = existsSync(join(project, '.git')) ? pathsOfGit() : pathsOfCopy()
  return paths.filter((path) => existsSync(join(project, path))).sort()
}

function pathsOfGit(): string[] {
  const command = ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const run = Bun.spawnSync(command, { cwd: project })
  if (!run.success) throw new Error(`git ls-files failed: ${run.stderr.toString()}`)
  return run.stdout
    .toString()
    .split('\0')
    .filter((path) => path !== '')
}

function pathsOfCopy(): string[] {
  const all = new Bun.Glob('**/*').scanSync({ cwd: project, dot: true })
  return [...all].filter((path) => !/(^|\/)(node_modules|dist|coverage)\//.test(path))
}

/** The text files under `folder` (all of them when it is empty). */
export async function readSources(folder = ''): Promise<readonly SourceFile[]> {
  const paths = listPaths().filter((path) => path.startsWith(folder) && !foreign.test(path))
  return Promise.all(paths.map(async (path) => ({ path, text: await Bun.file(join(project, path)).text() })))
}

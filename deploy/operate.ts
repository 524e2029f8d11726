// The package scripts that need a program of somebody else's: docker for images, kubectl for the cluster. A
// program that is missing is named, with what it is needed for, and exit code 2.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const project = join(import.meta.dir, '..')
const NAME = 'petrosa-binance-data-extractor'
const NAMESPACE = 'petrosa-apps'
const SELECTOR = 'app=binance-data-extractor'

/** The tag that the image of a stage gets. */
const tags: Readonly<Record<string, string>> = {
  production: 'latest',
  alpine: 'alpine',
  development: 'dev',
  testing: 'testing',
}

const usage = `bun run image [STAGE]    ${Object.keys(tags).join(', ')}; production where none is named
bun run deploy [OVERLAY] of deploy/kubernetes/overlays, or base; scheduled where none is named.
                         IMAGE=HOST/NAME:TAG names the image, else that of base/kustomization.yaml
bun run k8s:status
bun run k8s:logs [HOURS] what every pod said in so many hours; 1 where none is named`

/** Words for people, and the exit code of what the user must change. */
function giveUp(message: string): never {
  console.error(message)
  process.exit(2)
}

/** The commit, so that `petrosa version` in the image names it; empty where there is no git. */
function revision(): string {
  try {
    const run = Bun.spawnSync(['git', 'rev-parse', 'HEAD'], { cwd: project, stderr: 'ignore' })
    return run.success ? run.stdout.toString().trim() : ''
  } catch {
    return ''
  }
}

function imageWords(stage = 'production'): string[] {
  const tag = tags[stage]
  if (!tag) giveUp(`the Dockerfile has no image ${stage}; there are ${Object.keys(tags).join(', ')}`)
  const named = ['--target', stage, '--tag', `${NAME}:${tag}`, '--build-arg', `REVISION=${revision()}`]
  return ['docker', 'build', ...named, project]
}

function deployWords(overlay = 'scheduled'): string[] {
  const path = join('deploy', 'kubernetes', overlay === 'base' ? 'base' : join('overlays', overlay))
  if (!existsSync(join(project, path, 'kustomization.yaml'))) giveUp(`there is no ${path}`)
  const { IMAGE: image } = process.env
  return ['kubectl', 'apply', '-k', image ? withImage(path, image) : path]
}

/** Where the image stands in what makes pods, by its kind. */
const pods = [
  ['CronJob', '/spec/jobTemplate/spec/template/spec/containers/0/image'],
  ['Deployment', '/spec/template/spec/containers/0/image'],
  ['Job', '/spec/template/spec/containers/0/image'],
] as const

/**
 * An overlay of its own over the one at `path`, whose pods run `image`. The place is written over, whatever
 * name stands there: an image that was named in the base is not found by its first name any more.
 */
function withImage(path: string, image: string): string {
  if (!/^[^\s:@]+(:\d+\/[^\s:@]+)?(:[\w.-]+|@sha256:[\da-f]{64})$/.test(image))
    giveUp(`IMAGE is '${image}': write it as HOST/NAME:TAG`)
  const folder = join('dist', 'deploy')
  mkdirSync(join(project, folder), { recursive: true })
  const patches = pods.map(([kind, place]) => ({
    target: { kind },
    patch: JSON.stringify([{ op: 'replace', path: place, value: image }]),
  }))
  // JSON is YAML too.
  const overlay = JSON.stringify({ resources: [join('..', '..', path)], patches })
  writeFileSync(join(project, folder, 'kustomization.yaml'), overlay)
  return folder
}

const kinds = 'deployments,cronjobs,jobs,pods'

function words(task: string | undefined, argument: string | undefined): string[] {
  switch (task) {
    case 'image':
      return imageWords(argument)
    case 'deploy':
      return deployWords(argument)
    case 'status':
      return ['kubectl', '--namespace', NAMESPACE, 'get', kinds, '--selector', SELECTOR]
    case 'logs': {
      if (argument !== undefined && !/^\d+$/.test(argument)) giveUp(`'${argument}' is no number of hours`)
      const said = [
        'logs',
        '--selector',
        SELECTOR,
        '--since',
        `${argument ?? 1}h`,
        '--tail',
        '-1',
        '--prefix',
      ]
      return ['kubectl', '--namespace', NAMESPACE, ...said, '--max-log-requests', '50']
    }
    default:
      return giveUp(usage)
  }
}

const [task, argument] = process.argv.slice(2)
const [program = '', ...rest] = words(task, argument)
const path = Bun.which(program)
if (path === null) giveUp(`there is no ${program} on PATH, and '${task}' is its work: install it first`)
const run = Bun.spawnSync([path, ...rest], { cwd: project, stdio: ['inherit', 'inherit', 'inherit'] })
process.exit(run.exitCode)

// deploy/kubernetes as Kubernetes would see it: rendered by kubectl, which needs no cluster for that, and
// judged by a copy of the schemas that the API server itself publishes, where unknown fields are errors.
import { join } from 'node:path'
import Ajv2020 from 'ajv/dist/2020'
import { parseAllDocuments } from 'yaml'
import { project } from './sources.ts'

export const kubernetes = join(project, 'deploy', 'kubernetes')
/** Base and overlays, as they are named to `kubectl apply -k`. */
export const overlays = [
  'base',
  ...['backfill', 'mongodb', 'postgresql', 'scheduled', 'scheduled-postgresql', 'service-monitor'].map(
    (name) => `overlays/${name}`,
  ),
  'overlays/serving',
]
const RENDER_LIMIT_MS = 30_000

type Named = { readonly name: string }
type KeyReference = Named & { readonly key: string; readonly optional?: boolean }
export type Container = Named & {
  readonly image: string
  readonly imagePullPolicy: string
  readonly args: readonly string[]
  readonly envFrom: readonly { readonly configMapRef: Named }[]
  readonly env: readonly (Named & {
    readonly value?: string
    readonly valueFrom?: { readonly secretKeyRef: KeyReference }
  })[]
  readonly ports?: readonly (Named & { readonly containerPort: number })[]
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly resources: Readonly<Record<'requests' | 'limits', Readonly<Record<string, string>>>>
  readonly livenessProbe?: Probe
  readonly readinessProbe?: Probe
  readonly startupProbe?: Probe
}
type Probe = { readonly httpGet: { readonly path: string; readonly port: string } }
export type PodTemplate = {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> }
  readonly spec: {
    readonly containers: readonly Container[]
    readonly serviceAccountName: string
    readonly automountServiceAccountToken: boolean
    readonly securityContext: Readonly<Record<string, unknown>>
    readonly terminationGracePeriodSeconds: number
  }
}
type JobSpec = { readonly template: PodTemplate; readonly completions?: number }
/** As much of the kinds as the tests look at. */
export type KubernetesObject = {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly data?: Readonly<Record<string, string>>
  readonly spec: {
    readonly schedule: string
    readonly timeZone: string
    readonly concurrencyPolicy: string
    readonly jobTemplate?: { readonly spec: JobSpec }
    readonly template?: PodTemplate
    readonly completions?: number
    readonly replicas?: number
    readonly selector: unknown
    readonly ports: readonly { readonly targetPort: string }[]
  }
}

/** Why nothing can be rendered here, or null when it can. */
export function whyNoKubectl(): string | null {
  return Bun.which('kubectl') === null ? 'there is no kubectl' : null
}

/** The objects that `kubectl apply -k deploy/kubernetes/PATH` would send. Throws what kubectl says. */
export function render(path: string): readonly KubernetesObject[] {
  const run = Bun.spawnSync(['kubectl', 'kustomize', join(kubernetes, path)], { timeout: RENDER_LIMIT_MS })
  if (!run.success) throw new Error(`kubectl kustomize ${path}: ${run.stderr.toString()}`)
  return parseAllDocuments(run.stdout.toString()).map((document) => document.toJS() as KubernetesObject)
}

const schemas = (await Bun.file(join(project, 'test', 'fixtures', 'kubernetes-1.31.json')).json()) as {
  readonly kinds: Readonly<Record<string, string>>
}
const ajv = new Ajv2020({ allErrors: true, strict: false })
ajv.addSchema(schemas, 'kubernetes')

/** What the schema of its kind has against an object; unknown kinds and fields are flaws. */
export function flawsOf(object: KubernetesObject): readonly string[] {
  const definition = schemas.kinds[object.kind]
  if (!definition) return [`no schema of ${object.kind}: add it to test/fixtures/kubernetes-1.31.json`]
  const validate = ajv.getSchema(`kubernetes#/$defs/${definition}`)
  if (!validate) throw new Error(`no definition ${definition}`)
  if (validate(object)) return []
  const name = `${object.kind} ${object.metadata?.name}`
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${name}${instancePath} ${message} ${JSON.stringify(params)}`,
  )
}

/** The pods that an object makes. */
export function podOf(object: KubernetesObject): PodTemplate | null {
  return object.spec?.jobTemplate?.spec.template ?? object.spec?.template ?? null
}

/** Its one container. Throws where there are more. */
export function containerOf(pod: PodTemplate): Container {
  const [container, ...more] = pod.spec.containers
  if (!container || more.length > 0) throw new Error('a pod with one container is expected')
  return container
}

/**
 * The environment that Kubernetes would give a container: ConfigMaps first, then its own, secrets by their
 * key. Throws for a ConfigMap that is not among `objects` and for a secret that must be there and is not.
 */
export function environmentOf(
  container: Container,
  objects: readonly KubernetesObject[],
  secrets: Readonly<Record<string, string>>,
): Record<string, string> {
  const environment: Record<string, string> = {}
  for (const { configMapRef } of container.envFrom) {
    const map = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef.name,
    )
    if (!map) throw new Error(`no ConfigMap ${configMapRef.name}`)
    Object.assign(environment, map.data)
  }
  for (const { name, value, valueFrom } of container.env) {
    const key = valueFrom?.secretKeyRef
    const held = key ? secrets[key.key] : value
    if (held === undefined && !key?.optional) throw new Error(`${container.name} lacks ${name}`)
    if (held !== undefined) environment[name] = held
  }
  return environment
}

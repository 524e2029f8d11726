// deploy/compose.yaml as a compose engine reads it: merged keys, variables filled in by their defaults.
import { join } from 'node:path'
import { parse } from 'yaml'
import { project } from './sources.ts'

export const composePath = join(project, 'deploy', 'compose.yaml')

export type Service = {
  readonly image: string
  readonly command?: readonly string[]
  readonly profiles: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
}
export type Compose = {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, null>>
}

/** The file with `given` for its variables. Throws where it is no YAML. */
export async function readCompose(given: Readonly<Record<string, string>> = {}): Promise<Compose> {
  const text = (await Bun.file(composePath).text()).replace(
    /\$\{(\w+):-([^}]*)\}/g,
    (_, name: string, fallback: string) => given[name] ?? fallback,
  )
  return parse(text, { merge: true }) as Compose
}

/** The services that are petrosa, by name. */
export const petrosaServices = ({ services }: Compose): readonly (readonly [string, Service])[] =>
  Object.entries(services).filter(([, { image }]) => image.startsWith('petrosa'))

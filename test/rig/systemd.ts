// The units in deploy/systemd, read as strictly as they are written: sections, and keys that may come again.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { project } from './sources.ts'

export const systemd = join(project, 'deploy', 'systemd')
export const units = readdirSync(systemd).filter((name) => /\.(service|timer)$/.test(name))

/** The values of each key of a section, in order. */
export type Section = Readonly<Record<string, readonly string[]>>

/** The sections of a unit. Throws at a line that is none of a comment, a section and a key. */
export async function readUnit(name: string): Promise<Readonly<Record<string, Section>>> {
  const sections: Record<string, Record<string, string[]>> = {}
  let current: Record<string, string[]> | null = null
  for (const line of (await Bun.file(join(systemd, name)).text()).split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, title] = /^\[(\w+)\]$/.exec(line) ?? []
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? []
    if (title !== undefined) {
      current = {}
      sections[title] = current
    } else if (current && key !== undefined) {
      const values = current[key] ?? []
      current[key] = [...values, value ?? '']
    } else throw new Error(`${name}: '${line}' is nothing that a unit holds`)
  }
  return sections
}

/** The variables that a service sets itself. */
export function environmentOfUnit(service: Section): Record<string, string> {
  const settings = (service.Environment ?? []).flatMap((line) => line.split(' '))
  return Object.fromEntries(settings.map((one) => one.split('=') as [string, string]))
}

// Where a setting's value comes from: flag over variable over --config over default. What is unknown or makes
// no sense is refused with one clear line, and a secret is never shown.
import { didYouMean } from '../core/nearest.ts'
import { UserError } from '../errors.ts'
import type { World } from '../world.ts'
import type { ConfigEntry } from './config-file.ts'
import type { Setting } from './setting.ts'
import { type SettingName, type Settings, settingEntries } from './table.ts'
import { Refusal } from './values.ts'

export type Origin = 'flag' | 'variable' | 'config' | 'default'

/** Settings as texts, each with where it was said, for example `--period` or `PERIODS`. */
export type Given = { readonly text: string; readonly said: string; readonly origin: Origin }

export type Resolved = {
  readonly settings: Settings
  /** Where each value came from. */
  readonly origins: Readonly<Partial<Record<SettingName, Origin>>>
}

export type ResolvedRun = Resolved & {
  /** The jobs of --config, each with all settings: its own keys come right after the flags. */
  readonly jobs: readonly (Resolved & { readonly place: string })[]
}

export type Flags = ReadonlyMap<SettingName, string>

/**
 * The settings of a command. `allowed` are those that the command has; flags among them were checked by the
 * parser; `defaults` are those of the command where they differ from the table's. Throws UserError for a
 * value that makes no sense, a file that cannot be read, or an unknown key in --config.
 */
export async function resolveSettings(
  world: World,
  flags: Flags,
  allowed: readonly SettingName[],
  defaults: Partial<Readonly<Record<SettingName, string>>> = {},
): Promise<ResolvedRun> {
  const variables = await readVariables(world, flags)
  const path = flags.get('config') ?? variables.get('config')?.text
  const { own, jobs } = path === undefined ? { own: none, jobs: [] } : await readConfig(world, path)
  const resolve = (job: ReadonlyMap<SettingName, Given>): Resolved => {
    const values: Partial<Record<SettingName, unknown>> = {}
    const origins: Partial<Record<SettingName, Origin>> = {}
    for (const [name, setting] of settingEntries) {
      values[name] = null
      if (!allowed.includes(name)) continue
      const flag = flags.get(name)
      const given: Given | undefined =
        flag === undefined
          ? (job.get(name) ?? variables.get(name) ?? own.get(name) ?? defaultOf(setting, defaults[name]))
          : { text: flag, said: `--${setting.flag}`, origin: 'flag' }
      if (given === undefined) continue
      values[name] = readValue(setting, given)
      origins[name] = given.origin
    }
    return { settings: values as Settings, origins }
  }
  return { ...resolve(none), jobs: jobs.map(({ given, place }) => ({ ...resolve(given), place })) }
}

const none: ReadonlyMap<SettingName, Given> = new Map()

function defaultOf(setting: Setting<unknown>, ofCommand: string | undefined): Given | undefined {
  const text = ofCommand ?? setting.fallback
  return text === null ? undefined : { text, said: 'the default', origin: 'default' }
}

function readValue(setting: Setting<unknown>, given: Given): unknown {
  try {
    if (given.text === '' && setting.value !== null) throw new Refusal('needs a value')
    return setting.read(given.text)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const isTold = !setting.secret || error.isDiscreet
    const why = isTold ? error.message : 'has a value that makes no sense'
    throw new UserError(`${given.said} ${why}`)
  }
}

const lineEnd = /\r?\n$/

/**
 * What a variable says: NAME, or the content of the file that NAME_FILE names, either without the newline at
 * its end, which belongs to whatever wrote it. An empty variable is as good as none: null. Throws UserError.
 */
export async function readVariable(
  world: Pick<World, 'env' | 'readFile'>,
  variable: string,
): Promise<Given | null> {
  const text = world.env[variable]?.replace(lineEnd, '')
  const path = world.env[`${variable}_FILE`]
  if (text && path) throw new UserError(`${variable} and ${variable}_FILE are both set`, 'keep one of them')
  if (text) return { text, said: variable, origin: 'variable' }
  if (!path) return null
  const content = await readText(world, path, `${variable}_FILE`)
  return { text: content.replace(lineEnd, ''), said: `${variable}_FILE`, origin: 'variable' }
}

/** What the environment says. */
async function readVariables(world: World, flags: Flags): Promise<ReadonlyMap<SettingName, Given>> {
  const found = new Map<SettingName, Given>()
  for (const [name, setting] of settingEntries) {
    const variable = setting.variable
    if (variable === null || flags.has(name)) continue
    const given = await readVariable(world, variable)
    if (given) found.set(name, given)
  }
  const isSaid = found.has('shard') || flags.has('shard')
  const shards = isSaid ? null : await readVariable(world, 'SHARDS')
  if (shards) {
    const index = await readVariable(world, 'JOB_COMPLETION_INDEX')
    if (!index)
      throw new UserError('SHARDS is set without JOB_COMPLETION_INDEX', 'set SHARD=i/n instead, or both')
    found.set('shard', {
      text: `${index.text}/${shards.text}`,
      said: 'SHARDS with JOB_COMPLETION_INDEX',
      origin: 'variable',
    })
  }
  return found
}

async function readText(world: Pick<World, 'readFile'>, path: string, said: string): Promise<string> {
  try {
    return await world.readFile(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new UserError(
      `${said} names the file ${path}, which cannot be read (${code})`,
      'check the path and its rights',
    )
  }
}

type GivenConfig = {
  readonly own: ReadonlyMap<SettingName, Given>
  readonly jobs: readonly { readonly given: ReadonlyMap<SettingName, Given>; readonly place: string }[]
}

async function readConfig(world: World, path: string): Promise<GivenConfig> {
  const text = await readText(world, path, '--config')
  const { readConfigFile } = await import('./config-file.ts')
  const { entries, jobs } = readConfigFile(text, path)
  return {
    own: givenBy(entries, path),
    jobs: jobs.map((job) => {
      refuseForeign(job.entries, path)
      return { given: givenBy(job.entries, path), place: `${path}, line ${job.line}` }
    }),
  }
}

/** What means nothing in a job: settings of the whole process, and of commands that are no jobs. */
const foreignToJobs: readonly SettingName[] = [
  ...(['logLevel', 'logFormat', 'json', 'dryRun', 'kind'] as const),
  ...(['serve', 'host', 'port', 'apiToken', 'metricsPerSymbol'] as const),
  ...(['fill', 'recheck', 'sample', 'seed', 'checkArchives', 'repair', 'prepare'] as const),
]

function refuseForeign(entries: readonly ConfigEntry[], path: string): void {
  for (const { key, line } of entries) {
    const name = nameOfKey(key)
    if (name === undefined || !foreignToJobs.includes(name)) continue
    const advice =
      name === 'kind' ? 'say dataset: trades or dataset: agg-trades' : 'say it outside of jobs, or as a flag'
    throw new UserError(`${path}, line ${line}: '${key}' is no setting of a job`, advice)
  }
}

function givenBy(entries: readonly ConfigEntry[], path: string): ReadonlyMap<SettingName, Given> {
  const found = new Map<SettingName, Given>()
  for (const { key, value, line } of entries) {
    const name = nameOfKey(key)
    const place = `${path}, line ${line}`
    if (name === undefined) {
      const keys = settingEntries.flatMap(([, setting]) => setting.flag ?? [])
      const near = didYouMean(key, keys)
      throw new UserError(
        `${place}: unknown key '${key}'`,
        near || 'the keys are the flags without their dashes',
      )
    }
    if (found.has(name)) throw new UserError(`${place}: '${key}' is said twice`, 'keep one of them')
    found.set(name, { text: value, said: `${place}: ${key}`, origin: 'config' })
  }
  return found
}

/**
 * A key of --config is the flag without dashes, one of its aliases, or the variable, in any case and with _
 * or -.
 */
function nameOfKey(key: string): SettingName | undefined {
  const wanted = key.toLowerCase().replaceAll('_', '-')
  const fits = (name: string | null): boolean =>
    name !== null && name.toLowerCase().replaceAll('_', '-') === wanted
  return settingEntries.find(
    ([name, setting]) =>
      name !== 'config' &&
      (fits(setting.flag) || fits(setting.variable) || (setting.aliases ?? []).some(fits)),
  )?.[0]
}

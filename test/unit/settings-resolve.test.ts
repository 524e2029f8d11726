// Where a setting comes from, what is refused on the way, and that no secret is ever told.
import { describe, expect, test } from 'bun:test'
import { UserError } from '../../src/errors.ts'
import { type Resolved, resolveSettings } from '../../src/settings/resolve.ts'
import { type SettingName, settingEntries, settingTable } from '../../src/settings/table.ts'
import { testWorld } from '../rig/world.ts'

const all = settingEntries.map(([name]) => name)
type Outside = {
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
  readonly flags?: Partial<Record<SettingName, string>>
}

function resolve({ env = {}, files = {}, flags = {} }: Outside, allowed = all): Promise<Resolved> {
  const given = new Map(Object.entries(flags) as [SettingName, string][])
  return resolveSettings(testWorld({ env, files }), given, allowed)
}

/** The message and the advice of the refusal. */
async function refusal(outside: Outside): Promise<string> {
  try {
    await resolve(outside)
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    if (error instanceof UserError) return `${error.message} | ${error.advice}`
  }
  return 'not refused'
}

const yaml = (text: string): Outside => ({ flags: { config: 'c.yaml' }, files: { 'c.yaml': text } })

describe('precedence', () => {
  test('what a job says itself only a flag overrides; the rest it has as everybody', async () => {
    const text = 'market: um\nperiod: 4h\njobs:\n  - period: 1h\n  - symbols: BTCUSDT\n'
    const jobsOf = async (flags: Partial<Record<SettingName, string>>) => {
      const given = new Map(Object.entries({ config: 'c.yaml', ...flags }) as [SettingName, string][])
      const world = testWorld({ env: { PERIODS: '1d' }, files: { 'c.yaml': text } })
      const { jobs } = await resolveSettings(world, given, all)
      return jobs.map(({ settings }) => [settings.market, settings.period])
    }
    expect(await jobsOf({})).toEqual([
      ['um', ['1h']],
      ['um', ['1d']],
    ])
    expect(await jobsOf({ period: '5m' })).toEqual([
      ['um', ['5m']],
      ['um', ['5m']],
    ])
  })

  const levels: readonly (readonly [string, Outside, string, string])[] = [
    ['default', {}, '15m', 'default'],
    ['config', { env: { CONFIG: 'c.yaml' } }, '1h', 'config'],
    ['variable', { env: { CONFIG: 'c.yaml', PERIODS: '4h' } }, '4h', 'variable'],
    ['flag', { env: { CONFIG: 'c.yaml', PERIODS: '4h' }, flags: { period: '1d' } }, '1d', 'flag'],
  ]
  for (const [name, outside, value, origin] of levels) {
    test(`${name} over what comes after it`, async () => {
      const { settings, origins } = await resolve({ ...outside, files: { 'c.yaml': 'period: 1h' } })
      expect([settings.period, origins.period]).toEqual([[value as '1h'], origin as 'flag'])
    })
  }

  test('every setting is read from its variable, and every default can be read', async () => {
    const { settings } = await resolve({})
    for (const [name, { fallback }] of settingEntries) {
      if (fallback !== null) expect([name, settings[name] === null]).toEqual([name, false])
    }
    const { origins } = await resolve({ env: { DEFAULT_SYMBOLS: 'A', MAX_WORKERS: '2', LOG_LEVEL: 'DEBUG' } })
    expect([origins.symbols, origins.maxWorkers, origins.logLevel]).toEqual([
      'variable',
      'variable',
      'variable',
    ])
    expect((await resolve({ env: { LOG_LEVEL: 'Warning' } })).settings.logLevel).toBe('warning')
  })

  test('what the command does not have is neither read nor refused', async () => {
    const { settings, origins } = await resolve({ env: { PERIODS: 'nonsense' } }, ['symbols'])
    expect([settings.period, origins.period]).toEqual([null, undefined])
    expect(await refusal({ env: { PERIODS: 'nonsense' } })).toStartWith('PERIODS takes 1s')
  })
})

describe('variables', () => {
  test('an empty one is none, for NAME_FILE too', async () => {
    const { settings, origins } = await resolve({ env: { MAX_WORKERS: '', PERIODS_FILE: '' } })
    expect([settings.maxWorkers, origins.maxWorkers, origins.period]).toEqual([4, 'default', 'default'])
  })

  test('an API key that no header can hold is refused at once, and not shown', async () => {
    const said = await refusal({ env: { BINANCE_API_KEY: 'schlüssel' } })
    expect(said).toContain('BINANCE_API_KEY takes ASCII')
    expect(said).not.toContain('schlüssel')
  })

  test('a variable loses one line break at its end too: it would name another database', async () => {
    const env = { MONGODB_URI: 'mongodb://h/binance\n', SQLITE_PATH: 'a\r\n\n', MAX_WORKERS: '\n' }
    const { settings, origins } = await resolve({ env })
    expect(settings).toMatchObject({ mongodbUri: 'mongodb://h/binance', sqlitePath: 'a\r\n', maxWorkers: 4 })
    expect(origins.maxWorkers).toBe('default')
  })

  test('NAME_FILE holds the value, one line break at its end aside', async () => {
    const files = { '/run/secrets/pg': 'postgres://u:p@h/d\r\n', two: 'a\n\n' }
    const { settings, origins } = await resolve({ env: { POSTGRESQL_URI_FILE: '/run/secrets/pg' }, files })
    expect([settings.postgresqlUri, origins.postgresqlUri]).toEqual(['postgres://u:p@h/d', 'variable'])
    expect((await resolve({ env: { SQLITE_PATH_FILE: 'two' }, files })).settings.sqlitePath).toBe('a\n')
  })

  test('both, or a file that cannot be read, are refused', async () => {
    const both = { env: { PERIODS: '1h', PERIODS_FILE: 'f' }, files: { f: '1h' } }
    expect(await refusal(both)).toBe('PERIODS and PERIODS_FILE are both set | keep one of them')
    expect(await refusal({ env: { PERIODS_FILE: '/none' } })).toBe(
      'PERIODS_FILE names the file /none, which cannot be read (ENOENT) | check the path and its rights',
    )
  })

  test('a flag makes its variable unread', async () => {
    const { settings } = await resolve({ env: { PERIODS_FILE: '/none' }, flags: { period: '1h' } })
    expect(settings.period).toEqual(['1h'])
  })

  test('SHARDS joins the index that Kubernetes gives, unless a shard was named', async () => {
    const kubernetes = { SHARDS: '4', JOB_COMPLETION_INDEX: '2' }
    expect((await resolve({ env: kubernetes })).settings.shard).toEqual({ index: 2, of: 4 })
    expect((await resolve({ env: { ...kubernetes, SHARD: '0/2' } })).settings.shard).toEqual({
      index: 0,
      of: 2,
    })
    expect((await resolve({ env: kubernetes, flags: { shard: '1/3' } })).settings.shard?.of).toBe(3)
    const files = { s: '4\n', i: '3\n' }
    const mounted = { SHARDS_FILE: 's', JOB_COMPLETION_INDEX_FILE: 'i' }
    expect((await resolve({ env: mounted, files })).settings.shard).toEqual({ index: 3, of: 4 })
    expect(await refusal({ env: { SHARDS: '4' } })).toContain('SHARDS is set without JOB_COMPLETION_INDEX')
    expect(await refusal({ env: { SHARDS: '2', JOB_COMPLETION_INDEX: '2' } })).toContain(
      'JOB_COMPLETION_INDEX takes i/n',
    )
  })
})

describe('the file of --config', () => {
  test('keys are flags, aliases or variables, in any case, with - or _', async () => {
    const { settings } = await resolve(
      yaml('symbol: BTCUSDT\nINTERVAL: 1h\nmax_workers: 3\nBINANCE_API_URL: http://h/\nweight-share: 0.5\n'),
    )
    expect([settings.symbols, settings.period, settings.maxWorkers]).toEqual([['BTCUSDT'], ['1h'], 3])
    expect([settings.apiUrl, settings.weightShare]).toEqual(['http://h', 0.5])
  })

  test('lists, comments, switches; an empty file says nothing', async () => {
    const { settings } = await resolve(yaml('# mine\nsymbols: [A, B]\nperiod:\n  - 1m\n  - 1h\njson: true\n'))
    expect([settings.symbols, settings.period, settings.json]).toEqual([['A', 'B'], ['1m', '1h'], true])
    expect((await resolve(yaml(''))).settings.period).toEqual(['15m'])
    expect((await resolve(yaml('# nothing\n'))).settings.period).toEqual(['15m'])
  })

  test('dates stay as they are written', async () => {
    const { settings } = await resolve(yaml('start: 2024-01-31\nend: 1711065600000\n'))
    expect([settings.start, settings.end]).toEqual([
      { atMs: Date.UTC(2024, 0, 31) },
      { atMs: 1_711_065_600_000 },
    ])
  })

  const refused: readonly (readonly [string, string, string])[] = [
    [
      'an unknown key, with its line and the nearest',
      'json: true\nperid: 1h',
      "line 2: unknown key 'perid' | did you mean period?",
    ],
    [
      'an unknown key like no other',
      'x: 1',
      "line 1: unknown key 'x' | the keys are the flags without their dashes",
    ],
    ['a key said twice', 'period: 1h\n\nperiod: 1m', "line 3: 'period' is said twice"],
    ['a key said twice in two spellings', 'period: 1h\nINTERVAL: 1m', "line 2: 'INTERVAL' is said twice"],
    [
      'a bad value, with its line',
      'json: true\nmax-workers: many',
      'c.yaml, line 2: max-workers takes a whole number',
    ],
    ['numbers that are reshaped', 'max-workers: 1e1', "not '1e1'"],
    ['an empty value', 'period:', 'line 1: period takes a value or a list of values'],
    ['a map as a value', 'period: {a: 1}', 'line 1: period takes a value or a list of values'],
    ['YAML that is none', 'period: [1h\nsymbols: A', 'mend the file'],
    ['a list instead of settings', '- a\n- b', 'line 1: not a list of settings'],
    ['a text instead of settings', 'hello', 'not a list of settings'],
    ['a config in the config', 'config: other.yaml', "unknown key 'config'"],
  ]
  for (const [name, text, words] of refused) {
    test(`refuses ${name}`, async () => {
      expect(await refusal(yaml(text))).toContain(words)
    })
  }

  test('a file that is not there', async () => {
    expect(await refusal({ flags: { config: 'no.yaml' } })).toContain('--config names the file no.yaml')
  })
})

describe('secrets', () => {
  test('a refused secret is not told', async () => {
    const secrets = settingEntries.filter(([, setting]) => 'secret' in setting).map(([name]) => name)
    expect(secrets).toEqual(['dbUri', 'postgresqlUri', 'mysqlUri', 'mongodbUri', 'apiToken', 'apiKey'])
    for (const [name, setting] of settingEntries) {
      if (!/uri|key|token|password/i.test(name)) continue
      expect([name, 'secret' in setting]).toEqual([name, true])
    }
  })

  test('an empty flag needs a value', async () => {
    expect(await refusal({ flags: { symbols: '' } })).toStartWith('--symbols needs a value')
    expect(await refusal({ flags: { dbUri: '' } })).toStartWith('--db-uri has a value that makes no sense')
  })
})

test('no two settings share a flag, an alias or a variable', () => {
  const names = Object.values(settingTable).flatMap((setting) => [
    setting.flag,
    ...('aliases' in setting ? (setting.aliases ?? []) : []),
  ])
  const flags = names.filter((name) => name !== null)
  expect(new Set(flags).size).toBe(flags.length)
  const variables = settingEntries.flatMap(([, { variable }]) => variable ?? [])
  expect(new Set(variables).size).toBe(variables.length)
})

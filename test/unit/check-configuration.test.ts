// What petrosa check says of the configuration: every variable and every key of --config is read, also those
// that are for other commands, since whoever tries the configuration means all of it.
import { expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../../src/cli/program.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { testWorld, type WorldOptions } from '../rig/world.ts'

type Check = { readonly name: string; readonly ok: boolean; readonly detail: string; readonly advice: string }

/** What is found about the configuration, and the exit code; nothing else is in reach. */
async function configurationOf(options: WorldOptions, words: readonly string[] = []) {
  const clock = virtualClock()
  const refuse = async (): Promise<Response> => {
    throw Object.assign(new TypeError('Unable to connect'), { code: 'ConnectionRefused' })
  }
  const env = { SOURCE: 'rest', SQLITE_PATH: join(tmpdir(), 'petrosa-check-none.db'), ...options.env }
  const world = testWorld({ ...clock, fetch: refuse, ...options, env })
  const code = await clock.run(runProgram(['check', '--json', ...words], world))
  const { checks } = JSON.parse(world.out()) as { readonly checks: readonly Check[] }
  return { code, found: checks.filter(({ name }) => name === 'configuration') }
}

test('where every setting makes sense, the rest decides', async () => {
  const env = { PERIODS: '1m,1h', DEFAULT_SYMBOLS: 'all', SHARD: '0/3' }
  expect(await configurationOf({ env })).toEqual({
    code: 75,
    found: [{ name: 'configuration', ok: true, detail: 'every setting makes sense', advice: '' }],
  })
})

test('each variable that makes none is named, whoever would read it: 2', async () => {
  const env = { PERIODS: '7m', MAX_WORKERS: 'many', PORT: 'frob', API_TOKEN: 'my s3cret' }
  const { code, found } = await configurationOf({ env })
  expect(code).toBe(2)
  expect(found.map(({ ok }) => ok)).toEqual([false, false, false, false])
  const said = found.map(({ detail }) => detail).join('\n')
  expect(said).toMatch(/PERIODS takes 1s, 1m/)
  expect(said).toMatch(/MAX_WORKERS takes/)
  expect(said).toMatch(/PORT takes/)
  expect(said).toMatch(/API_TOKEN takes/)
  expect(said).not.toContain('s3cret')
  expect(found.filter(({ advice }) => advice === '')).toEqual([])
})

test('so is a key of --config, and one of a job', async () => {
  const config = 'lookback-hours: soon\njobs:\n  - { dataset: klines, period: 5x }\n'
  const { code, found } = await configurationOf({ files: { 'a.yaml': config } }, ['--config', 'a.yaml'])
  expect(code).toBe(2)
  expect(found.map(({ detail }) => detail)).toEqual([
    expect.stringMatching(/a\.yaml, line 3: period takes/),
    expect.stringMatching(/a\.yaml, line 1: lookback-hours takes/),
  ])
})

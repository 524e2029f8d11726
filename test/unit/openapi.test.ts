// The description of the routes, held against the routes: it is a valid document, it names what is there
// and nothing else, and the real answers have the shapes that it says.

import { describe, expect, test } from 'bun:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { openApi } from '../../src/server/openapi.ts'
import { answerChecker } from '../rig/openapi-flaws.ts'
import { bearing, servedRig } from '../rig/served.ts'

const document = openApi('1.2.3', true)
const flaws = answerChecker(document)

test('it is a valid document, with a token and without', async () => {
  for (const hasToken of [true, false]) {
    const { valid, errors } = await new Validator().validate(structuredClone(openApi('1.2.3', hasToken)))
    expect([valid, errors ?? []]).toEqual([true, []])
  }
})

test('it is what /openapi.json answers', async () => {
  for (const token of ['right', null]) {
    const response = await servedRig({ token }).ask('/openapi.json')
    expect(await response.json()).toEqual(JSON.parse(JSON.stringify(openApi('1.2.3', token !== null))))
  }
})

test('every path of it is answered, and every path that is answered is in it', async () => {
  const { ask } = servedRig()
  const about = (await (await ask('/')).json()) as { routes: string[] }
  expect(about.routes).toEqual(Object.keys(document.paths))
  for (const [path, methods] of Object.entries(document.paths)) {
    const response = await ask(path, { method: 'TRACE' })
    expect([path, response.status]).toEqual([path, 405])
    const allowed = (response.headers.get('allow') ?? '').split(', ').filter((method) => method !== 'HEAD')
    expect(allowed.map((method) => method.toLowerCase())).toEqual(Object.keys(methods))
  }
  const without = Object.keys(openApi('1.2.3', false).paths)
  expect(about.routes.filter((path) => !without.includes(path))).toEqual(['/api/run', '/api/gaps/fill'])
})

describe('the answers have the shapes that it says', () => {
  const klines = '?symbol=BTCUSDT&period=1m'
  const gets: readonly (readonly [string, string, number, string?])[] = [
    ['/', '', 200],
    ['/', '', 200, 'text/html'],
    ['/healthz', '', 200],
    ['/ready', '', 200],
    ['/metrics', '', 200],
    ['/api/status', '', 200],
    ['/api/status', '?x=1', 400],
    ['/api/gaps', '', 200],
    ['/api/gaps', '?open=1', 400],
    ['/api/timeline', '', 200],
    ['/api/timeline', '?cells=7&start=2024-03-01', 200],
    ['/api/timeline', '?cells=0', 400],
    ['/api/errors', '', 200],
    ['/api/klines', klines, 200],
    ['/api/klines', '', 400],
    ['/events', '', 200],
    ['/events', '?since=1', 400],
    ['/status', '', 200],
    ['/openapi.json', '', 200],
  ]
  for (const [path, query, status, accept] of gets) {
    test(`GET ${path}${query}${accept ? ` as ${accept}` : ''}`, async () => {
      const headers = { accept: accept ?? '*/*' }
      const response = await servedRig().ask(path + query, { headers })
      if (accept !== undefined) expect(response.headers.get('content-type')).toStartWith(accept)
      expect(response.status).toBe(status)
      expect(await flaws(path, 'get', response)).toBeNull()
    })
  }

  test('those that go wrong', async () => {
    const rig = servedRig({
      unready: async () => ['no store'],
      stored: () => ({ series: [], gaps: [], gapsLeftOut: 3, lines: [] }),
      jobs: () => [],
      weights: () => [],
    })
    for (const path of ['/ready', '/api/status', '/api/gaps'])
      expect(await flaws(path, 'get', await rig.ask(path))).toBeNull()
    while (rig.streams.open([])) expect(rig.streams.listeners()).toBeLessThan(100)
    expect(await flaws('/events', 'get', await rig.ask('/events'))).toBeNull()
    while ((await rig.ask('/api/gaps')).status === 200) expect(rig.defects).toEqual([])
    for (const path of ['/api/gaps', '/events']) {
      const response = await rig.ask(path)
      expect([response.status, await flaws(path, 'get', response)]).toEqual([429, null])
    }
  })

  test('those that start something', async () => {
    for (const path of ['/api/run', '/api/gaps/fill']) {
      const answers = [
        await servedRig().ask(path, { method: 'POST', headers: bearing('right') }),
        await servedRig().ask(path, { method: 'POST' }),
        await servedRig().ask(path, { method: 'POST', headers: bearing('right'), body: '{' }),
        await servedRig().ask(path, { method: 'POST', headers: bearing('right'), body: 'x'.repeat(20_000) }),
        await servedRig({ start: () => ({ known: ['a'], started: [], leasedSeries: null }) }).ask(path, {
          ...{ method: 'POST', headers: bearing('right') },
        }),
        await servedRig({ start: () => ({ known: [], started: [], leasedSeries: null }) }).ask(path, {
          ...{ method: 'POST', headers: bearing('right') },
        }),
      ]
      expect(answers.map(({ status }) => status)).toEqual([202, 401, 400, 413, 409, 404])
      for (const answer of answers) expect(await flaws(path, 'post', answer)).toBeNull()
    }
  })

  test('and another shape is seen', async () => {
    const stored = { series: [{ series: 'x' }], gaps: [], gapsLeftOut: 0, lines: [] }
    const response = await servedRig({ stored: () => stored }).ask('/api/status')
    expect(await flaws('/api/status', 'get', response)).not.toBeNull()
  })
})

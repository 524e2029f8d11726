// The routes of serve mode: what they answer, what they refuse, and that the description of them is true.
import { describe, expect, test } from 'bun:test'
import { UnavailableError } from '../../src/errors.ts'
import { bearing, sampleSummary, servedRig } from '../rig/served.ts'

const json = async (response: Response): Promise<unknown> => response.json()

describe('what those ask who run it', () => {
  test('healthz is 200, whatever else is wrong', async () => {
    const broken = servedRig({
      unready: async () => ['the store is down'],
      metrics: () => Promise.reject(new Error('broken')),
      stored: () => {
        throw new Error('broken')
      },
    })
    const response = await broken.ask('/healthz')
    expect([response.status, await json(response)]).toEqual([200, { status: 'ok' }])
  })

  test('ready says why not', async () => {
    expect((await servedRig().ask('/ready')).status).toBe(200)
    const response = await servedRig({ unready: async () => ['it is stopping'] }).ask('/ready')
    expect([response.status, await json(response)]).toEqual([
      503,
      { ready: false, reasons: ['it is stopping'] },
    ])
  })

  test('metrics are text of the right type', async () => {
    const response = await servedRig().ask('/metrics')
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await response.text()).toBe('up 1\n')
  })
})

describe('what is told', () => {
  test('the root: JSON for programs, the page for people', async () => {
    const { ask } = servedRig()
    expect(await json(await ask('/'))).toMatchObject({
      name: 'petrosa',
      version: '1.2.3',
      uptime_seconds: 12.345,
    })
    const page = await ask('/', { headers: { accept: 'text/html,*/*' } })
    expect(page.headers.get('content-type')).toStartWith('text/html')
    expect(await page.text()).toBe(await (await ask('/status')).text())
  })

  test('the status: several jobs are one pass, and the host nearest to its limit the exchange', async () => {
    const status = await json(await servedRig().ask('/api/status'))
    expect(status).toMatchObject({
      pass: { running: false, series_done: 2, series_total: 2, rows_written: 2 },
      last_pass: sampleSummary,
      next_pass_at: '2024-03-22T00:01:03.000Z',
      exchange: {
        ...{ weight_used: 1_200, weight_limit: 2_400, banned_until: '2024-03-22T00:01:30.000Z' },
        hosts: [{ pause_seconds: null }, { pause_seconds: 60 }],
      },
      series: [{ series: 'spot/klines/BTCUSDT/1m', gap_rows: 1 }],
    })
  })

  test('the status while two jobs run', async () => {
    const rows = { rowsDone: 150, rowsPlanned: 1_000 }
    const pass = {
      running: true,
      startedAtMs: 2_000,
      seriesDone: 3,
      seriesTotal: 10,
      rowsWritten: 100,
      ...rows,
    }
    const idle = {
      running: false,
      startedAtMs: 9_000,
      seriesDone: 7,
      seriesTotal: 7,
      rowsWritten: 7,
      ...rows,
    }
    const job = { name: 'a', schedule: '* * * * *', nextPassAtMs: null, lastPass: null }
    const jobs = [
      { ...job, pass },
      { ...job, pass: { ...pass, startedAtMs: 1_000 } },
      { ...job, pass: idle },
    ]
    expect(await json(await servedRig({ jobs: () => jobs }).ask('/api/status'))).toMatchObject({
      pass: {
        ...{ running: true, started_at: '1970-01-01T00:00:01.000Z' },
        ...{ series_done: 6, series_total: 20, rows_written: 200, rows_done: 300, rows_planned: 2_000 },
      },
      last_pass: null,
      next_pass_at: null,
    })
  })

  test('gaps: all, of one series, or only open ones', async () => {
    const { ask } = servedRig()
    const verdicts = async (query: string): Promise<string[]> => {
      const { gaps } = (await json(await ask(`/api/gaps${query}`))) as { gaps: { verdict: string }[] }
      return gaps.map(({ verdict }) => verdict)
    }
    expect(await verdicts('')).toEqual(['missing', 'outage'])
    expect(await verdicts('?open=true')).toEqual(['missing'])
    expect(await verdicts('?series=spot/klines/BTCUSDT/1m')).toEqual(['missing', 'outage'])
    expect(await verdicts('?series=spot/klines/ETHUSDT/1m')).toEqual([])
  })

  test('candles: market, symbol, period and times reach whoever reads them', async () => {
    const { ask, asked } = servedRig()
    await ask('/api/klines?market=um&symbol=币安人生USDT&period=1h&start=2024-03-01&end=1710000000000')
    await ask('/api/klines?symbol=BTCUSDT&period=1M')
    await ask('/api/klines?symbol=A&period=1m&start=2024-02-29T12:00&end=2024-02-29T14:00:01.5%2B02:00')
    expect(asked).toEqual([
      {
        ...{ market: 'um', symbol: '币安人生USDT', period: '1h' },
        ...{ startMs: Date.UTC(2024, 2, 1), endMs: 1_710_000_000_000 },
      },
      { market: 'spot', symbol: 'BTCUSDT', period: '1M', startMs: null, endMs: null },
      {
        ...{ market: 'spot', symbol: 'A', period: '1m' },
        ...{ startMs: Date.UTC(2024, 1, 29, 12), endMs: Date.UTC(2024, 1, 29, 12, 0, 1, 500) },
      },
    ])
  })

  test('a store that does not answer is 503 with what to do, a defect is 500 and told', async () => {
    const down = new UnavailableError('the store is away', 'start it')
    const response = await servedRig({ klines: () => Promise.reject(down) }).ask(
      '/api/klines?symbol=A&period=1m',
    )
    expect([response.status, await json(response)]).toEqual([503, { error: 'the store is away; start it' }])
    const broken = servedRig({ klines: () => Promise.reject(new Error('secret detail')) })
    const defect = await broken.ask('/api/klines?symbol=A&period=1m')
    expect([defect.status, await json(defect)]).toEqual([
      500,
      { error: 'a defect of petrosa; its log says more' },
    ])
    expect(String(broken.defects[0])).toContain('secret detail')
    expect(broken.met).toEqual(['GET /api/klines'])
  })

  test('the page loads nothing, and its policy lets nothing run but its own script and style', async () => {
    const response = await servedRig().ask('/status')
    const html = await response.text()
    expect(html).not.toMatch(/<(script|link|img)[^>]+(src|href)="(?!data:)/)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).not.toContain('unsafe')
    for (const name of ['script', 'style']) {
      const text = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(html)?.[1] ?? ''
      expect(text.length).toBeGreaterThan(5_000)
      const hash = new Bun.CryptoHasher('sha256').update(text).digest('base64')
      expect(policy).toContain(`${name}-src 'sha256-${hash}'`)
    }
  })
})

describe('refused', () => {
  test('an unknown path: 404 as JSON; another method: 405 with what is allowed', async () => {
    const { ask } = servedRig()
    const unknown = await ask('/api/nothing')
    expect([unknown.status, await json(unknown)]).toEqual([404, { error: 'there is no /api/nothing' }])
    for (const [path, allow] of [
      ['/api/status', 'GET, HEAD'],
      ['/healthz', 'GET, HEAD'],
      ['/api/run', 'POST'],
      ['/', 'GET, HEAD'],
    ] as const) {
      for (const method of [
        'PUT',
        'DELETE',
        'PATCH',
        'OPTIONS',
        ...(allow === 'POST' ? ['GET'] : ['POST']),
      ]) {
        const response = await ask(path, { method, headers: bearing('right') })
        expect([path, method, response.status, response.headers.get('allow')]).toEqual([
          path,
          method,
          405,
          allow,
        ])
      }
    }
    expect((await ask('/healthz', { method: 'HEAD' })).status).toBe(200)
  })

  test('too many requests of one address: 429 and when to come again; others go on', async () => {
    const { ask, clock } = servedRig()
    let served = 0
    while ((await ask('/api/status')).status === 200) served += 1
    expect(served).toBe(120)
    const late = await ask('/api/gaps')
    expect([late.status, late.headers.get('retry-after')]).toEqual([429, '1'])
    expect((await ask('/api/status', {}, '10.0.0.2')).status).toBe(200)
    for (const path of ['/healthz', '/ready', '/metrics']) expect((await ask(path)).status).toBe(200)
    await clock.advance(1_000)
    for (let i = 0; i < 20; i += 1) expect((await ask('/api/status')).status).toBe(200)
    expect((await ask('/api/status')).status).toBe(429)
  })
})

describe('the routes that change something', () => {
  const post = (path: string, headers: Record<string, string> = {}, body?: string) =>
    [path, { method: 'POST', headers, ...(body === undefined ? {} : { body }) }] as const

  test('are not there without a token', async () => {
    const { ask, started } = servedRig({ token: null })
    for (const path of ['/api/run', '/api/gaps/fill']) {
      expect((await ask(...post(path, bearing('right')))).status).toBe(404)
      expect((await ask(path)).status).toBe(404)
    }
    expect(started).toEqual([])
  })

  test('are for those who bear the token: 401 else', async () => {
    const { ask, started } = servedRig()
    const wrong = ['wrong', 'righ', 'rightt', 'RIGHT', '']
    const headers = [{}, ...wrong.map(bearing), { authorization: 'Basic right' }, { authorization: 'right' }]
    for (const header of headers) {
      const response = await ask(...post('/api/run', header as Record<string, string>))
      expect([header, response.status]).toEqual([header, 401])
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
      expect(await response.text()).not.toContain('right')
    }
    expect(started).toEqual([])
    expect((await ask(...post('/api/run', { authorization: 'bearer  right' }))).status).toBe(202)
  })

  test('start every job, or one by its name', async () => {
    const { ask, started } = servedRig()
    const all = await ask(...post('/api/run', bearing('right')))
    expect([all.status, await json(all)]).toEqual([202, { started: ['other'], leased_series: 7 }])
    await ask(...post('/api/run', bearing('right'), '{"job":"other"}'))
    await ask(...post('/api/gaps/fill', bearing('right'), '{}'))
    expect(started).toEqual([
      ['fetch', null],
      ['fetch', 'other'],
      ['gaps', null],
    ])
  })

  test('409 while it runs, 404 for what there is not, 400 for what makes no sense', async () => {
    const busy = servedRig({ start: () => ({ known: ['one'], started: [], leasedSeries: null }) })
    const running = await busy.ask(...post('/api/run', bearing('right')))
    expect([running.status, await json(running)]).toEqual([409, { error: 'it runs already: one' }])
    const none = servedRig({ start: () => ({ known: [], started: [], leasedSeries: null }) })
    const unknown = await none.ask(...post('/api/run', bearing('right'), '{"job":"nix"}'))
    expect([unknown.status, await json(unknown)]).toEqual([404, { error: 'no such job: nix' }])
    expect((await none.ask(...post('/api/gaps/fill', bearing('right')))).status).toBe(404)
    for (const body of ['{', '[]', '{"job":5}', '{"name":"x"}', '"x"'])
      expect((await servedRig().ask(...post('/api/run', bearing('right'), body))).status).toBe(400)
  })
})

test('every answer forbids to load, to frame, to guess its type and to tell where it came from', async () => {
  const { ask } = servedRig()
  for (const path of ['/', '/healthz', '/status', '/nothing', '/api/klines', '/events', '/metrics']) {
    const { headers } = await ask(path)
    expect([path, headers.get('content-security-policy')]).toEqual([
      path,
      expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
    ])
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('access-control-allow-origin')).toBeNull()
  }
})

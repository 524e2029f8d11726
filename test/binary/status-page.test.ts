// The status page in a real browser: it says what is complete and what is not, in any light and at any width,
// keeps to its policy, hears of news, draws candles, and stays quick with a thousand series.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Browser, Page } from 'puppeteer-core'
import type { JobView } from '../../src/server/served.ts'
import { benchAt, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { embedded } from '../rig/binary-databases.ts'
import { hasBrowser, openBrowser } from '../rig/browser.ts'
import { type PageServer, startPageServer } from '../rig/page-server.ts'
import { type PageState, pageStates } from '../rig/page-states.ts'
import { isQuiet } from '../rig/real-time.ts'
import { removeWorkFolders, workFolder } from '../rig/run-petrosa.ts'
import { servePetrosa } from '../rig/serve-petrosa.ts'
import { project } from '../rig/sources.ts'
import { spawnExchange } from '../rig/spawn-exchange.ts'

const testInBrowser = hasBrowser ? test : test.skip
const axe = await Bun.file(join(project, 'node_modules', 'axe-core', 'axe.min.js')).text()

let browser: Browser
beforeAll(async () => {
  if (hasBrowser) browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await removeWorkFolders()
})

type Looked = {
  readonly page: Page
  /** What the browser complained of. */
  readonly complaints: readonly string[]
}

type Eyes = { readonly width?: number; readonly scheme?: 'light' | 'dark' }

/** Opens the page, and waits until it shows what it was told. */
async function lookAt(url: string, { scheme = 'light', width = 1280 }: Eyes = {}): Promise<Looked> {
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('console', (message) => void complaints.push(message.text()))
  page.on('pageerror', (error) => void complaints.push(String(error)))
  page.on('requestfailed', (request) => void complaints.push(`failed: ${request.url()}`))
  await page.setViewport({ width, height: 800 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  await page.goto(`${url}/status`, { waitUntil: 'domcontentloaded' })
  await page.waitForFunction(
    "document.querySelector('#connection[data-live=yes]') && document.querySelector('#tiles *')",
  )
  return { page, complaints }
}

/** The page of a state, looked at while `work` goes on. */
async function withPage(
  state: PageState,
  eyes: Eyes,
  work: (looked: Looked, server: PageServer) => Promise<void>,
): Promise<void> {
  const server = await startPageServer(state)
  const looked = await lookAt(server.url, eyes)
  try {
    await work(looked, server)
    expect([looked.complaints, server.defects]).toEqual([[], []])
  } finally {
    await looked.page.close()
    await server.stop()
  }
}

const textOf = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, (element) => element.textContent?.trim().replace(/\s+/g, ' ') ?? '')
const until = (page: Page, expression: string): Promise<unknown> =>
  page.waitForFunction(expression, { timeout: 10_000 })

describe('in any light and at any width', () => {
  const states = ['calm', 'empty', 'busy', 'broken'] as const
  for (const name of states) {
    testInBrowser(
      `${name}: nothing that hinders anyone, and nothing too wide`,
      async () => {
        const server = await startPageServer(pageStates[name])
        for (const [scheme, width] of [
          ['light', 1280],
          ['dark', 360],
          ...(name === 'broken'
            ? ([
                ['dark', 1280],
                ['light', 360],
              ] as const)
            : []),
        ] as const) {
          const { complaints, page } = await lookAt(server.url, { scheme, width })
          if (name !== 'empty') await until(page, "document.querySelector('#list').children.length > 0")
          expect([width, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([width, width])
          // Not by a script element: the policy of the page would refuse it.
          await page.evaluate(axe)
          const { violations } = (await page.evaluate('axe.run()')) as {
            violations: { id: string; nodes: { html: string; failureSummary: string }[] }[]
          }
          const said = violations.map(({ id, nodes }) => [id, nodes[0]?.html, nodes[0]?.failureSummary])
          expect([scheme, width, said]).toEqual([scheme, width, []])
          expect(complaints).toEqual([])
          await page.close()
        }
        await server.stop()
      },
      30_000,
    )
  }
})

describe('what it says', () => {
  testInBrowser('all is well', () =>
    withPage(pageStates.calm, {}, async ({ page }) => {
      await until(page, "document.querySelector('#verdict').dataset.level === 'good'")
      expect(await textOf(page, '#headline')).toBe('All 24 series are complete')
      expect(await page.title()).toContain('All 24 series are complete')
      expect(await textOf(page, '#tiles')).toContain('of 6,000 allowed a minute')
    }),
  )

  testInBrowser('nothing yet, and what runs', () =>
    withPage(pageStates.empty, {}, async ({ page }) => {
      await until(page, "document.querySelector('#headline').textContent === 'Nothing is stored yet'")
      expect(await textOf(page, '#explained')).toBe('The first pass is running: 0 of 412 series done.')
      expect(await textOf(page, '#tiles')).toContain('412')
    }),
  )

  testInBrowser('what is missing, why, and what goes wrong; and what was sent is text, never markup', () =>
    withPage(pageStates.broken, {}, async ({ page }) => {
      await until(page, "document.querySelector('#verdict').dataset.level === 'bad'")
      expect(await textOf(page, '#headline')).toBe('9,480 rows are missing in 2 series')
      const alerts = await textOf(page, '#alerts')
      expect(alerts).toContain('The store does not answer')
      expect(alerts).toContain('connection refused; start it')
      expect(alerts).toContain('The exchange makes us wait until')
      expect(await textOf(page, '#tiles')).toContain('paused')
      const reasons = await textOf(page, '#reasons')
      for (const said of ['missing: 9,000 rows in 2 gaps of 2 series', 'lost: 420 rows', 'behind: 10 series'])
        expect(reasons).toContain(said)
      expect(await textOf(page, '#list li:first-child')).toContain('SOLUSDT')
      expect(await textOf(page, '#errors')).toContain('<b>400</b>')
      expect(await page.$('#errors li div b')).toBeNull()
      // By more than colour: a sign and words.
      const mark = '#list li:first-child'
      expect([await textOf(page, `${mark} .mark`), await textOf(page, `${mark} .state`)]).toEqual([
        '▲',
        'state 5,400 missing',
      ])
      const runs = await page.$$eval('#list li:nth-child(2) .cells', (cells) =>
        cells.map((one) => one.className),
      )
      for (const verdict of ['rows', 'missing', 'lost', 'unpublished', 'outage'])
        expect(runs).toContain(`cells ${verdict}`)
    }),
  )
})

describe('what it does', () => {
  testInBrowser('a series that is chosen, by keyboard too, shows its candles and its gaps', () =>
    withPage(pageStates.broken, {}, async ({ page }) => {
      await until(page, "document.querySelector('#list').children.length > 1")
      await page.focus('#list li:first-child .row')
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await until(page, "document.querySelector('#details-title').textContent === 'spot/klines/BTCUSDT/1m'")
      await until(page, "document.querySelector('#chart').dataset.candles === '210'")
      await until(page, "document.querySelectorAll('#gaps tbody tr').length === 4")
      expect(await textOf(page, '#gaps')).toContain('lost')
      expect(await textOf(page, '#details-text')).toContain('400 <b>bad request</b>')
      expect(await page.$eval('#chart', (chart) => chart.getAttribute('aria-label'))).toContain('210 candles')
      // Candles in the colours of rising and falling.
      const drawn = await page.evaluate(`(() => {
        const colors = new Set()
        for (const canvas of document.querySelectorAll('#chart canvas')) {
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
          for (let i = 0; i < data.length; i += 4)
            if (data[i + 3] === 255) colors.add([...data.slice(i, i + 3)].join())
        }
        return ['59,158,125', '200,35,44'].map((color) => colors.has(color))
      })()`)
      expect(drawn).toEqual([true, true])
    }),
  )

  testInBrowser('news come by the stream, and a program that is gone is told of', async () => {
    const server = await startPageServer(pageStates.empty)
    const { complaints, page } = await lookAt(server.url)
    await until(page, "document.querySelector('#headline').textContent === 'Nothing is stored yet'")
    await page.evaluate("window.mine = 'not loaded again'")
    server.set(pageStates.broken)
    server.streams.send({ event: 'stored', data: { series: 25, gaps: 18 } })
    await until(page, "document.querySelector('#headline').textContent.startsWith('9,480 rows')")
    const error = { at: new Date().toISOString(), kind: 'failure', message: 'it broke anew', count: 1 }
    server.streams.send({ event: 'trouble', data: { errors: [error] } })
    await until(page, "document.querySelector('#errors').textContent.includes('it broke anew')")
    server.streams.send({ event: 'ready', data: { ready: true, reasons: [] } })
    await until(page, "!document.querySelector('#alerts').textContent.includes('store does not answer')")
    const pass = { ...passOf(pageStates.busy.jobs?.() ?? []), series_done: 17 }
    server.streams.send({ event: 'pass', data: pass })
    await until(page, "document.querySelector('#tiles').textContent.includes('Series left in this pass7')")
    expect([complaints, await page.evaluate('window.mine')]).toEqual([[], 'not loaded again'])
    await server.stop()
    await until(page, "document.querySelector('#headline').textContent === 'petrosa does not answer'")
    await page.close()
  })

  testInBrowser('a thousand series are filtered, ordered and scrolled at once', () =>
    withPage(pageStates.thousand, {}, async ({ page }) => {
      await until(page, "document.querySelector('#list').children.length === 1000")
      const took = (await page.evaluate(`(async () => {
        for (const one of document.querySelectorAll('#list .row > *')) one.known = true
        const field = document.querySelector('#filter')
        const shown = () => document.querySelector('#list').children.length
        const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
        const after = async (value, count) => {
          const from = performance.now()
          field.value = value
          field.dispatchEvent(new Event('input'))
          while (shown() !== count) await frame()
          await frame()
          return performance.now() - from
        }
        const filtered = []
        for (const [text, count] of [['aa0', 1], ['', 1000], ['aa', 2], ['', 1000]])
          filtered.push(await after(text, count))
        const list = document.querySelector('#list')
        const from = performance.now()
        for (let i = 0; i < 20; i += 1) { list.scrollTop += 1500; await frame() }
        return [...filtered, (performance.now() - from) / 20]
      })()`)) as number[]
      console.log(
        `a thousand series, ms: to filter, and a frame of scrolling: ${took.map(Math.round).join(' ')}`,
      )
      if (isQuiet) for (const ms of took) expect(ms).toBeLessThan(250)
      // What makes it quick: rows stay the elements that they are, and those out of sight are not laid out.
      const [drawnAgain, isSkipped] = (await page.evaluate(`(() => {
        const rows = document.querySelectorAll('#list .row > *')
        const { contentVisibility } = getComputedStyle(document.querySelector('#list li'))
        return [[...rows].filter((one) => one.known !== true).length, contentVisibility === 'auto']
      })()`)) as [number, boolean]
      expect([drawnAgain, isSkipped]).toEqual([0, true])
      await page.click('[data-choose="missing"]')
      await until(page, "document.querySelector('#list').children.length === 25")
      expect(await textOf(page, '#shown')).toBe('25 series shown')
    }),
  )
})

const passOf = (jobs: readonly JobView[]): Record<string, unknown> => {
  const [{ pass } = { pass: null }] = jobs
  return {
    running: true,
    started_at: new Date().toISOString(),
    series_total: 24,
    rows_written: 1,
    rows_done: pass?.rowsDone,
    rows_planned: pass?.rowsPlanned,
  }
}

testInBrowser('the compiled program has the page within: it shows what a pass stores', async () => {
  const symbols = ['AAAUSDT', 'BBBUSDT'].map((symbol) => plainSymbol(symbol))
  const startMs = Date.parse('2024-03-22T00:00:20Z')
  const exchange = await spawnExchange({ symbols, clock: { startMs }, limits: NO_LIMITS })
  const folder = workFolder()
  const { env, flags } = benchAt(exchange, folder, await embedded.place(folder))
  const words = ['klines', '--serve', '--json', ...flags, '--symbols', 'AAAUSDT,BBBUSDT', '--source', 'rest']
  const serving = await servePetrosa([...words, '--period', '1h', '--lookback-hours', '48'], {
    cwd: folder,
    env,
  })
  const { complaints, page } = await lookAt(serving.url)
  await until(page, "document.querySelector('#headline').textContent === 'All 2 series are complete'")
  await until(page, "document.querySelector('#chart').dataset.candles === '48'")
  expect(await textOf(page, '#explained')).toBe('96 rows stored, none missing.')
  expect(await textOf(page, '#jobs')).toContain('gaps of spot klines AAAUSDT,BBBUSDT 1h')
  expect(complaints).toEqual([])
  await page.close()
  await serving.stop()
  await exchange.stop()
})

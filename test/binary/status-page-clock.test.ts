// The status page where its surroundings are not as usual: a browser whose clock is wrong, and more who
// listen than there is room for.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Browser, Page } from 'puppeteer-core'
import { MOST_LISTENERS } from '../../src/server/event-streams.ts'
import { hasBrowser, openBrowser } from '../rig/browser.ts'
import { type PageServer, startPageServer } from '../rig/page-server.ts'
import { type PageState, pageStates } from '../rig/page-states.ts'

const testInBrowser = hasBrowser ? test : test.skip
const DAY_MS = 86_400_000

let browser: Browser
beforeAll(async () => {
  if (hasBrowser) browser = await openBrowser()
})
afterAll(() => browser?.close())

/** The page of a state, in a browser whose clock is ahead by so much, while `work` goes on. */
async function withPage(
  state: PageState,
  aheadMs: number,
  work: (page: Page, server: PageServer) => Promise<void>,
): Promise<void> {
  const server = await startPageServer(state)
  const page = await browser.newPage()
  try {
    await page.evaluateOnNewDocument(`{
      const now = Date.now
      Date.now = () => now.call(Date) + ${aheadMs}
    }`)
    await work(page, server)
    expect(server.defects).toEqual([])
  } finally {
    await page.close()
    await server.stop()
  }
}

const textOf = (page: Page, selector: string): Promise<string> =>
  page.$eval(selector, (element) => element.textContent?.trim().replace(/\s+/g, ' ') ?? '')
const { weights = () => [] } = pageStates.broken
const open = (page: Page, { url }: PageServer): Promise<unknown> =>
  page.goto(`${url}/status`, { waitUntil: 'domcontentloaded' })

for (const aheadMs of [-2 * DAY_MS, 2 * DAY_MS])
  testInBrowser(
    `says how long a ban lasts, and when the next pass is due, ${aheadMs / DAY_MS} days off`,
    () =>
      withPage({ ...pageStates.calm, weights }, aheadMs, async (page, server) => {
        await open(page, server)
        await page.waitForFunction("document.querySelector('#alerts').textContent.includes('makes us wait')")
        expect(await textOf(page, '#alerts')).toMatch(/bans this address for 4[12] min/)
        expect(await textOf(page, '#tiles')).toMatch(/in \d\d? s/)
      }),
  )

testInBrowser('goes on by asking where there is no place for one more who listens', () =>
  withPage(pageStates.calm, 0, async (page, server) => {
    for (let i = 0; i < MOST_LISTENERS; i += 1) server.streams.open([])
    await page.evaluateOnNewDocument(`
      window.headlines = []
      addEventListener('DOMContentLoaded', () => {
        const headline = document.querySelector('#headline')
        new MutationObserver(() => headlines.push(headline.textContent)).observe(headline, {
          ...{ childList: true, characterData: true, subtree: true },
        })
      })`)
    await open(page, server)
    await page.waitForFunction("document.querySelector('#headline').textContent.includes('complete')")
    await page.waitForFunction("document.querySelector('#connection').textContent === 'asked every 10 s'")
    // The browser tries the stream again after 10 s.
    await Bun.sleep(11_000)
    expect(await textOf(page, '#connection')).toBe('asked every 10 s')
    const headlines = (await page.evaluate('headlines')) as string[]
    expect(headlines.filter((text) => text.includes('does not answer'))).toEqual([])
  }),
)

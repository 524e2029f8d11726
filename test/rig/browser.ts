// Chromium without a window, for tests of the status page. Where there is none they are skipped with a word
// about it, except in continuous integration, where that is a failure.
import { existsSync } from 'node:fs'
import puppeteer, { type Browser } from 'puppeteer-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The path of the browser, or null. */
export const chromium: string | null = Bun.env.CHROMIUM ?? places.find((path) => existsSync(path)) ?? null

const isNeeded = (Bun.env.CI ?? '') !== ''
if (!chromium && !isNeeded)
  console.warn(
    'tests of the status page are skipped: no Chromium (apt-get install chromium, or set CHROMIUM)',
  )

/** Whether tests of the page run; in continuous integration they do, and fail without a browser. */
export const hasBrowser = chromium !== null || isNeeded

/** Starts the browser. Throws where there is none. */
export async function openBrowser(): Promise<Browser> {
  if (!chromium) throw new Error('there is no Chromium: apt-get install chromium')
  return puppeteer.launch({
    executablePath: chromium,
    // Root, as continuous integration is, has no sandbox; containers have a small /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--force-color-profile=srgb'],
  })
}

// Makes the page of its parts: one document with style and script inside, and the policy that lets exactly
// these two be used. deploy/build.ts calls it for the binary, page.ts where the program runs from sources.
import { createHash } from 'node:crypto'
import { join } from 'node:path'

export type Page = {
  readonly html: string
  /** Its Content-Security-Policy. */
  readonly policy: string
}

const folder = import.meta.dir
const styles = ['style.css', 'headline.css', 'series.css'] as const

/** The page. Throws an AggregateError with every message of the bundler. */
export async function bundlePage(from: string = folder): Promise<Page> {
  const built = await Bun.build({
    entrypoints: [join(from, 'browser', 'main.ts')],
    target: 'browser',
    format: 'iife',
    minify: true,
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  const [bundle] = built.outputs
  if (!bundle) throw new Error('the script of the status page came to nothing')
  // Nothing in a script may end its element.
  const script = (await bundle.text()).trim().replaceAll('</script', '<\\/script')
  const texts = await Promise.all(styles.map((name) => Bun.file(join(from, name)).text()))
  const style = texts.join('\n').trim()
  const frame = await Bun.file(join(from, 'page.html')).text()
  const html = frame.replace('/* style */', () => style).replace('/* script */', () => script)
  return { html, policy: policyOf(style, script) }
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

function policyOf(style: string, script: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    "connect-src 'self'",
    'img-src data:',
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}

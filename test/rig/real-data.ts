// Where the recordings of real Binance data are. They are not part of the repository: tests that want them
// skip, and say so, where they are missing.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

const beside = resolve(import.meta.dir, '..', '..', '..', 'shared', 'data')

/**
 * The folder of recorded data: REAL_DATA_DIR, else `../shared/data` beside the checkout; null, loudly,
 * without one.
 */
export function realDataDir(file: string): string | null {
  const dir = Bun.env.REAL_DATA_DIR || beside
  if (existsSync(join(dir, 'MANIFEST.md'))) return dir
  console.warn(`SKIPPED in ${file}: no recorded data at ${dir}; set REAL_DATA_DIR to its folder`)
  return null
}

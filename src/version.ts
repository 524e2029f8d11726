// The version of the program. deploy/build.ts puts it in place of PETROSA_VERSION; run from its sources the
// program has none of its own and says so.
declare const PETROSA_VERSION: string | undefined

/** For example `1.2.3+0123456789ab`; `source` when nothing was built. */
export const version: string = typeof PETROSA_VERSION === 'string' ? PETROSA_VERSION : 'source'

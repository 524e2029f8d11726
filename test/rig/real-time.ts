// Tests that hold the program to seconds of the real clock need a machine that does nothing else: they run
// where REAL_TIME_TESTS is set, and are skipped, with a word about it, elsewhere.
import { test } from 'bun:test'

/** Whether the machine does nothing else. */
export const isQuiet = Bun.env.REAL_TIME_TESTS === '1'
if (!isQuiet)
  console.warn('tests by the real clock are skipped; REAL_TIME_TESTS=1 runs them on a quiet machine')

/** `test` where REAL_TIME_TESTS=1, else `test.skip`. */
export const testInRealTime = isQuiet ? test : test.skip

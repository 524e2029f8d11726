// Holding the program to milliseconds and seconds of the real clock takes a machine that does nothing else:
// that is done where REAL_TIME_TESTS is set. Elsewhere such tests see that all works, however long it takes,
// or are skipped.
import { test } from 'bun:test'

/** Whether the machine does nothing else. */
export const isQuiet = Bun.env.REAL_TIME_TESTS === '1'
if (!isQuiet)
  console.warn('nothing is held to seconds of the real clock; REAL_TIME_TESTS=1 does that on a quiet machine')

/** `test` where REAL_TIME_TESTS=1, else `test.skip`. */
export const testInRealTime = isQuiet ? test : test.skip

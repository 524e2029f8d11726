// The settings of verify alone: what is compared with the exchange, and whether it is put right.
import { setting } from './setting.ts'
import { onOff, share, wholeNumber } from './values.ts'

/** Seeds have 32 bits. */
const LARGEST_SEED = 2 ** 32 - 1

export const verifySettings = {
  sample: setting({
    flag: 'sample',
    variable: null,
    read: share,
    fallback: null,
    fallbackHelp: 'none',
    value: 'SHARE',
    help: 'fetch this part of what is stored again and compare it: 1%, 0.01, 100%',
  }),
  seed: setting({
    flag: 'seed',
    variable: null,
    read: wholeNumber(0, LARGEST_SEED),
    fallback: null,
    fallbackHelp: 'a random one, told in the result',
    value: 'NUMBER',
    help: 'what chooses the sample: the same seed asks for the same pages',
  }),
  checkArchives: setting({
    flag: 'archives',
    variable: null,
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'find archives that were published anew since they were taken in',
  }),
  repair: setting({
    flag: 'repair',
    variable: null,
    read: onOff,
    fallback: 'false',
    value: null,
    help: "put the exchange's rows in the place of those that it contradicts, and keep what they replace",
  }),
}

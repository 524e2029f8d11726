// Chance that can be replayed. A test file takes its seed here once; the seed is printed, and the same
// TEST_SEED brings the same values back. TEST_RUNS makes every property run more often, for a long search;
// TEST_MOST_RUNS bounds what they run by themselves, where it is only to be seen which lines they reach.

const SEEDS = 2 ** 31
const DEFAULT_RUNS = 300

function wholeNumber(name: string): number | null {
  const text = Bun.env[name]
  if (text === undefined || text === '') return null
  if (!/^\d{1,10}$/.test(text)) throw new Error(`${name} is "${text}"; give a whole number`)
  return Number(text)
}

/** The seed of a test file: TEST_SEED, or else a random one. Printed, with the command that replays it. */
export function seedFor(file: string): number {
  const seed = wholeNumber('TEST_SEED') ?? Math.floor(Math.random() * SEEDS)
  console.log(`seed of ${file}: ${seed} (replay: TEST_SEED=${seed} bun test ${file})`)
  return seed
}

/** How a test file runs its properties: `fc.assert(property, runs)`. Prints the seed; call it once a file. */
export function runsFor(
  file: string,
  defaultRuns = DEFAULT_RUNS,
): { readonly seed: number; readonly numRuns: number } {
  const most = wholeNumber('TEST_MOST_RUNS') ?? defaultRuns
  return { seed: seedFor(file), numRuns: wholeNumber('TEST_RUNS') ?? Math.min(defaultRuns, most) }
}

/** How many of its stories a file tells in each real store: TEST_STORE_RUNS, or so many. */
export function runsInStores(defaultRuns: number): number {
  return wholeNumber('TEST_STORE_RUNS') ?? defaultRuns
}

/** Numbers in [0, 1) that depend on the seed alone (mulberry32, 32 bits of state). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

// Thousands of simulated stories of gaps, and a tenth as many lives of replicas, where CI tells hundreds and
// a few: `bun run simulate [seeds] [from]`. A seed that fails is printed with the command that replays it,
// and the search goes on behind it. `SEED=n bun run simulate` tells that story alone. Each run tells a few in
// the real stores too; TEST_STORE_RUNS=n makes it so many.

/** How many of the seeds each file gets. */
const parts = { gaps: 1, 'tick-gaps': 1, replicas: 0.1 }
const FILES = Object.entries(parts).map(
  ([name, part]) => [`test/simulation/${name}.simulation.test.ts`, part] as const,
)
const DEFAULT_SEEDS = 5_000
const SEEDS = 2 ** 31
/** Stories of one process: a few minutes' worth, between two lines of the report. */
const SEEDS_A_RUN = 500

function wholeNumber(text: string | undefined, otherwise: number): number {
  if (text === undefined || text === '') return otherwise
  if (/^\d{1,10}$/.test(text)) return Number(text)
  console.error(`'${text}' is no whole number; say: bun run simulate [seeds] [from]`)
  process.exit(2)
}

/** The output of the stories of some seeds; `failed` is the first seed that fails, null where none does. */
async function tell(
  file: string,
  from: number,
  count: number,
): Promise<{ failed: number | null; said: string }> {
  const child = Bun.spawn([process.execPath, 'test', '--timeout', '3600000', file], {
    env: { ...process.env, TEST_SEED: String(from), TEST_RUNS: String(count) },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  if ((await child.exited) === 0) return { failed: null, said: '' }
  const seed = /story (\d+)|\(fail\).*TEST_SEED=(\d+)/
    .exec(out + err)
    ?.slice(1)
    .find(Boolean)
  return { failed: seed === undefined ? from + count - 1 : Number(seed), said: out + err }
}

async function search(file: string, from: number, seeds: number): Promise<readonly number[]> {
  const failures: number[] = []
  for (let next = from; next < from + seeds; ) {
    const count = Math.min(SEEDS_A_RUN, from + seeds - next)
    const { failed, said } = await tell(file, next, count)
    if (failed !== null) {
      failures.push(failed)
      console.log(said)
      console.log(`seed ${failed} fails; replay: SEED=${failed} bun run simulate`)
    }
    next = failed === null ? next + count : failed + 1
    console.log(`${file}: ${next - from} of ${seeds} seeds from ${from}, ${failures.length} failed`)
  }
  return failures
}

const one = process.env.SEED
const seeds = one ? 1 : wholeNumber(process.argv[2], DEFAULT_SEEDS)
const from = wholeNumber(one ?? process.argv[3], Math.floor(Math.random() * SEEDS))
const failed: number[] = []
for (const [file, part] of FILES) failed.push(...(await search(file, from, Math.ceil(seeds * part))))
console.log(failed.length === 0 ? `no seed fails` : `seeds that fail: ${failed.join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)

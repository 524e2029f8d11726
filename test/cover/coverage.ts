// How many lines of each part of src the tests that run in this process reach, and whether that is enough.
// The compiled program is tested too, and is not counted here. Whether tests pass is not judged: `bun run
// test` does that. The last line says what is missing; the exit code is 1 where a part falls short.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listPaths, project } from '../rig/sources.ts'

/** The least share of lines that must be reached, in percent. */
const leastOf: Readonly<Record<string, number>> = { core: 98, datasets: 98, stores: 95, binance: 90, cli: 85 }

/** Tests of the compiled program reach nothing here, and those of the rig nothing of src. */
const suites = [
  'test/unit',
  'test/simulation',
  'test/contract',
  'test/readme.test.ts',
  'test/security/fuzz.test.ts',
]
/** Tests of the rig, and long ones that reach nothing that others do not. */
const idle = ['**/rig-*.test.ts', '**/growth.test.ts', '**/{replicas,serve,shards}.simulation.test.ts']
/** What runs in a browser, or only as a process of its own. */
const elsewhere = /^src\/(main\.ts$|server\/status-page\/browser\/|stores\/sqlite\/worker\.ts$)/

const LIMIT_MS = 1_200_000

/** Every property is run in full by `bun run test`: after so many cases hardly any new line is reached. */
const FEW_CASES = { TEST_MOST_RUNS: '40', TEST_STORE_RUNS: '1' }

type Lines = { found: number; hit: number }

/** Runs the tests; gives the report in the words of lcov. Throws where there is none. */
async function measure(folder: string): Promise<string> {
  const preload = join(project, 'test', 'cover', 'inline-worker.ts')
  const report = ['--coverage', '--coverage-reporter=lcov', `--coverage-dir=${folder}`]
  const left = idle.flatMap((pattern) => ['--path-ignore-patterns', pattern])
  const words = [
    'test',
    '--timeout',
    '60000',
    '--parallel=3',
    '--preload',
    preload,
    ...report,
    ...left,
    ...suites,
  ]
  const run = Bun.spawn([process.execPath, ...words], {
    cwd: project,
    env: { ...FEW_CASES, ...process.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const limit = setTimeout(() => run.kill(), LIMIT_MS)
  const said = await new Response(run.stderr).text()
  await run.exited
  clearTimeout(limit)
  const file = Bun.file(join(folder, 'lcov.info'))
  if (!(await file.exists())) throw new Error(`no coverage was measured: ${said.slice(-2_000)}`)
  const counts = said.match(/^ *\d+ (pass|fail|skip)$/gm) ?? []
  console.log(`tests that were measured: ${counts.map((line) => line.trim()).join(', ')}`)
  return file.text()
}

/** The lines of each file that was loaded. */
function readReport(text: string): Map<string, Lines> {
  const files = new Map<string, Lines>()
  for (const record of text.split('end_of_record')) {
    const path = /^SF:(.*)$/m.exec(record)?.[1]
    const [found, hit] = ['LF', 'LH'].map((name) =>
      Number(new RegExp(`^${name}:(\\d+)$`, 'm').exec(record)?.[1] ?? 0),
    )
    if (path) files.set(path, { found: found ?? 0, hit: hit ?? 0 })
  }
  return files
}

/** The lines of code of a file that no test has loaded; none where it holds types only. */
async function unreached(path: string): Promise<Lines> {
  const text = await Bun.file(join(project, path)).text()
  const code = new Bun.Transpiler({ loader: 'ts' }).transformSync(text)
  return { found: code.split('\n').filter((line) => line.trim() !== '').length, hit: 0 }
}

const folder = mkdtempSync(join(tmpdir(), 'petrosa-coverage-'))
const files = readReport(
  await measure(folder).finally(() => rmSync(folder, { recursive: true, force: true })),
)
const areas = new Map<string, Lines>()
const poor: string[] = []
for (const path of listPaths().filter((one) => /^src\/.*\.ts$/.test(one) && !elsewhere.test(one))) {
  const lines = files.get(path) ?? (await unreached(path))
  const name = path.split('/')[1] ?? ''
  const area = areas.get(name) ?? { found: 0, hit: 0 }
  areas.set(name, { found: area.found + lines.found, hit: area.hit + lines.hit })
  if (name in leastOf && lines.found - lines.hit > 9)
    poor.push(`  ${path}: ${lines.found - lines.hit} of ${lines.found} lines`)
}
const short: string[] = []
for (const [name, { found, hit }] of [...areas].toSorted()) {
  const percent = found === 0 ? 100 : (100 * hit) / found
  const least = leastOf[name]
  const isShort = least !== undefined && percent < least
  if (isShort) short.push(name)
  console.log(
    `${name.padEnd(12)} ${percent.toFixed(2).padStart(6)} % of ${found} lines` +
      `${least ? `, at least ${least} %` : ''}${isShort ? ': SHORT' : ''}`,
  )
}
if (poor.length > 0) console.log(`most is not reached in\n${poor.join('\n')}`)
console.log(
  short.length === 0 ? 'coverage: enough everywhere' : `coverage: too little in ${short.join(', ')}`,
)
process.exit(short.length === 0 ? 0 : 1)

// Who may import whom, read from the imports themselves: layers, one door per package, a core that touches
// nothing, drivers that load only when a store is opened. A new layer or package is one line in a table here,
// on purpose.
import { describe, expect, test } from 'bun:test'
import { codeOf, importsOf, packageOf, resolveImport } from './rig/imports.ts'
import { readSources, type SourceFile } from './rig/sources.ts'

const outside = ['core', 'errors', 'world', 'version']
const sides = ['server', 'observe', 'datasets', 'stores', 'binance']

/** A layer is a folder of src or a file beside main.ts, and may import itself and what stands here. */
const layers: Readonly<Record<string, readonly string[]>> = {
  main: ['cli', 'settings', ...sides, ...outside],
  index: ['library', ...outside],
  library: ['datasets', 'stores', 'binance', ...outside],
  cli: ['settings', ...sides, ...outside],
  server: outside,
  observe: outside,
  datasets: ['core', 'errors'],
  stores: outside,
  binance: outside,
  settings: outside,
  world: ['core', 'errors'],
  core: ['errors'],
  errors: [],
  version: [],
}

/**
 * The one place each package may be imported in; a package that is not named here may be imported nowhere.
 */
const doors: Readonly<Record<string, RegExp>> = {
  citty: /^src\/cli\//,
  'cli-progress': /^src\/observe\/progress\.ts$/,
  consola: /^src\/observe\/log\.ts$/,
  croner: /^src\/server\/(loop|schedule)\.ts$/,
  hono: /^src\/server\/app\.ts$/,
  'lightweight-charts': /^src\/server\/status-page\/browser\/chart\.ts$/,
  'prom-client': /^src\/observe\/metrics\.ts$/,
  postgres: /^src\/stores\/postgresql(\.ts$|\/)/,
  mysql2: /^src\/stores\/mysql(\.ts$|\/)/,
  mongodb: /^src\/stores\/mongodb(\.ts$|\/)/,
  'bun:sqlite': /^src\/stores\/sqlite(\.ts$|\/)/,
  valibot: /^src\/(settings(\.ts$|\/)|binance\/|server\/|library\/)/,
  yaml: /^src\/(settings(\.ts$|\/)|cli\/config)/,
}
const tracing = /^src\/observe\/tracing(\.ts$|\/)/

/**
 * Too big, or too rarely needed, to be loaded with the program: `--help` starts in milliseconds without them.
 */
const lazy = /^(postgres|mysql2|mongodb|bun:sqlite|hono|prom-client|croner|@opentelemetry\/.*)$/

/** The outside world, which the core may know only as a value that is handed in. */
const worldly = new RegExp(
  [
    String.raw`(?<![.\w$])(?:process|console|Bun|globalThis|performance)\b(?!\s*:)`,
    String.raw`(?<![.\w$])(?:fetch|setTimeout|setInterval)\s*\(`,
    String.raw`\b(?:Date\.now|Math\.random)\b`,
    String.raw`\bnew Date\b(?!\s*\(\s*[^)\s])`,
  ].join('|'),
  'g',
)
const processUse = /(?<![.\w$])process\s*[.[]/g

const layerOf = (path: string): string => path.replace(/^src\//, '').replace(/[/.].*$/, '')

function breachesOfLayers(file: SourceFile): readonly string[] {
  const own = layerOf(file.path)
  const allowed = layers[own]
  if (!allowed) return [`${file.path}: no layer ${own}; name it in test/imports.test.ts`]
  return importsOf(file.text).flatMap(({ specifier }) => {
    const path = resolveImport(file, specifier)
    if (path === null) return []
    const target = path.startsWith('src/') ? layerOf(path) : path
    return target === own || allowed.includes(target) ? [] : [`${file.path} (${own}) imports ${path}`]
  })
}

function breachesOfDoors(file: SourceFile): readonly string[] {
  return importsOf(file.text).flatMap(({ specifier }) => {
    const name = packageOf(specifier)
    if (specifier.startsWith('.') || (!(name in doors) && /^(node|bun):/.test(name))) return []
    const door = name.startsWith('@opentelemetry/') ? tracing : doors[name]
    return door?.test(file.path) ? [] : [`${file.path} imports ${specifier}, which has its door elsewhere`]
  })
}

function breachesOfCore(file: SourceFile): readonly string[] {
  if (layerOf(file.path) !== 'core' && layerOf(file.path) !== 'errors') return []
  const packages = importsOf(file.text).filter(({ specifier }) => !specifier.startsWith('.'))
  const globals = codeOf(file.text).match(worldly) ?? []
  return [...packages.map(({ specifier }) => specifier), ...globals].map(
    (what) => `${file.path} uses ${what}`,
  )
}

function breachesOfProcess(file: SourceFile): readonly string[] {
  if (file.path === 'src/main.ts') return []
  const named = importsOf(file.text).some(({ specifier }) => specifier === 'node:process')
  return named || codeOf(file.text).match(processUse) ? [`${file.path} touches process`] : []
}

/** The lazy packages that are loaded with `src/main.ts`, each with the file that imports it. */
function eagerPackages(all: readonly SourceFile[]): readonly string[] {
  const byPath = new Map(all.map((file) => [file.path, file]))
  const queue = ['src/main.ts']
  const found: string[] = []
  for (const path of queue) {
    const file = byPath.get(path)
    if (!file) continue
    for (const { specifier, kind } of importsOf(file.text)) {
      if (kind !== 'static') continue
      const target = resolveImport(file, specifier)
      if (target === null && lazy.test(packageOf(specifier))) found.push(`${path} loads ${specifier}`)
      if (target !== null && !queue.includes(target)) queue.push(target)
    }
  }
  return found
}

const files = (await readSources('src/')).filter((file) => file.path.endsWith('.ts'))
const file = (path: string, ...lines: string[]): SourceFile => ({ path, text: lines.join('\n') })

describe('imports', () => {
  test('every relative import names a file that is there', () => {
    const paths = new Set(files.map(({ path }) => path))
    const missing = files.flatMap((from) =>
      importsOf(from.text)
        .map(({ specifier }) => resolveImport(from, specifier))
        .filter((path) => path?.endsWith('.ts') && path.startsWith('src/') && !paths.has(path)),
    )
    expect(missing).toEqual([])
    expect(files.flatMap(({ text }) => importsOf(text)).length).toBeGreaterThan(10)
  })

  test('layers import downwards only, and datasets never meet stores', () => {
    expect(files.flatMap(breachesOfLayers)).toEqual([])
  })

  test('each package has one door', () => {
    expect(files.flatMap(breachesOfDoors)).toEqual([])
  })

  test('the core has no package, no clock, no chance and no I/O of its own', () => {
    expect(files.flatMap(breachesOfCore)).toEqual([])
  })

  test('only main.ts touches process', () => {
    expect(files.flatMap(breachesOfProcess)).toEqual([])
  })

  test('drivers and servers are not loaded with the program', () => {
    expect(eagerPackages(files)).toEqual([])
  })
})

describe('the rules see a breach', () => {
  test('a dataset that meets a store, in any kind of import', () => {
    const kinds = [
      "import type { A } from '../stores/all.ts'",
      "import {\n  a,\n  type B,\n} from '../stores/all.ts'",
      "import '../stores/all.ts'",
      "export * from '../stores/all.ts'",
      "const a = await import('../stores/all.ts')",
    ]
    for (const line of kinds) expect(breachesOfLayers(file('src/datasets/x.ts', line))).toHaveLength(1)
    expect(breachesOfLayers(file('src/datasets/x.ts', "// import('../stores/all.ts')"))).toEqual([])
    expect(breachesOfLayers(file('src/helpers/x.ts', ''))).toHaveLength(1)
    expect(breachesOfLayers(file('src/core/x.ts', "import { a } from '../../test/rig/a.ts'"))).toHaveLength(1)
  })

  test('a package through the wrong door, or one without a door', () => {
    expect(breachesOfDoors(file('src/cli/x.ts', "import postgres from 'postgres'"))).toHaveLength(1)
    expect(breachesOfDoors(file('src/cli/x.ts', "import { x } from 'left-pad/x'"))).toHaveLength(1)
    expect(breachesOfDoors(file('src/cli/x.ts', "import { x } from '@opentelemetry/api'"))).toHaveLength(1)
    expect(breachesOfDoors(file('src/stores/postgresql.ts', "import postgres from 'postgres'"))).toEqual([])
    expect(breachesOfDoors(file('src/binance/archive.ts', "import zlib from 'node:zlib'"))).toEqual([])
  })

  test('a core that reaches outside', () => {
    const reaches = [
      'Date.now()',
      'Math.random()',
      'fetch("x")',
      'process.env',
      'console.log(1)',
      'new Date()',
    ]
    for (const reach of reaches) {
      expect(breachesOfCore(file('src/core/x.ts', `export const a = () => ${reach}`))).toHaveLength(1)
    }
    expect(breachesOfCore(file('src/core/x.ts', "import { join } from 'node:path'"))).toHaveLength(1)
    const allowed = ['source.fetch(a)', 'clock.random()', '"Date.now()"', 'new Date(5) // Date.now()']
    for (const code of allowed) {
      expect(breachesOfCore(file('src/core/x.ts', `export const a = () => ${code}`))).toEqual([])
    }
  })

  test('process outside main.ts', () => {
    expect(breachesOfProcess(file('src/cli/x.ts', 'process.exit(1)'))).toHaveLength(1)
    expect(breachesOfProcess(file('src/cli/x.ts', "import { exit } from 'node:process'"))).toHaveLength(1)
    expect(breachesOfProcess(file('src/main.ts', 'process.exit(1)'))).toEqual([])
  })

  test('a driver that loads with the program', () => {
    const main = file('src/main.ts', "import { a } from './a.ts'")
    const driver = file('src/b.ts', "import postgres from 'postgres'")
    expect(eagerPackages([main, file('src/a.ts', "import { b } from './b.ts'"), driver])).toHaveLength(1)
    expect(eagerPackages([main, file('src/a.ts', "await import('./b.ts')"), driver])).toEqual([])
    expect(eagerPackages([main, file('src/a.ts', "import type { B } from './b.ts'"), driver])).toEqual([])
  })
})

// What a TypeScript file imports, and its code without comments, types and strings, for the test that holds
// the layers. The files are formatted by Biome, so that an import statement begins a line.
import { posix } from 'node:path'
import type { SourceFile } from './sources.ts'

export type Import = {
  readonly specifier: string
  /** static: loaded with the file. dynamic: loaded when it is reached. type: never loaded. */
  readonly kind: 'static' | 'dynamic' | 'type'
}

const statement = /^(?:import|export)\s+(type\s+)?(?:(?:[\w$\s,*]|\{[^{}]*\})+?\sfrom\s+)?'([^'\n]+)'/gm
const call = /\bimport\(\s*'([^'\n]+)'/g
const commentLine = /^\s*(?:\/\/|\/?\*).*$/gm

/** Every import and re-export of a file, in order of their kind. */
export function importsOf(text: string): readonly Import[] {
  const code = text.replace(commentLine, '')
  const statements = [...code.matchAll(statement)].map(
    ([, type, specifier = '']): Import => ({ specifier, kind: type ? 'type' : 'static' }),
  )
  const calls = [...code.matchAll(call)].map(([, specifier = '']): Import => ({ specifier, kind: 'dynamic' }))
  return [...statements, ...calls]
}

/** The path of what a relative specifier in `file` points to, or null when it names a package. */
export function resolveImport(file: SourceFile, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : null
}

/** The package of a specifier: `hono` of `hono/sse`, `@a/b` of `@a/b/c`, `node:` and `bun:` names whole. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

const transpiler = new Bun.Transpiler({ loader: 'ts' })

/** The code of a file as it runs: without comments and types, every quoted string empty. */
export function codeOf(text: string): string {
  return transpiler.transformSync(text).replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, "''")
}

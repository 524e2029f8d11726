// Reads the YAML file of --config into keys, values and line numbers; what the keys mean is resolve.ts's
// business.
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import { UserError } from '../errors.ts'

export type ConfigEntry = { readonly key: string; readonly value: string; readonly line: number }

/** One entry of the list of jobs: its own settings, and the line that it begins in. */
export type ConfigJob = { readonly line: number; readonly entries: readonly ConfigEntry[] }

export type ConfigFile = { readonly entries: readonly ConfigEntry[]; readonly jobs: readonly ConfigJob[] }

/** Jobs of one file, at most. */
const MOST_JOBS = 1_000

/**
 * The settings of a YAML file, and its list of jobs under `jobs`. Throws UserError with the line where it is
 * not a list of `key: value`.
 */
export function readConfigFile(text: string, path: string): ConfigFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false })
  const lineOf = (offset: number): number => lines.linePos(offset).line
  const problem = document.errors[0]
  if (problem) {
    const said = problem.message.split('\n')[0]?.replace(/ at line \d+.*$/, '') ?? 'it is not YAML'
    throw new UserError(`${path}, line ${lineOf(problem.pos[0])}: ${said}`, 'mend the file')
  }
  const contents = document.contents
  if (contents === null) return { entries: [], jobs: [] }
  if (!isMap(contents))
    throw new UserError(`${path}, line 1: not a list of settings`, 'write key: value lines')
  const pairs = contents.items.map((pair) => pairOf(pair, lineOf))
  const jobs = pairs.filter(({ key }) => key === 'jobs')
  if (jobs.length > 1) throw new UserError(`${path}, line ${jobs[1]?.line}: 'jobs' is said twice`, 'keep one')
  return {
    entries: pairs.filter(({ key }) => key !== 'jobs').map((pair) => entryOf(pair, path)),
    jobs: jobs.flatMap((pair) => jobsOf(pair, path, lineOf)),
  }
}

type LineOf = (offset: number) => number
type ConfigPair = { readonly key: string; readonly line: number; readonly value: Node | null }

function pairOf(pair: Pair, lineOf: LineOf): ConfigPair {
  const keyNode = isScalar(pair.key) ? pair.key : null
  const line = lineOf(keyNode?.range?.[0] ?? 0)
  return { key: String(keyNode?.value ?? ''), line, value: pair.value as Node | null }
}

function entryOf({ key, line, value }: ConfigPair, path: string): ConfigEntry {
  return { key, value: valueText(value, `${path}, line ${line}: ${key}`), line }
}

function jobsOf({ line, value }: ConfigPair, path: string, lineOf: LineOf): ConfigJob[] {
  const advice = 'write a list: each job begins with - dataset: NAME'
  if (!isSeq(value)) throw new UserError(`${path}, line ${line}: 'jobs' is no list`, advice)
  if (value.items.length > MOST_JOBS)
    throw new UserError(`${path}, line ${line}: more than ${MOST_JOBS} jobs`, 'use patterns of symbols')
  return value.items.map((item) => {
    const node = item as Node
    const at = lineOf(node.range?.[0] ?? 0)
    if (!isMap(node)) throw new UserError(`${path}, line ${at}: a job is no list of settings`, advice)
    return { line: at, entries: node.items.map((pair) => entryOf(pairOf(pair, lineOf), path)) }
  })
}

/** A value as the text a flag would have: a list becomes a comma list. */
function valueText(node: Node | null, place: string): string {
  if (isSeq(node)) return node.items.map((item) => valueText(item as Node, place)).join(',')
  if (!isScalar(node) || node.value === null)
    throw new UserError(`${place} takes a value or a list of values`)
  // The text as it is written, so that 1e3 or 007 are refused by the setting and not reshaped here.
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
}

// Reads the YAML file of --config into keys, values and line numbers; what the keys mean is resolve.ts's
// business.
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { UserError } from '../errors.ts'

export type ConfigEntry = { readonly key: string; readonly value: string; readonly line: number }

/** The entries of a YAML file. Throws UserError with the line where it is not a list of `key: value`. */
export function configEntries(text: string, path: string): ConfigEntry[] {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false })
  const lineOf = (offset: number): number => lines.linePos(offset).line
  const problem = document.errors[0]
  if (problem) {
    const said = problem.message.split('\n')[0]?.replace(/ at line \d+.*$/, '') ?? 'it is not YAML'
    throw new UserError(`${path}, line ${lineOf(problem.pos[0])}: ${said}`, 'mend the file')
  }
  const contents = document.contents
  if (contents === null) return []
  if (!isMap(contents))
    throw new UserError(`${path}, line 1: not a list of settings`, 'write key: value lines')
  return contents.items.map((pair) => {
    const keyNode = isScalar(pair.key) ? pair.key : null
    const line = lineOf(keyNode?.range?.[0] ?? 0)
    const key = String(keyNode?.value ?? '')
    return { key, value: valueText(pair.value as Node | null, `${path}, line ${line}: ${key}`), line }
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

// So much of PromQL as the alert rules use, answered from scrapes that are kept in memory: what a rule finds
// at a moment. An expression of another kind is thrown, never guessed.
import { parser } from '@prometheus-io/lezer-promql'
import type { Sample } from './exposition.ts'

export type Scrape = { readonly atMs: number; readonly samples: readonly Sample[] }

type SyntaxNode = ReturnType<typeof parser.parse>['topNode']
type Labels = Readonly<Record<string, string>>
/** One series, and its values by time. */
type Series = { readonly labels: Labels; readonly points: readonly number[] }
type Value = readonly { readonly labels: Labels; readonly value: number }[]

/** A value that was not seen for longer is none, as for Prometheus, ms. */
const STALE_MS = 300_000
const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** What `text` finds at `atMs`, epoch ms; an alert fires where that is anything. */
export function query(text: string, scrapes: readonly Scrape[], atMs: number): Value {
  return new Answer(text, scrapes, atMs).of(childrenOf(parser.parse(text).topNode)[0])
}

class Answer {
  readonly #text: string
  readonly #scrapes: readonly Scrape[]
  readonly #atMs: number

  constructor(text: string, scrapes: readonly Scrape[], atMs: number) {
    this.#text = text
    this.#scrapes = scrapes
    this.#atMs = atMs
  }

  of(node: SyntaxNode | undefined): Value {
    switch (node?.name) {
      case 'VectorSelector':
        return this.#select(node, STALE_MS).map(({ labels, points }) => ({
          labels,
          value: points.at(-1) ?? 0,
        }))
      case 'AggregateExpr':
        return this.#gathered(node)
      case 'FunctionCall':
        return this.#increase(node)
      case 'BinaryExpr':
        return this.#compared(node)
      default:
        throw new Error(`no answer to ${node ? this.#textOf(node) : 'nothing'}`)
    }
  }

  #textOf = ({ from, to }: SyntaxNode): string => this.#text.slice(from, to)

  /** The series that fit a selector, with their values of the last `ms`. */
  #select(node: SyntaxNode, ms: number): Series[] {
    const name = this.#textOf(named(node, 'Identifier'))
    const matchers = all(node, 'UnquotedLabelMatcher').map((matcher) => {
      const [label, sign, value] = childrenOf(matcher).map((child) => this.#textOf(child))
      const wanted = String(JSON.parse(value ?? '""'))
      if (sign !== '=' && sign !== '=~') throw new Error(`no answer to ${sign}`)
      const fits = sign === '=' ? (text: string) => text === wanted : (text: string) => isAll(wanted, text)
      return (labels: Labels): boolean => fits(labels[label ?? ''] ?? '')
    })
    const found = new Map<string, { labels: Labels; points: number[] }>()
    for (const { atMs, samples } of this.#scrapes.filter(
      (one) => one.atMs > this.#atMs - ms && one.atMs <= this.#atMs,
    ))
      for (const { labels, name: own, value } of samples) {
        if (own !== name || !matchers.every((fits) => fits(labels))) continue
        const key = keyOf(labels)
        const series = found.get(key) ?? { labels, points: [] }
        series.points.push(value)
        found.set(key, series)
        if (atMs > this.#atMs) throw new Error('from the future')
      }
    return [...found.values()]
  }

  /** By how much counters grew; nothing where there are no two values. One that fell began anew. */
  #increase(node: SyntaxNode): Value {
    if (this.#textOf(named(node, 'FunctionIdentifier')) !== 'increase')
      throw new Error(`no answer to ${this.#textOf(node)}`)
    const [, count = '', unit = ''] = /^(\d+)(\w)$/.exec(this.#textOf(named(node, 'DurationExpr'))) ?? []
    const series = this.#select(named(node, 'VectorSelector'), Number(count) * (units[unit] ?? Number.NaN))
    return series
      .filter(({ points }) => points.length > 1)
      .map(({ labels, points }) => {
        const steps = points
          .slice(1)
          .map((value, i) => (value < (points[i] ?? 0) ? value : value - (points[i] ?? 0)))
        return { labels, value: steps.reduce((sum, step) => sum + step, 0) }
      })
  }

  #gathered(node: SyntaxNode): Value {
    const how = this.#textOf(named(node, 'AggregateOp'))
    const by = all(named(node, 'GroupingLabels'), 'LabelName').map(this.#textOf)
    const [inner] = childrenOf(named(node, 'FunctionCallBody'))
    const groups = new Map<string, { labels: Labels; values: number[] }>()
    for (const { labels, value } of this.of(inner)) {
      const own = Object.fromEntries(by.map((label) => [label, labels[label] ?? '']))
      const group = groups.get(keyOf(own)) ?? { labels: own, values: [] }
      group.values.push(value)
      groups.set(keyOf(own), group)
    }
    const join = {
      sum: (values: number[]) => values.reduce((a, b) => a + b, 0),
      max: (values: number[]) => Math.max(...values),
    }[how]
    if (!join) throw new Error(`no answer to ${how}`)
    return [...groups.values()].map(({ labels, values }) => ({ labels, value: join(values) }))
  }

  /** A comparison with a number keeps what it is true of; a division meets the same labels. */
  #compared(node: SyntaxNode): Value {
    const [left, sign, right] = childrenOf(node)
    if (!left || !sign || !right) throw new Error(`no answer to ${this.#textOf(node)}`)
    const operator = this.#textOf(sign)
    if (operator === '/') {
      const others = new Map(this.of(right).map(({ labels, value }) => [keyOf(labels), value]))
      return this.of(left).flatMap(({ labels, value }) => {
        const other = others.get(keyOf(labels))
        return other === undefined ? [] : [{ labels, value: value / other }]
      })
    }
    const holds = comparisons[operator]
    if (!holds || right.name !== 'NumberDurationLiteral')
      throw new Error(`no answer to ${this.#textOf(node)}`)
    return this.of(left).filter(({ value }) => holds(value, Number(this.#textOf(right))))
  }
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
}

const isAll = (pattern: string, text: string): boolean => new RegExp(`^(?:${pattern})$`).test(text)
const keyOf = (labels: Labels): string => JSON.stringify(Object.entries(labels).sort())

function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node.firstChild; child; child = child.nextSibling) children.push(child)
  return children
}

/** All nodes of a kind below one. */
function all(node: SyntaxNode, name: string): SyntaxNode[] {
  return childrenOf(node).flatMap((child) => (child.name === name ? [child] : all(child, name)))
}

function named(node: SyntaxNode, name: string): SyntaxNode {
  const [found] = all(node, name)
  if (!found) throw new Error(`no ${name}`)
  return found
}

// The rows of an archive as its faults leave them: sorted badly, doubled, contradicting each other or what is
// answered over REST, or not there. Line by line, so that a month of trades needs no memory.
import type { DatasetName } from '../../src/core/series.ts'
import type { CsvChunk } from './archive-csv.ts'
import type { ArchiveRule } from './archive-rules.ts'

/** Which columns the faults look at: that of the time, and one that may differ without breaking any rule. */
type Columns = { readonly time: number; readonly amount: number }
const candleColumns: Columns = { time: 0, amount: 5 }
const columns: Readonly<Record<DatasetName, Columns>> = {
  klines: candleColumns,
  'mark-price-klines': candleColumns,
  'index-price-klines': candleColumns,
  'premium-index-klines': { time: 0, amount: 8 },
  trades: { time: 4, amount: 2 },
  'agg-trades': { time: 5, amount: 2 },
  funding: { time: 0, amount: 2 },
}

/** One block (or row) in this many is hit, and the first one always. */
const ONE_IN = 16
const CHUNK_LINES = 10_000
const MICROSECONDS_FROM = 1e14

/** The single lines of chunks, without their line feeds. */
export function* linesOf(chunks: Iterable<CsvChunk>): Generator<string> {
  for (const chunk of chunks) {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1')
    let from = 0
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      yield text.slice(from, at)
      from = at + 1
    }
  }
}

/** Lines as chunks again. */
export function* chunksOf(lines: Iterable<string>): Generator<string> {
  let gathered: string[] = []
  for (const line of lines) {
    gathered.push(line)
    if (gathered.length < CHUNK_LINES) continue
    yield `${gathered.join('\n')}\n`
    gathered = []
  }
  if (gathered.length > 0) yield `${gathered.join('\n')}\n`
}

/** One line of each in turn, until both are over. */
export function* interleaved(first: Iterable<string>, second: Iterable<string>): Generator<string> {
  const sources = [second[Symbol.iterator](), first[Symbol.iterator]()]
  while (sources.length > 0) {
    for (const source of [...sources]) {
      const next = source.next()
      if (next.done) sources.splice(sources.indexOf(source), 1)
      else yield next.value
    }
  }
}

/** The lines of a file after one rule. Order is no line's matter: `unsorted-rows` leaves them as they are. */
export function faultyLines(
  lines: Iterable<string>,
  rule: ArchiveRule,
  dataset: DatasetName,
): Iterable<string> {
  const { amount } = columns[dataset]
  const isIn = (line: string): boolean => inSpan(rule, line, columns[dataset].time)
  switch (rule.kind) {
    case 'missing-rows':
      return keep(lines, (line) => !isIn(line))
    case 'doubled-rows':
      return doubled(lines, rule, isIn)
    case 'contradictory-rows':
      return each(lines, (line, number) =>
        isIn(line) && isChosen(rule, number) ? [line, withOtherAmount(line, amount)] : [line],
      )
    case 'altered-rows':
      return each(lines, (line, number) =>
        isIn(line) && isChosen(rule, number) ? [withOtherAmount(line, amount)] : [line],
      )
    case 'torn-row':
      return each(lines, (line, number) => (number === 0 ? [torn(line)] : [line]))
    default:
      return lines
  }
}

function* keep(lines: Iterable<string>, isKept: (line: string) => boolean): Generator<string> {
  for (const line of lines) if (isKept(line)) yield line
}

function* each(
  lines: Iterable<string>,
  change: (line: string, number: number) => readonly string[],
): Generator<string> {
  let number = 0
  for (const line of lines) {
    yield* change(line, number)
    number += 1
  }
}

/** Blocks of `rule.rows` lines, the chosen ones twice, one after the other. */
function* doubled(
  lines: Iterable<string>,
  rule: ArchiveRule,
  isIn: (line: string) => boolean,
): Generator<string> {
  const length = Math.max(1, rule.rows ?? 1)
  let block: string[] = []
  let number = 0
  const whole = (): string[] => {
    const out = isChosen(rule, number) ? [...block, ...block.filter(isIn)] : block
    block = []
    number += 1
    return out
  }
  for (const line of lines) {
    block.push(line)
    if (block.length === length) yield* whole()
  }
  yield* whole()
}

const isChosen = (rule: ArchiveRule, number: number): boolean =>
  number === 0 || Bun.hash.murmur32v3(`${rule.seed ?? 1}/${number}`) % ONE_IN === 0

function inSpan(rule: ArchiveRule, line: string, timeColumn: number): boolean {
  if (rule.fromMs === undefined && rule.toMs === undefined) return true
  const time = Number(line.split(',')[timeColumn])
  const timeMs = time >= MICROSECONDS_FROM ? Math.floor(time / 1_000) : time
  return timeMs >= (rule.fromMs ?? -Infinity) && timeMs < (rule.toMs ?? Infinity)
}

/** The last digit of one column one up (a nine: one down). */
function withOtherAmount(line: string, column: number): string {
  const fields = line.split(',')
  const field = fields[column] ?? ''
  const digit = Number(field.at(-1))
  return fields.with(column, `${field.slice(0, -1)}${digit === 9 ? 8 : digit + 1}`).join(',')
}

/** What is left of a line when its middle is lost. */
function torn(line: string): string {
  const third = Math.floor(line.length / 3)
  return line.slice(0, third) + line.slice(-third)
}

// Puts right what the checks found wrong in what is stored: the pages around it are fetched again, whatever
// the exchange contradicts is replaced, and the same checks are made once more. What they find no longer is
// repaired; a sum that the exchange's own candles contradict too is the exchange's.
import { ceilToPeriod, floorToPeriod } from '../calendar.ts'
import { seriesKey } from '../series.ts'
import { finderAround, meet, type Span, union } from '../span.ts'
import type { Store } from '../store.ts'
import type { Asked, Piece } from './asking.ts'
import { candlePairs } from './candle-pairs.ts'
import type { AskedSeries } from './exchange-check.ts'
import { type Findings, MOST_ERRORS, sameMatter, type VerifyFinding } from './findings.ts'
import { type CheckedSeries, rowFindings } from './row-findings.ts'
import { sumFinding, sumFindings } from './sum-check.ts'
import { type PageGrid, pagesAround } from './windows.ts'

/** A series that can be repaired. */
export type RepairableSeries = AskedSeries & {
  readonly store: Pick<Store, 'write' | 'ledger'> & CheckedSeries['store']
  readonly range: Span
  readonly grid: PageGrid
}

export type RepairOptions = {
  readonly findings: Findings
  readonly series: readonly RepairableSeries[]
  readonly signal: AbortSignal
  /** Compares pieces of a series with the exchange and takes in what differs. */
  readonly ask: (series: RepairableSeries, pieces: AsyncIterable<Piece>) => Promise<Asked>
}

/** What the exchange said of the suspicious parts of a series. */
type Looked = { readonly one: RepairableSeries; readonly parts: readonly Piece[]; readonly asked: Asked }

/** A repair may bring to light what a hole had hidden, and that what another had: so often, at most. */
const MOST_ROUNDS = 3

/** Repairs what `findings` keeps of errors in what is stored. Throws what ends the whole run. */
export async function repairFindings(options: RepairOptions): Promise<void> {
  const { findings } = options
  const told = findings.kept().filter(isOpen)
  let errors = told.filter(isOwn)
  for (let round = 0; round < MOST_ROUNDS && errors.length > 0; round += 1) {
    const looked = await askAround(options, errors)
    const again = await lookAgain(options, looked)
    // What only the store has was left alone, and may be why a sum does not come out.
    const besides = findings.kept().filter((one) => one.check === 'exchange' && isOpen(one))
    const left = [...again, ...besides]
    const known = errors
    findings.revise((finding) => (known.includes(finding) ? revised(finding, looked, left) : finding))
    // Of more than are kept nobody knows which were told: the next run has them.
    if (told.length >= MOST_ERRORS) return
    errors = again.filter((one) => !told.some((other) => sameMatter(one, other)))
    told.push(...errors)
    for (const error of errors) findings.add(error)
  }
}

/** Whether it is of what is stored by itself: what the exchange contradicts is repaired on the spot. */
const isOwn = ({ check }: VerifyFinding): boolean => check !== 'exchange' && check !== 'archive'

const isOpen = ({ repaired, severity }: VerifyFinding): boolean => severity === 'error' && !repaired

function concerns({ series, partner }: VerifyFinding, one: RepairableSeries): boolean {
  const key = seriesKey(one.series)
  return seriesKey(series) === key || (partner !== undefined && seriesKey(partner) === key)
}

/** Fetches the pages around errors, series by series. */
async function askAround(options: RepairOptions, errors: readonly VerifyFinding[]): Promise<Looked[]> {
  const looked: Looked[] = []
  for (const one of options.series) {
    options.signal.throwIfAborted()
    const own = errors.filter((error) => concerns(error, one))
    const parts = one.dataset.order === 'id' ? tradesOf(own) : pagesOf(one, own)
    if (parts.length > 0) looked.push({ one, parts, asked: await options.ask(one, inTurn(parts)) })
  }
  return looked
}

function pagesOf({ grid }: RepairableSeries, errors: readonly VerifyFinding[]): Piece[] {
  const pages = pagesAround(
    grid,
    errors.map(({ span }) => span),
  )
  return pages.map((span) => ({ kind: 'span', span }))
}

/** The trades that errors are about, each once. */
function tradesOf(errors: readonly VerifyFinding[]): Piece[] {
  const pieces = new Map<string, Piece>()
  for (const { ids, span } of errors)
    if (ids) pieces.set(`${ids.firstId} ${ids.lastId}`, { kind: 'ids', span, ids })
  return [...pieces.values()]
}

async function* inTurn(parts: readonly Piece[]): AsyncGenerator<Piece> {
  yield* parts
}

/** The errors that the same checks find now where there were some. */
async function lookAgain(options: RepairOptions, looked: readonly Looked[]): Promise<VerifyFinding[]> {
  const found: VerifyFinding[] = []
  for (const { one, parts } of looked) {
    const ledger = (await one.store.ledger([one.series]))[0] ?? []
    // What explains a jump of ids may be used up by another one: only a look at all trades tells.
    const spans = parts.map(({ span }) => span)
    const near = finderAround(union(spans))
    for (const span of one.dataset.order === 'id' ? [one.range] : spans) {
      for await (const { found: some } of rowFindings({ ...one, ledger }, span)) {
        options.signal.throwIfAborted()
        for (const each of some.filter((error) => near(error.span).length > 0))
          found.push({ ...each, series: one.series, repaired: false })
      }
    }
  }
  found.push(...(await sumsAgain(options, looked)))
  return found.filter(isOpen)
}

/** The sums of every larger candle that was looked at, or a part of which was. */
async function sumsAgain(
  { series, signal }: RepairOptions,
  looked: readonly Looked[],
): Promise<VerifyFinding[]> {
  const found: VerifyFinding[] = []
  for (const { larger, smaller } of candlePairs(series)) {
    const touched = looked.filter(({ one }) => one.series === larger.series || one.series === smaller.series)
    const places = touched.flatMap(({ parts }) =>
      parts.map(({ span }) => ({
        startMs: floorToPeriod(larger.period, span.startMs),
        endMs: ceilToPeriod(larger.period, span.endMs),
      })),
    )
    for (const part of meet(meet(union(places), [larger.range]), [smaller.range])) {
      signal.throwIfAborted()
      const pair = [
        { ...larger, range: part },
        { ...smaller, range: part },
      ] as const
      for await (const some of sumFindings(...pair, () => undefined))
        found.push(...some.map((each) => sumFinding(larger, smaller, each)))
    }
  }
  return found
}

/** An error as it stands after the repair; `left` is what is still wrong. */
function revised(
  finding: VerifyFinding,
  looked: readonly Looked[],
  left: readonly VerifyFinding[],
): VerifyFinding {
  const touches = ({ span }: { readonly span: Span }): boolean => meet([span], [finding.span]).length > 0
  const concerned = looked.filter(({ one }) => concerns(finding, one))
  const wasAsked = concerned.every(({ asked }) => !asked.unsettled.some(touches))
  if (concerned.length < (finding.partner ? 2 : 1) || !wasAsked) return finding
  if (!left.some((one) => sameMatter(one, finding))) return { ...finding, repaired: true }
  const isTheirs = !left.some(
    (one) => one.check !== 'sum' && touches(one) && concerned.some((each) => concerns(one, each.one)),
  )
  if (finding.check !== 'sum' || !isTheirs) return finding
  return { ...finding, severity: 'note', expected: `${finding.expected}; the exchange has it so too` }
}

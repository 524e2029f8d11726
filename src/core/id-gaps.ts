// Gaps of a series in order of ids: ids between the first and the last that no row has. A run that the ledger
// names is explained; the others of a settled stretch are, when they are exactly as many as were left out
// there on purpose; else rows are lost, and nobody knows which. Before the first row and after the last one
// nobody knows the ids: what is not settled there is missing.
import { emptyRanges } from './empty-ranges.ts'
import { type Gap, type GapScan, type GapVerdict, verdictOf } from './gap.ts'
import { hullOf, type NamedRun, namedRuns, reaches, type Stretch, stretchesOf } from './id-ledger.ts'
import { cutAt, type IdRun, idLine, lacking, overlaps, rangeOf, united, within } from './id-line.ts'
import { neighboursOf, timesOfIds } from './id-times.ts'
import { settledSpans } from './ledger.ts'
import { meet, minus, type Span, union } from './span.ts'
import type { Ends } from './store.ts'

/** What is known of the ids of a series before anything is counted. */
type Known = {
  readonly ends: Ends | null
  readonly hull: IdRun
  readonly stretches: readonly Stretch[]
  readonly named: readonly NamedRun[]
}

type LackingRun = IdRun & { readonly missing: number; readonly span: Span }

/** The gaps that overlap the spans of the scan. Where a stretch has lost rows, all that it lacks is named. */
export async function idGaps(scan: GapScan): Promise<Gap[]> {
  const { ledger, series, store, table } = scan
  const ends = await store.ends(series, table)
  const [stretches, named] = [stretchesOf(ledger), namedRuns(ledger)]
  const hull = hullOf([
    ends && BigInt(ends.firstId ?? 0),
    ends && BigInt(ends.lastId ?? 0),
    ...[...stretches, ...named].flatMap(({ first, last }) => [first, last]),
  ])
  const lost = stretches.flatMap((one) => meet(lostEnds(one, ends), scan.spans))
  const outside = [
    ...outsideGaps(scan, ends),
    ...lost.map((span): Gap => ({ span, rowsMissing: 0, verdict: 'lost' })),
  ]
  if (hull === null) return outside
  const known: Known = { ends, hull, stretches, named }
  const runs = await lackingRuns(scan, known)
  const inside = judged(scan, known, runs)
  return [...outside, ...inside]
}

/** What is not known by ids: what is not settled before the first and after the last row, and why. */
function outsideGaps({ ledger, spans }: GapScan, ends: Ends | null): Gap[] {
  const unsettled = minus(spans, settledSpans(ledger))
  // In the millisecond of the last row there may be more of them.
  const between = ends ? [{ startMs: ends.firstMs, endMs: ends.lastMs }] : []
  const unknown = minus(unsettled, between)
  const gap = (span: Span, verdict: GapVerdict): Gap => ({ span, rowsMissing: 0, verdict })
  const wanted = ledger.filter((row) => row.verdict === 'wanted')
  const gaps = minus(unknown, wanted).map((span) => gap(span, 'missing'))
  for (const row of wanted) {
    for (const span of meet(unknown, [row])) gaps.push(gap(span, verdictOf(row)))
  }
  for (const row of ledger) {
    if (['rows', 'wanted', 'no-trades'].includes(row.verdict)) continue
    for (const span of meet(spans, [row])) gaps.push(gap(span, verdictOf(row)))
  }
  return gaps
}

/** What a stretch settles beyond the first or the last row, where nobody knows the ids that are lost. */
function lostEnds({ first, last, span }: Stretch, ends: Ends | null): Span[] {
  const [firstMs, lastMs] = [ends?.firstMs ?? Infinity, ends?.lastMs ?? -Infinity]
  const before = first === null ? [{ ...span, endMs: Math.min(span.endMs, firstMs + 1) }] : []
  const after = last === null ? [{ ...span, startMs: Math.max(span.startMs, lastMs) }] : []
  return union(before, after)
}

/** The runs of ids without rows that are asked for, each within one stretch or one named run, or in none. */
async function lackingRuns(scan: GapScan, known: Known): Promise<LackingRun[]> {
  const { named, stretches } = known
  const ids = await askedIds(scan, known)
  // Cut where a named run or a stretch begins and ends, so that each part is in one of them or in none.
  const starts = [...named, ...stretches].flatMap(({ first, last }) => [
    ...(first === null ? [] : [first]),
    ...(last === null ? [] : [last + 1n]),
  ])
  const line = idLine(scan)
  const found = await emptyRanges(line, cutAt(ids, starts))
  const runs = await lacking(line, found, starts)
  // Where runs touch, only the rows around all of them tell the time.
  const blocks = united(runs)
  const times = await timesOfIds(
    scan,
    blocks.flatMap(({ first, last }) => [first - 1n, last + 1n]),
  )
  let at = 0
  return runs.map((run) => {
    while ((blocks[at]?.last ?? run.last) < run.last) at += 1
    const span = {
      startMs: times[2 * at] ?? Number.NEGATIVE_INFINITY,
      endMs: (times[2 * at + 1] ?? Number.POSITIVE_INFINITY) + 1,
    }
    return { ...run, span }
  })
}

/** The ids that the spans of the scan may hold, and all of a stretch that left some out, to count those. */
async function askedIds(scan: GapScan, { ends, hull, stretches }: Known): Promise<IdRun[]> {
  const { spans } = scan
  if (!ends) return [hull]
  const around = await neighboursOf(
    scan,
    ends,
    spans.flatMap(({ startMs, endMs }) => [startMs, endMs]),
  )
  const asked = spans.map((_, i) => ({
    first: around[2 * i]?.before ?? hull.first,
    last: around[2 * i + 1]?.after ?? hull.last,
  }))
  const whole = stretches
    .filter(({ skipped }) => skipped > 0)
    .map(({ first, last }) => ({ first: first ?? hull.first, last: last ?? hull.last }))
    .filter((stretch) => asked.some((run) => overlaps(run, stretch)))
  return united([...asked, ...whole])
}

/** Every run with its verdict. */
function judged(scan: GapScan, known: Known, runs: readonly LackingRun[]): Gap[] {
  const { named, stretches } = known
  const gaps: Gap[] = []
  const gap = (run: LackingRun, span: Span, verdict: GapVerdict): void => {
    gaps.push({ span, rowsMissing: run.missing, verdict, ids: rangeOf(run) })
  }
  const placed: Placed[] = []
  for (const run of runs) {
    const name = named.find((one) => within(run, one))
    if (name) gap(run, { startMs: name.row.startMs, endMs: name.row.endMs }, verdictOf(name.row))
    else placed.push({ run, reached: stretches.filter((one) => reaches(one, run, run.span)) })
  }
  const ends = stretches.filter((one) => lostEnds(one, known.ends).length > 0)
  const lossy = new Set([...lossyStretches(placed), ...ends])
  const isAmidst = amidst(named)
  for (const { run, reached } of placed) {
    const [stretch] = reached
    if (!stretch) gap(run, ...unsettled(scan, run))
    else if (!lossy.has(stretch)) gap(run, inside(run.span, stretch.span), 'no-trades')
    else gap(run, inside(run.span, isAmidst({ run, reached }) ? stretch.span : asked(scan)), 'lost')
  }
  return gaps.filter(({ span, verdict }) => verdict === 'lost' || meet([span], scan.spans).length > 0)
}

/** A run that no ledger row names, and the stretches that it reaches. */
type Placed = { readonly run: LackingRun; readonly reached: readonly Stretch[] }

/** Whether a run lies in one stretch alone. */
function isWithin({ run, reached: [stretch, ...others] }: Placed): boolean {
  if (!stretch || others.length > 0) return false
  // At an end whose id is known the run was cut; at another only its time can tell.
  const { first, last, span } = stretch
  const beginsInside = first !== null || run.span.startMs >= span.startMs
  return beginsInside && (last !== null || run.span.endMs <= span.endMs)
}

/**
 * Tells whether there are other ids of its stretch on both sides of a run that lies in it, beyond the named
 * runs beside it: at an end of the stretch only the row beyond it tells whether ids are missing there.
 */
function amidst(named: readonly NamedRun[]): (placed: Placed) => boolean {
  const byFirst = new Map(named.map((one) => [one.first, one]))
  const byLast = new Map(named.map((one) => [one.last, one]))
  return (placed) => {
    const [stretch] = placed.reached
    let { first, last } = placed.run
    for (let one = byLast.get(first - 1n); one; one = byLast.get(first - 1n)) first = one.first
    for (let one = byFirst.get(last + 1n); one; one = byFirst.get(last + 1n)) last = one.last
    return isWithin(placed) && stretch?.first !== first && stretch?.last !== last
  }
}

/** The stretches that lack other ids than were left out, or of which more is gone than anybody can count. */
function lossyStretches(placed: readonly Placed[]): Set<Stretch> {
  const lacking = new Map<Stretch, number>()
  const lossy = new Set<Stretch>()
  for (const one of placed) {
    for (const stretch of one.reached) {
      lacking.set(stretch, (lacking.get(stretch) ?? 0) + one.run.missing)
      if (!isWithin(one)) lossy.add(stretch)
    }
  }
  for (const [stretch, missing] of lacking) if (missing !== stretch.skipped) lossy.add(stretch)
  return lossy
}

/** What of a run's time lies in `span`; all of it where that would be nothing. */
function inside(run: Span, span: Span): Span {
  const [part] = meet([run], [span])
  if (part) return part
  return { startMs: Math.max(run.startMs, span.startMs - 1), endMs: Math.min(run.endMs, span.endMs + 1) }
}

/** All that is asked for, from the first to the last. */
const asked = ({ spans }: GapScan): Span => ({
  startMs: spans[0]?.startMs ?? 0,
  endMs: spans.at(-1)?.endMs ?? 0,
})

/** The span and the verdict of a run that no settled row holds. */
function unsettled(scan: GapScan, run: LackingRun): [Span, GapVerdict] {
  const whole = inside(run.span, asked(scan))
  const parts = minus([whole], settledSpans(scan.ledger))
  const span =
    parts.length === 0
      ? whole
      : { startMs: parts[0]?.startMs ?? 0, endMs: parts.at(-1)?.endMs ?? whole.endMs }
  const row = scan.ledger.find((one) => one.verdict === 'wanted' && meet([one], [span]).length > 0)
  return [span, row ? verdictOf(row) : 'missing']
}

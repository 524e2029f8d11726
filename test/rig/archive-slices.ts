// What archives are put together from: days, deflated one by one (or the few long candles of a month). Each
// slice of a series takes the same number of bytes, those of a sample day and a little more: what is left is
// filled with empty blocks, which any reader passes over. So the size of a zip is known, and can be listed,
// before a row of it was made; and months share their days.
import { ceilToPeriod, DAY_MS } from '../../src/core/calendar.ts'
import type { Span } from '../../src/core/span.ts'
import { type CsvChunk, csvRenderers, inMicroseconds, MICROSECONDS_FROM_MS } from './archive-csv.ts'
import { type ArchiveFile, type ArchiveFolder, hasRows, isMadeOfDays } from './archive-files.ts'
import { emptyFragment, type Fragment, fragmentOf, LEAST_EMPTY_BYTES } from './archive-zip.ts'
import { feedOf, liveTime, type SymbolSpec } from './symbol-spec.ts'

/** What a day may be larger than the sample: candles hardly differ, the number of trades does. */
const CANDLES_MARGIN = 1.02
const TRADES_MARGIN = 1.1
const MARGIN_BYTES = 96
/** Room for the candles of a month that are longer than a day: ten of 3d, at 400 bytes. */
const LONG_CANDLES_BYTES = 4_096
/** Levels of deflate that are tried until a slice fits; the first one is fast. */
const LEVELS = [1, 6, 9] as const
/** Deflated bytes that are kept for all exchanges of this process; beyond, all are forgotten. */
const KEPT_BYTES = 512 * 1024 * 1024

type Kept = { readonly slices: Map<string, readonly Fragment[]>; readonly sizes: Map<string, number | null> }
let kept = new WeakMap<SymbolSpec, Kept>()
let keptBytes = 0

function keptOf(spec: SymbolSpec): Kept {
  const known = kept.get(spec) ?? { slices: new Map(), sizes: new Map() }
  kept.set(spec, known)
  return known
}

/** The rows of a file in `span`, from the market. Throws for a dataset that has no renderer. */
export function renderedRows(file: ArchiveFile, span: Span): Iterable<CsvChunk> {
  return rendered(file.folder, inMicroseconds(file.folder.spec.market, file.span.startMs), span)
}

function rendered(folder: ArchiveFolder, microseconds: boolean, span: Span): Iterable<CsvChunk> {
  const renderer = csvRenderers[folder.dataset]
  if (!renderer) throw new Error(`no renderer for ${folder.dataset}`)
  return renderer(folder.spec, folder.period, span, { microseconds })
}

/**
 * The deflated bytes of each slice of a file; null where the size of the file is known only when it was made:
 * there is no day to measure by, or days differ as much as those of funding rates, whose files are small.
 */
export function bytesOfSlice(file: ArchiveFile): number | null {
  const { folder } = file
  if (folder.dataset === 'funding') return null
  if (!isMadeOfDays(folder)) return LONG_CANDLES_BYTES
  const microseconds = inMicroseconds(folder.spec.market, file.span.startMs)
  const { sizes } = keptOf(folder.spec)
  const key = `${folder.dataset}/${folder.period}/${microseconds}`
  const known = sizes.get(key)
  if (known !== undefined) return known
  const sample = sampleDay(folder, microseconds)
  let bytes: number | null = null
  if (sample !== null) {
    bytes = 0
    for (const chunk of rendered(folder, microseconds, sample)) bytes += fragmentOf(chunk).deflated.length
    bytes = Math.ceil(bytes * (folder.period === null ? TRADES_MARGIN : CANDLES_MARGIN)) + MARGIN_BYTES
  }
  sizes.set(key, bytes)
  return bytes
}

/** The first whole day that has rows, of those whose times are written alike. */
function sampleDay({ spec, period }: ArchiveFolder, microseconds: boolean): Span | null {
  const firstMs = microseconds ? MICROSECONDS_FROM_MS : -Infinity
  const isOfTwoKinds = spec.market === 'spot' && !microseconds
  const endMs = Math.min(spec.endsAtMs ?? Infinity, isOfTwoKinds ? MICROSECONDS_FROM_MS : Infinity)
  const feed = feedOf(spec)
  for (const span of period === null ? feed.live : liveTime(feed, period)) {
    const startMs = ceilToPeriod('1d', Math.max(span.startMs, firstMs))
    if (startMs + DAY_MS <= Math.min(span.endMs, endMs)) return { startMs, endMs: startMs + DAY_MS }
  }
  return null
}

/** The slices of a file whose rows are `rows`; those without any are left out. */
export function* slicesOf(file: ArchiveFile, rows: Span): Generator<Span> {
  const { folder } = file
  if (!isMadeOfDays(folder)) {
    if (hasRows(folder, rows)) yield rows
    return
  }
  for (let startMs = rows.startMs; startMs < rows.endMs; startMs += DAY_MS) {
    const day = { startMs, endMs: Math.min(startMs + DAY_MS, rows.endMs) }
    if (hasRows(folder, day)) yield day
  }
}

/** One slice of a file, deflated, in as many bytes as `bytesOfSlice` says where it says any. */
export async function sliceFragments(file: ArchiveFile, slice: Span): Promise<readonly Fragment[]> {
  const { spec, dataset, period } = file.folder
  const { slices } = keptOf(spec)
  const key = `${dataset}/${period}/${slice.startMs}/${slice.endMs}`
  const known = slices.get(key)
  if (known) return known
  const fragments = await fittingFragments(file, slice)
  slices.set(key, fragments)
  keptBytes += deflatedBytes(fragments)
  if (keptBytes > KEPT_BYTES) {
    kept = new WeakMap()
    keptBytes = 0
  }
  return fragments
}

async function fittingFragments(file: ArchiveFile, slice: Span): Promise<readonly Fragment[]> {
  const wanted = bytesOfSlice(file)
  for (const level of LEVELS) {
    const fragments: Fragment[] = []
    for (const chunk of renderedRows(file, slice)) {
      fragments.push(fragmentOf(chunk, level))
      await othersTurn()
    }
    if (wanted === null) return fragments
    const left = wanted - deflatedBytes(fragments)
    if (left === 0) return fragments
    if (left >= LEAST_EMPTY_BYTES) return [...fragments, emptyFragment(left)]
  }
  throw new Error(`a slice of ${file.key} does not fit into ${wanted} bytes: its sample is not typical`)
}

/** The length of fragments as they are stored. */
export const deflatedBytes = (fragments: readonly Fragment[]): number =>
  fragments.reduce((sum, fragment) => sum + fragment.deflated.length, 0)

/** Lets others have their turn: a month of trades takes its time. */
export const othersTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

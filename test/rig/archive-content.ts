// What is inside an archive: its CSV from the market, changed as the faults say, and the zip around it.
import { constants, inflateRawSync } from 'node:zlib'
import { floorToPeriod } from '../../src/core/calendar.ts'
import { isMember } from '../../src/core/series.ts'
import type { Span } from '../../src/core/span.ts'
import { type CsvChunk, type Headers, headerOf } from './archive-csv.ts'
import { type ArchiveFile, finishedRows } from './archive-files.ts'
import { chunksOf, faultyLines, interleaved, linesOf } from './archive-rows.ts'
import { type ArchiveRule, rowKinds } from './archive-rules.ts'
import {
  bytesOfSlice,
  deflatedBytes,
  othersTurn,
  renderedRows,
  sliceFragments,
  slicesOf,
} from './archive-slices.ts'
import {
  deflatedMember,
  type Fragment,
  fragmentOf,
  lengthOf,
  type Member,
  repeatedFragments,
  storedMember,
  zipBytes,
  zipOf,
} from './archive-zip.ts'

/** One version of a file. */
export type Edition = {
  readonly file: ArchiveFile
  /** When the file was published first: no candle is in it that had not closed then. */
  readonly publishedAtMs: number
  /** When this version was. */
  readonly modifiedAtMs: number
  readonly headers: Headers
  /** Rules about rows and the zip, in their order. */
  readonly changes: readonly ArchiveRule[]
}

/** The bytes of an edition's zip. Throws where they are not as many as `knownZipBytes` had said. */
export async function zipParts(edition: Edition): Promise<Uint8Array[]> {
  const { file, changes, modifiedAtMs } = edition
  const fragments = await csvFragments(edition)
  let members: readonly Member[] = [deflatedMember(memberName(file), fragments)]
  for (const rule of changes) members = changedMembers(members, rule, fragments)
  const parts = changes.reduce(damagedParts, zipOf(members, modifiedAtMs))
  const known = knownZipBytes(edition)
  const bytes = lengthOf(parts)
  if (known !== null && known !== bytes) throw new Error(`${file.key} has ${bytes} bytes, not ${known}`)
  return parts
}

/** The size of an edition's zip before it is made; null where only making it tells. */
export function knownZipBytes({ file, publishedAtMs, headers, changes }: Edition): number | null {
  const ofSlice = changes.length > 0 ? null : bytesOfSlice(file)
  if (ofSlice === null) return null
  const slices = [...slicesOf(file, finishedRows(file, publishedAtMs))].length
  return zipBytes(memberName(file), deflatedBytes(headerFragments(file, headers)) + slices * ofSlice)
}

const memberName = (file: ArchiveFile): string =>
  file.key.slice(file.folder.path.length).replace(/\.zip$/, '.csv')

function headerFragments(file: ArchiveFile, headers: Headers): Fragment[] {
  const header = headerOf(file.folder.dataset, file.folder.spec.market, file.span.startMs, headers)
  return header === '' ? [] : [fragmentOf(header)]
}

async function csvFragments({ file, publishedAtMs, headers, changes }: Edition): Promise<Fragment[]> {
  const fragments = headerFragments(file, headers)
  const rows = finishedRows(file, publishedAtMs)
  const rowRules = changes.filter((rule) => isMember(rowKinds, rule.kind))
  if (rowRules.length === 0) {
    for (const slice of slicesOf(file, rows)) fragments.push(...(await sliceFragments(file, slice)))
    return fragments
  }
  for (const chunk of faultyChunks(file, rows, rowRules)) {
    fragments.push(fragmentOf(chunk))
    await othersTurn()
  }
  return fragments
}

function faultyChunks(file: ArchiveFile, rows: Span, rules: readonly ArchiveRule[]): Iterable<CsvChunk> {
  const { dataset, period } = file.folder
  const middleMs = floorToPeriod(period ?? '1m', (rows.startMs + rows.endMs) / 2)
  let lines: Iterable<string> = rules.some((rule) => rule.kind === 'unsorted-rows')
    ? interleaved(
        linesOf(renderedRows(file, { ...rows, endMs: middleMs })),
        linesOf(renderedRows(file, { ...rows, startMs: middleMs })),
      )
    : linesOf(renderedRows(file, rows))
  for (const rule of rules) lines = faultyLines(lines, rule, dataset)
  return chunksOf(lines)
}

const BOMB_BYTES = 1024 * 1024 * 1024
const HUGE_BYTES = 0xffff_fffe

const inflated = (fragment: Fragment): Buffer =>
  inflateRawSync(fragment.deflated, { finishFlush: constants.Z_SYNC_FLUSH })

function changedMembers(
  members: readonly Member[],
  rule: ArchiveRule,
  fragments: readonly Fragment[],
): readonly Member[] {
  const [member, ...others] = members
  if (!member) return members
  const changed = (change: Partial<Member>): readonly Member[] => [{ ...member, ...change }, ...others]
  switch (rule.kind) {
    case 'wrong-crc':
      return changed({ crc: (member.crc ^ 1) >>> 0 })
    case 'wrong-size':
      return changed({ bytes: rule.bytes ?? HUGE_BYTES })
    case 'other-member':
      return changed({ name: `other-${member.name}` })
    case 'two-members':
      return [...members, deflatedMember('README.txt', [fragmentOf('Two members.\n')])]
    case 'stored-member':
      return [storedMember(member.name, fragments.map(inflated)), ...others]
    case 'bomb': {
      const last = fragments.findLast((fragment) => fragment.bytes > 0)
      const line = last ? inflated(last).toString('latin1').trimEnd().split('\n').at(-1) : '0'
      const text = rule.filling === 'zeros' ? '\0' : `${line}\n`
      const filling = repeatedFragments(text, rule.bytes ?? BOMB_BYTES)
      return [deflatedMember(member.name, [...fragments, ...filling]), ...others]
    }
    default:
      return members
  }
}

function damagedParts(parts: Uint8Array[], rule: ArchiveRule): Uint8Array[] {
  if (rule.kind !== 'short-zip' && rule.kind !== 'flipped-byte') return parts
  const middle = Math.floor(lengthOf(parts) / 2)
  const zip = Buffer.concat(parts)
  if (rule.kind === 'short-zip') return [zip.subarray(0, rule.bytes ?? middle)]
  zip[middle] = (zip[middle] ?? 0) ^ 0xff
  return [zip]
}

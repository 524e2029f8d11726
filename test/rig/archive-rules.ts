// What can be wrong with the archives, chosen by key, clock and seed, so that the same run meets the same
// faults: files that are not there, damaged zips, rows that differ from those over REST, and answers that
// fail on their way.

/** What happens to an answer on its way. Rates of these kinds for REST hit the archives too. */
export const wireKinds = [
  'error-500',
  'error-503',
  'blocked-403',
  'html',
  'cut',
  'reset',
  'hang',
  'slow',
  /** Half of the body, and then nothing, with the connection kept open. */
  'stall',
] as const
export type WireKind = (typeof wireKinds)[number]

/** `gone`: listed, but not there when it is downloaded. `delayed`: published `delayMs` after its end. */
export const publicationKinds = ['hidden', 'gone', 'delayed'] as const

/** The CSV is another one: the zip around it is sound. */
export const rowKinds = [
  /** The two halves of the file interleaved, row by row. */
  'unsorted-rows',
  /** About one block of `rows` rows in 16 stands there twice. */
  'doubled-rows',
  /** About one row in 16 stands there twice, the second time with another volume (quantity, rate). */
  'contradictory-rows',
  /** About one row in 16 has another volume (quantity, rate) than over REST. */
  'altered-rows',
  /** The rows whose time lies in [fromMs, toMs) are not there. */
  'missing-rows',
  /** The middle one of three parts of the first row is cut out. */
  'torn-row',
] as const
export type RowKind = (typeof rowKinds)[number]

/** The zip is another one. */
export const zipKinds = [
  'wrong-crc',
  /** The member declares `bytes` (4 GiB - 2), whatever it holds. */
  'wrong-size',
  /** The member goes on for `bytes` (1 GiB), with its last row again and again or with zeros. */
  'bomb',
  'other-member',
  'two-members',
  'stored-member',
  /** Only the first `bytes` (half) of the zip are there, announced as if they were all. */
  'short-zip',
  /** One byte in the middle of the member is another one. */
  'flipped-byte',
] as const
export type ZipKind = (typeof zipKinds)[number]

export type ArchiveFaultKind =
  | WireKind
  | (typeof publicationKinds)[number]
  | RowKind
  | ZipKind
  | 'wrong-checksum'

export type RequestKind = 'zip' | 'checksum' | 'listing'

/** A fault that hits whatever fits it. Several may hit one file. */
export type ArchiveRule = {
  readonly kind: ArchiveFaultKind
  /** A glob over the keys of zips (prefixes, for listings); every one where it is not given. */
  readonly key?: string
  /** Which requests a fault of the wire hits: zips where it is not given. */
  readonly of?: RequestKind
  /** While the exchange's clock is in [sinceMs, untilMs): a file that changes then was published anew. */
  readonly sinceMs?: number
  readonly untilMs?: number
  /** Over for a key when it has hit this many of its downloads. */
  readonly times?: number
  /** CHECKSUM and listing are those of the sound zip. So it is too where `times` is given. */
  readonly unsigned?: boolean
  /** Rows of which time are hit, epoch ms; all where they are not given. */
  readonly fromMs?: number
  readonly toMs?: number
  readonly rows?: number
  readonly bytes?: number
  readonly filling?: 'rows' | 'zeros'
  readonly delayMs?: number
  readonly seed?: number
}

export type ArchiveFaults = {
  readonly seed?: number
  /** The part of requests (0 to 1) that each kind hits. Without seed or rates, those of REST hold. */
  readonly rates?: Partial<Record<WireKind, number>>
  readonly rules?: readonly ArchiveRule[]
  /** Real milliseconds that `slow` waits. */
  readonly slowMs?: number
}

const globs = new Map<string, Bun.Glob>()
/** Globs that are kept compiled; beyond, they are forgotten. */
const GLOBS_KEPT = 1_000

/** Whether a rule is for this key: that of a file or, in listings, a prefix. */
export function isFor(rule: ArchiveRule, key: string): boolean {
  if (rule.key === undefined || rule.key === key) return true
  let glob = globs.get(rule.key)
  if (!glob) {
    if (globs.size >= GLOBS_KEPT) globs.clear()
    glob = new Bun.Glob(rule.key)
    globs.set(rule.key, glob)
  }
  return glob.match(key)
}

/** Whether a rule holds at this time of the exchange's clock. */
export function isOn(rule: ArchiveRule, nowMs: number): boolean {
  return nowMs >= (rule.sinceMs ?? -Infinity) && nowMs < (rule.untilMs ?? Infinity)
}

/** Whether CHECKSUM and listing know of what a rule does to a zip. */
export function isSigned(rule: ArchiveRule): boolean {
  return rule.unsigned !== true && rule.times === undefined
}

/** What hits a request: at most one fault of the wire, and the rules that change what is served. */
export type ArchiveHits = { readonly wire: WireKind | null; readonly changes: readonly ArchiveRule[] }

/** Decides what hits a download; remembers how often each rule has hit each key. */
export type ArchiveChoice = (request: RequestKind, key: string, nowMs: number) => ArchiveHits

/** Requests whose attempts are remembered; beyond, counting begins anew. */
const REQUESTS_REMEMBERED = 100_000

/** What faults of REST lend to those of the archives that have no seed, or no rates, of their own. */
type Lent = { readonly seed?: number; readonly rates?: Readonly<Record<string, number | undefined>> }

/** A chooser with its own memory. */
export function archiveChoice(faults: ArchiveFaults, lent: Lent = {}): ArchiveChoice {
  const attempts = new Map<string, number>()
  const hits = new Map<ArchiveRule, Map<string, number>>()
  const drawn = wireKinds.map((kind) => [kind, (faults.rates ?? lent.rates)?.[kind] ?? 0] as const)
  const hit = (rule: ArchiveRule, key: string): boolean => {
    if (rule.times === undefined) return true
    const byKey = hits.get(rule) ?? new Map<string, number>()
    hits.set(rule, byKey)
    const count = (byKey.get(key) ?? 0) + 1
    byKey.set(key, count)
    return count <= rule.times
  }
  const seed = faults.seed ?? lent.seed ?? 1
  const draw = (request: string): WireKind | null => {
    if (drawn.every(([, rate]) => rate === 0)) return null
    const attempt = (attempts.get(request) ?? 0) + 1
    if (attempts.size >= REQUESTS_REMEMBERED) attempts.clear()
    attempts.set(request, attempt)
    let chance = Bun.hash.murmur32v3(`${seed}/${attempt}/${request}`) / 2 ** 32
    for (const [kind, rate] of drawn) {
      if (chance < rate) return kind
      chance -= rate
    }
    return null
  }
  return (request, key, nowMs) => {
    const rules = (faults.rules ?? []).filter((rule) => isOn(rule, nowMs) && isFor(rule, key))
    const ofWire = rules.find((rule) => isWire(rule.kind) && (rule.of ?? 'zip') === request && hit(rule, key))
    const wire = ofWire && isWire(ofWire.kind) ? ofWire.kind : draw(`${request}/${key}`)
    // What never arrives whole is not the download that a rule of `times` was meant for.
    const arrives = wire === null || wire === 'slow'
    const changes = rules.filter((rule) => arrives && requestOf(rule) === request && hit(rule, key))
    return { wire, changes }
  }
}

const isWire = (kind: string): kind is WireKind => (wireKinds as readonly string[]).includes(kind)
const isContent = (kind: string): boolean =>
  (rowKinds as readonly string[]).includes(kind) || (zipKinds as readonly string[]).includes(kind)

/** The request that a rule changes the answer of; null for rules of the wire and of publication. */
function requestOf(rule: ArchiveRule): RequestKind | null {
  if (rule.kind === 'wrong-checksum') return 'checksum'
  return isContent(rule.kind) ? 'zip' : null
}

/** The rules that change the zip of a key for everybody: it, its CHECKSUM and its place in the listing. */
export function signedChanges(faults: ArchiveFaults, key: string, nowMs: number): readonly ArchiveRule[] {
  return (faults.rules ?? []).filter(
    (rule) => isContent(rule.kind) && isSigned(rule) && isOn(rule, nowMs) && isFor(rule, key),
  )
}

/**
 * How a key is published: null where it is hidden, else how long after the end of its day or month, and when
 * it was last published anew.
 */
export function publicationOf(
  faults: ArchiveFaults,
  key: string,
  usualDelayMs: number,
  nowMs: number,
): { readonly delayMs: number; readonly renewedAtMs: number } | null {
  let delayMs = usualDelayMs
  let renewedAtMs = -Infinity
  for (const rule of faults.rules ?? []) {
    if (!isFor(rule, key)) continue
    if (rule.kind === 'hidden' && isOn(rule, nowMs)) return null
    if (rule.kind === 'delayed' && isOn(rule, nowMs)) delayMs = rule.delayMs ?? usualDelayMs
    if (!isContent(rule.kind) || !isSigned(rule)) continue
    for (const atMs of [rule.sinceMs, rule.untilMs]) {
      if (atMs !== undefined && atMs <= nowMs) renewedAtMs = Math.max(renewedAtMs, atMs)
    }
  }
  return { delayMs, renewedAtMs }
}

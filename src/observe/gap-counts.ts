// Open gaps that appear and go away, series by series, each counted once, whoever sees it: the regular looks
// while serving, or a run over gaps, which also sees what is missing after the last row, and what comes and
// goes between two looks. Nobody keeps the gaps themselves, which may be many: numbers are compared.

export type GapNews = { readonly found: number; readonly filled: number }

type Known = {
  /** Open gaps that looks have seen and that are there still. */
  seen: number
  /** Those that only a run over gaps has seen. */
  unseen: number
  /** Since that run began: gaps that looks have seen go away, which it may have filled. */
  gone: number
}

/** What is known of the open gaps of each series, by its key; each method gives what is new. */
export class GapCounts {
  readonly #bySeries = new Map<string, Known>()

  /** A look at what is stored has found so many. */
  surveyed(series: string, openGaps: number): GapNews {
    const known = this.#of(series)
    const more = Math.max(0, openGaps - known.seen)
    const filled = Math.max(0, known.seen - openGaps)
    const told = Math.min(more, known.unseen)
    known.seen = openGaps
    known.unseen -= told
    known.gone += filled
    return { found: more - told, filled }
  }

  /** A run over gaps has found so many, in all of the series or a part. */
  scanned(series: string, openGaps: number): GapNews {
    const known = this.#of(series)
    const before = known.unseen
    known.unseen = Math.max(0, openGaps - known.seen)
    known.gone = 0
    return { found: Math.max(0, known.unseen - before), filled: 0 }
  }

  /** That run has filled so many of them. */
  filled(series: string, gaps: number): GapNews {
    const known = this.#of(series)
    const filled = Math.max(0, gaps - known.gone)
    known.gone = Math.max(0, known.gone - gaps)
    const ofSeen = Math.min(filled, known.seen)
    known.seen -= ofSeen
    known.unseen = Math.max(0, known.unseen - (filled - ofSeen))
    return { found: 0, filled }
  }

  #of(series: string): Known {
    const known = this.#bySeries.get(series) ?? { seen: 0, unseen: 0, gone: 0 }
    this.#bySeries.set(series, known)
    return known
  }
}

// What each verdict means, in the words of the page: the legend, the reasons and the timelines use them.

export type Meaning = {
  readonly verdict: string
  readonly word: string
  /** Why, and what becomes of it. */
  readonly why: string
  /** Whether something should be there and is not. */
  readonly isOpen: boolean
}

/** In the order of the legend: what somebody has to look at first. */
export const meanings: readonly Meaning[] = [
  {
    verdict: 'missing',
    word: 'missing',
    why: 'never fetched, or the exchange could not be asked; fetched later, at night or by gaps --fill',
    isOpen: true,
  },
  {
    verdict: 'lost',
    word: 'lost',
    why: 'was stored once and is gone from the table; fetched again at night or by gaps --fill',
    isOpen: true,
  },
  {
    verdict: 'unpublished',
    word: 'unpublished',
    why: 'asked for, and not there yet; it is asked for again',
    isOpen: true,
  },
  {
    verdict: 'behind',
    word: 'behind',
    why: 'newer rows exist and are not stored yet; the next pass fetches them',
    isOpen: true,
  },
  {
    verdict: 'outage',
    word: 'outage',
    why: 'the exchange was down and has no rows there',
    isOpen: false,
  },
  { verdict: 'no-trades', word: 'no trades', why: 'nobody traded, so there is no row', isOpen: false },
  { verdict: 'unlisted', word: 'unlisted', why: 'the symbol was not traded yet', isOpen: false },
  { verdict: 'delisted', word: 'delisted', why: 'the symbol is not traded any more', isOpen: false },
]

const byVerdict = new Map(meanings.map((meaning) => [meaning.verdict, meaning]))

/** What a verdict means. */
export function meaningOf(verdict: string): Meaning {
  return byVerdict.get(verdict) ?? { verdict, word: verdict, why: '', isOpen: false }
}

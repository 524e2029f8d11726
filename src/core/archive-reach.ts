// The archives where REST can do without them: they only save requests. So they are asked whether they are
// there by one request, and where they are out of reach that is told once, and nothing more is asked of them.
import { ForeignHostError, PetrosaError, StoppedError, UnavailableError } from '../errors.ts'
import type { ArchiveSource } from './archive.ts'
import type { Tell } from './events.ts'

/** Whether the archives are in reach, as far as a run knows; all its passes share it. */
export class ArchiveReach {
  #down: UnavailableError | null = null
  #first: Promise<unknown> | null = null

  /** Asks, unless the archives are out of reach. The first one asks alone: the others wait for it. */
  async through<T>(ask: () => Promise<T>): Promise<T> {
    if (!this.#first) {
      const asking = ask()
      this.#first = asking
      return asking
    }
    await this.#first.catch(() => undefined)
    if (this.#down) throw this.#down
    return ask()
  }

  /** Notes that the archives are out of reach; answers whether that is news. */
  lose(error: UnavailableError): boolean {
    const isNews = this.#down === null
    this.#down ??= error
    return isNews
  }
}

/**
 * `archives`, asked no more once they were out of reach: then everything throws the same UnavailableError.
 */
export function whileInReach(archives: ArchiveSource, reach: ArchiveReach, tell: Tell): ArchiveSource {
  /** Asks; `isOut` says which errors mean that the archives are of no use here. */
  const ask = <T>(work: () => Promise<T>, isOut: (error: PetrosaError) => boolean): Promise<T> =>
    reach.through(async () => {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof PetrosaError) || error instanceof StoppedError || !isOut(error)) throw error
        const down = asUnavailable(error)
        if (reach.lose(down)) {
          const message = `${error.message}; going on by the API alone`
          tell({ type: 'warning', message, fields: { advice: error.advice } })
        }
        throw down
      }
    })
  const isAway = (error: PetrosaError): boolean =>
    error instanceof UnavailableError || error instanceof ForeignHostError
  // Whatever is wrong with the listing, a redirect to a login too: rows are to be had without it.
  const always = (): boolean => true
  return {
    ...archives,
    list: (series, span) => ask(() => archives.list(series, span), always),
    symbols: (market, dataset) => ask(() => archives.symbols(market, dataset), always),
    checksum: (file) => ask(() => archives.checksum(file), isAway),
    open: (series, file) => ask(() => archives.open(series, file), isAway),
  }
}

function asUnavailable(error: PetrosaError): UnavailableError {
  if (error instanceof UnavailableError) return error
  return new UnavailableError(error.message, error.advice, { cause: error })
}

// One HTTP client for the archives: no weight, no clock, but bodies of gigabytes. What stalls, is cut or
// fails on the way is asked for again, within bounds; what is not there says so. Every body is read or
// cancelled.
import type { Tell } from '../core/events.ts'
import { type RetryPolicy, retry } from '../core/retry.ts'
import { MalformedError, RefusedError, StoppedError, UnavailableError, UserError } from '../errors.ts'
import type { World } from '../world.ts'
import { archiveFailure } from './archive-failures.ts'
import { encodeKey } from './archive-paths.ts'
import { readBody } from './body.ts'
import { networkFailure, PauseError, TransientError } from './failures.ts'
import { STALL_MS, watchSilence } from './silence.ts'

/** Tries of a request, and the pauses between them: 16 s at most in all. */
const patientPolicy: RetryPolicy = { attempts: 8, firstPauseMs: 200, longestPauseMs: 5_000 }

/**
 * Where others have the rows too, a host that has never answered is not waited for: so many tries, 1 s of
 * pauses at most in all, and no longer silence than this.
 */
const firstContactPolicy: RetryPolicy = { attempts: 3, firstPauseMs: 200, longestPauseMs: 500 }
export const FIRST_ANSWER_MS = 3_000

/** Whether a host is there at all is asked twice. */
const probePolicy: RetryPolicy = { attempts: 2, firstPauseMs: 500, longestPauseMs: 500 }

/** Bodies of failed answers are read as far as this, for their text. */
const FAILURE_BYTES = 64 * 1024

/** Where the files are, and where they are listed. */
export type ArchiveUrls = { readonly files: string; readonly listing: string }
type ArchiveHost = keyof ArchiveUrls

const urlVariables: Readonly<Record<ArchiveHost, string>> = {
  files: 'BINANCE_ARCHIVE_URL',
  listing: 'BINANCE_ARCHIVE_LISTING_URL',
}

/** The kind of request, as events name it. */
type Endpoint = 'listing' | 'checksum' | 'archive' | 'probe'

/** Reads a body; `heard` says that the host is still there. */
export type ReadAnswer<T> = (response: Response, heard: () => void) => Promise<T>

type Ask<T> = {
  readonly host: ArchiveHost
  readonly endpoint: Endpoint
  /** What follows the URL of the host: a path or a query. */
  readonly rest: string
  readonly read: ReadAnswer<T>
}

export type ArchiveClientOptions = {
  readonly urls: ArchiveUrls
  readonly tell: Tell
  /** Whether others have the rows too, so that a host that has never answered is given up soon. */
  readonly optional?: boolean
}

export class ArchiveClient {
  readonly #world: World
  readonly #options: ArchiveClientOptions
  /** The hosts that have answered, whatever it was. */
  readonly #heard = new Set<ArchiveHost>()
  #requests = 0

  constructor(world: World, options: ArchiveClientOptions) {
    this.#world = world
    this.#options = options
  }

  get requests(): number {
    return this.#requests
  }

  /**
   * A page of the listing, as text read by `read`; a MalformedError from there is a reason to ask again.
   * Throws UnavailableError, UserError where this is no listing, StoppedError.
   */
  async listing<T>(
    query: Readonly<Record<string, string>>,
    mostBytes: number,
    read: (xml: string) => T,
  ): Promise<T> {
    const rest = `?${Object.entries(query)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join('&')}`
    try {
      return await this.#persist({
        host: 'listing',
        endpoint: 'listing',
        rest,
        read: readText(mostBytes, read),
      })
    } catch (error) {
      if (error instanceof MalformedError || error instanceof RefusedError) {
        const problem = `${this.#url('listing')} is not the listing of the archives: ${error.message}`
        throw new UserError(problem, `check ${urlVariables.listing}`, { cause: error })
      }
      throw error instanceof TransientError ? this.#down('listing', error) : error
    }
  }

  /** A small text file of the archives, read by `read`. Throws as `file` does. */
  text<T>(key: string, mostBytes: number, read: (text: string) => T): Promise<T> {
    return this.#file(key, 'checksum', readText(mostBytes, read))
  }

  /**
   * A file of the archives; `read` begins anew with each try. Throws RefusedError where the file is not there
   * or the host does not give it as it should, UnavailableError, UserError, StoppedError.
   */
  file<T>(key: string, read: ReadAnswer<T>): Promise<T> {
    return this.#file(key, 'archive', read)
  }

  async #file<T>(key: string, endpoint: Endpoint, read: ReadAnswer<T>): Promise<T> {
    try {
      return await this.#persist({ host: 'files', endpoint, rest: `/${encodeKey(key)}`, read })
    } catch (error) {
      if (!(error instanceof TransientError || error instanceof MalformedError)) throw error
      const isGivenUp = this.#options.optional && !this.#heard.has('files')
      if (error instanceof TransientError && isGivenUp) throw this.#down('files', error)
      if (error instanceof TransientError) await this.probe(error)
      throw new RefusedError(`${key}: ${error.message}`, '', { cause: error })
    }
  }

  /**
   * Whether the host of the files is down, or only did not give one for the reason `cause`. Throws
   * UnavailableError where it is down.
   */
  async probe(cause: Error | null = null): Promise<void> {
    const read: ReadAnswer<void> = async (response) => response.body?.cancel()
    try {
      await this.#persist({ host: 'files', endpoint: 'probe', rest: '/', read }, probePolicy)
    } catch (error) {
      if (error instanceof TransientError) throw this.#down('files', cause ?? error)
      if (!(error instanceof RefusedError)) throw error
    }
  }

  #down(host: ArchiveHost, cause: Error): UnavailableError {
    return new UnavailableError(
      `the archives are not available: ${cause.message}`,
      `check the network and ${urlVariables[host]}, then run the same command again; or use --source rest`,
      { cause },
    )
  }

  #url(host: ArchiveHost): string {
    return this.#options.urls[host].replace(/\/+$/, '')
  }

  async #persist<T>(ask: Ask<T>, policy = patientPolicy): Promise<T> {
    if (!this.#options.optional || this.#heard.has(ask.host)) return this.#repeat(ask, policy)
    try {
      return await this.#repeat(ask, firstContactPolicy)
    } catch (error) {
      // A host that is there and stumbles is worth the patience.
      if (!(error instanceof TransientError) || !this.#heard.has(ask.host)) throw error
      return this.#repeat(ask, policy)
    }
  }

  async #repeat<T>(ask: Ask<T>, policy: RetryPolicy): Promise<T> {
    const world = this.#world
    const host = new URL(this.#url(ask.host)).host
    try {
      return await retry({
        policy,
        clock: world,
        signal: world.signal,
        attempt: () => this.#once(ask, host),
        again: (error) => {
          if (error instanceof PauseError) return { atLeastMs: error.untilMs - world.nowMs() }
          return error instanceof TransientError || error instanceof MalformedError ? { atLeastMs: 0 } : false
        },
        told: (error, attempt, pauseMs) => {
          const reason = error instanceof Error ? error.message : String(error)
          if (error instanceof PauseError)
            this.#options.tell({ type: 'exchange-paused', host, untilMs: error.untilMs, reason })
          else this.#options.tell({ type: 'page-retried', host, attempt, pauseMs, reason: String(error) })
        },
      })
    } catch (error) {
      if (world.signal.aborted) throw world.signal.reason ?? new StoppedError()
      if (!(error instanceof PauseError)) throw error
      throw new UnavailableError(error.message, 'run again later', { cause: error })
    }
  }

  async #once<T>({ host: side, endpoint, rest, read }: Ask<T>, host: string): Promise<T> {
    const world = this.#world
    const startedMs = world.monotonicMs()
    const watch = watchSilence(
      world,
      () => (this.#options.optional && !this.#heard.has(side) ? FIRST_ANSWER_MS : STALL_MS),
      (silentMs) => new TransientError(`${host} has sent nothing for ${silentMs / 1_000} s`),
    )
    this.#requests += 1
    let code = 0
    try {
      const response = await world.fetch(`${this.#url(side)}${rest}`, {
        signal: watch.signal,
        // A zip does not get smaller, and its length is only known as long as nobody packs it again.
        headers: { 'user-agent': `petrosa/${world.version}`, 'accept-encoding': 'identity' },
        redirect: 'manual',
      })
      code = response.status
      this.#heard.add(side)
      watch.heard()
      if (code === 200) return await read(response, watch.heard)
      const none = new Uint8Array()
      const body = await readBody(response, FAILURE_BYTES, () => new Error('too large')).catch(() => none)
      throw archiveFailure({ host, rest, response, text: Buffer.from(body).toString(), nowMs: world.nowMs() })
    } catch (error) {
      if (world.signal.aborted) throw world.signal.reason ?? new StoppedError()
      if (watch.signal.aborted) throw watch.signal.reason
      throw networkFailure(error, host)
    } finally {
      watch.end()
      const durationMs = world.monotonicMs() - startedMs
      this.#options.tell({ type: 'request', host, endpoint, code, weight: 0, durationMs })
    }
  }
}

function readText<T>(mostBytes: number, read: (text: string) => T): ReadAnswer<T> {
  return async (response) => {
    const tooLarge = (): Error => new MalformedError(`the answer has more than ${mostBytes} bytes`)
    const body = await readBody(response, mostBytes, tooLarge)
    return read(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  }
}

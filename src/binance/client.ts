// One HTTP client for all markets: weight is reserved before a call and corrected after it, pauses and bans
// stop every caller of the host, and what may be asked again is asked again, within bounds. Every body is
// read or cancelled.
import type { Tell } from '../core/events.ts'
import { type RetryPolicy, retry } from '../core/retry.ts'
import type { Market } from '../core/series.ts'
import { MalformedError, RefusedError, StoppedError, UnavailableError, UserError } from '../errors.ts'
import type { World } from '../world.ts'
import { readBody } from './body.ts'
import { type Budgets, openBudgets } from './budgets.ts'
import { failure, LongPauseError, networkFailure, PauseError, TransientError } from './failures.ts'
import { parseExchangeError, readServerTime } from './json.ts'
import { type Bucket, marketFacts } from './markets.ts'
import { watchSilence } from './silence.ts'
import type { WeightBudget } from './weight.ts'

/** The whole of one try: connecting, waiting and reading. The exchange itself gives up after 10 s. */
const REQUEST_TIMEOUT_MS = 20_000

/** Tries of a request, and the pauses between them: 16 s at most in all. */
const patientPolicy: RetryPolicy = { attempts: 8, firstPauseMs: 200, longestPauseMs: 5_000 }

/** The same where the neighbour was refused for good just before. */
const hurriedPolicy: RetryPolicy = { attempts: 3, firstPauseMs: 200, longestPauseMs: 500 }

/** Pauses (429, 418) that one request sits out before it gives up. */
const MOST_PAUSES = 5

/** A page of 1,500 klines has about 260 KB; exchangeInfo of spot about 20 MB. */
export const PAGE_BYTES = 4 * 1024 * 1024
export const EXCHANGE_INFO_BYTES = 64 * 1024 * 1024

/** Bodies of failed answers are read as far as this, for their text. */
const FAILURE_BYTES = 64 * 1024

export type ClientRequest<T> = {
  readonly market: Market
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly weight: number
  /** What it is counted in; the market's weight where it does not say. */
  readonly bucket?: Bucket
  /** Whether it takes an API key. */
  readonly needsKey?: boolean
  readonly mostBytes: number
  readonly hurried?: boolean
  /** Reads the body; a MalformedError from here is a reason to ask again. */
  readonly read: (body: Uint8Array) => T
}

export type Reply<T> = { readonly value: T; readonly askedAtMs: number }

export type ClientOptions = {
  readonly urls: Readonly<Record<Market, string>>
  readonly weightShare: number
  /** What other clients of the same addresses spend too; a client's own where they are not given. */
  readonly budgets?: Budgets
  /** Sent with the requests that need one. */
  readonly apiKey: string | null
  readonly tell: Tell
}

export class Client {
  readonly #world: World
  readonly #options: ClientOptions
  readonly #budgets: Readonly<Record<Market, WeightBudget>>
  readonly #funding: WeightBudget
  #requests = 0
  #weight = 0

  constructor(world: World, options: ClientOptions) {
    this.#world = world
    this.#options = options
    const budgets = options.budgets ?? openBudgets(world, options.weightShare)
    this.#budgets = budgets.markets
    this.#funding = budgets.funding
  }

  /** Whether there is an API key to ask with. */
  get hasKey(): boolean {
    return this.#options.apiKey !== null
  }

  get requests(): number {
    return this.#requests
  }

  get weight(): number {
    return this.#weight
  }

  /** The host that a market is asked at. */
  host(market: Market): string {
    return new URL(this.#options.urls[market]).host
  }

  budget(market: Market): WeightBudget {
    return this.#budgets[market]
  }

  /** The exchange's clock now, epoch ms: never ahead of it, since the way back is not taken off. */
  nowMs(market: Market): number {
    return this.#budgets[market].nowMs()
  }

  /**
   * Asks the exchange for its clock, `hurried` where others may do. Throws UnavailableError when it does not
   * answer, UserError when it is no exchange.
   */
  async syncClock(market: Market, hurried = false): Promise<void> {
    try {
      await this.#readClock(market, hurried ? hurriedPolicy : patientPolicy)
    } catch (error) {
      if (error instanceof TransientError) throw this.#down(market, error)
      if (!(error instanceof RefusedError || error instanceof MalformedError)) throw error
      const advice = `check ${marketFacts[market].urlVariable}`
      throw new UserError(`${this.#options.urls[market]} is not the exchange: ${error.message}`, advice, {
        cause: error,
      })
    }
  }

  async #readClock(market: Market, policy: RetryPolicy): Promise<void> {
    const facts = marketFacts[market]
    const request = {
      market,
      path: facts.timePath,
      query: {},
      weight: facts.timeWeight,
      mostBytes: FAILURE_BYTES,
    }
    const reply = await this.#persist({ ...request, read: readServerTime }, policy)
    const offsetMs = reply.value - this.#world.monotonicMs()
    this.#budgets[market].setOffset(offsetMs)
    if (market === 'um') this.#funding.setOffset(offsetMs)
  }

  /**
   * One request, tried again as long as that may help. Throws RefusedError when the exchange is up but will
   * not answer this one, UnavailableError or UserError when nothing more can be had from it, StoppedError
   * when the program is told to stop.
   */
  async get<T>(request: ClientRequest<T>): Promise<Reply<T>> {
    try {
      return await this.#persist(request, request.hurried ? hurriedPolicy : patientPolicy)
    } catch (error) {
      if (!(error instanceof TransientError || error instanceof MalformedError)) throw error
      await this.#probe(request.market, error)
      throw new RefusedError(error.message, '', { cause: error })
    }
  }

  /**
   * Whether the exchange is down, or only unwilling: throws UnavailableError when it does not even tell the
   * time.
   */
  async #probe(market: Market, cause: Error): Promise<void> {
    try {
      await this.#readClock(market, hurriedPolicy)
    } catch (error) {
      if (error instanceof TransientError || error instanceof MalformedError) throw this.#down(market, cause)
      throw error
    }
  }

  #down(market: Market, cause: Error): UnavailableError {
    return new UnavailableError(
      `the exchange is not available: ${cause.message}`,
      `check the network and ${marketFacts[market].urlVariable}, then run the same command again`,
      { cause },
    )
  }

  async #persist<T>(request: ClientRequest<T>, policy: RetryPolicy): Promise<Reply<T>> {
    const world = this.#world
    for (let pauses = 0; ; pauses += 1) {
      try {
        return await retry({
          policy,
          clock: world,
          signal: world.signal,
          attempt: () => this.#once(request),
          again: (error) =>
            error instanceof TransientError || error instanceof MalformedError ? { atLeastMs: 0 } : false,
          told: (error, attempt, pauseMs) =>
            this.#options.tell({
              type: 'page-retried',
              host: this.host(request.market),
              attempt,
              pauseMs,
              reason: String(error),
            }),
        })
      } catch (error) {
        if (world.signal.aborted) throw world.signal.reason
        if (!(error instanceof PauseError)) throw error
        if (pauses >= MOST_PAUSES) {
          throw new UnavailableError(error.message, 'run again later, with a smaller --weight-share', {
            cause: error,
          })
        }
      }
    }
  }

  async #once<T>(request: ClientRequest<T>): Promise<Reply<T>> {
    const { market, path, weight } = request
    const host = this.host(request.market)
    const budget = this.#budgets[market]
    const ownBucket = request.bucket === 'funding'
    // A request of its own bucket waits for a pause of the host too, and spends none of its weight.
    if (ownBucket) await this.#funding.reserve(1, this.#world.signal)
    const minute = await budget.reserve(weight, this.#world.signal)
    let inFlight = true
    const askedAtMs = budget.nowMs()
    const startedMs = this.#world.monotonicMs()
    this.#requests += 1
    this.#weight += weight
    let code = 0
    const late = watchSilence(
      this.#world,
      () => REQUEST_TIMEOUT_MS,
      (silentMs) => new TransientError(`${host} did not answer within ${silentMs / 1_000} s`),
    )
    try {
      const query = new URLSearchParams(request.query).toString()
      const url = `${this.#options.urls[market].replace(/\/+$/, '')}${path}${query ? `?${query}` : ''}`
      const headers = { 'user-agent': `petrosa/${this.#world.version}`, ...this.#keyHeader(request) }
      const response = await this.#world.fetch(url, { signal: late.signal, headers, redirect: 'manual' })
      code = response.status
      budget.release(weight)
      inFlight = false
      const used = response.headers.get('x-mbx-used-weight-1m')
      if (!ownBucket && used !== null && /^\d+$/.test(used)) budget.learn(Number(used), minute, startedMs)
      this.#options.tell({ type: 'weight', host, used: budget.used, limit: budget.limit })
      if (code !== 200) throw await this.#failed(response, host, budget)
      const tooLarge = (): Error => new MalformedError(`the answer has more than ${request.mostBytes} bytes`)
      return { value: request.read(await readBody(response, request.mostBytes, tooLarge)), askedAtMs }
    } catch (error) {
      if (this.#world.signal.aborted) throw this.#world.signal.reason ?? new StoppedError()
      throw networkFailure(error, host)
    } finally {
      late.end()
      if (ownBucket) this.#funding.release(1)
      if (inFlight) budget.release(weight)
      const durationMs = this.#world.monotonicMs() - startedMs
      this.#options.tell({ type: 'request', host, endpoint: path, code, weight, durationMs })
    }
  }

  #keyHeader({ needsKey, market, path }: { needsKey?: boolean; market: Market; path: string }): object {
    if (!needsKey) return {}
    const { apiKey } = this.#options
    if (apiKey !== null) return { 'x-mbx-apikey': apiKey }
    throw lackOfKey(market, path)
  }

  /** The error of an answer that is not 200; a pause takes effect for every caller at once. */
  async #failed(response: Response, host: string, budget: WeightBudget): Promise<Error> {
    const none = new Uint8Array()
    const body = await readBody(response, FAILURE_BYTES, () => new Error('too large')).catch(() => none)
    const parsed = parseExchangeError(Buffer.from(body).toString())
    const retryAfter = response.headers.get('retry-after')
    // Before the exchange has told its time, the answer's own date is the nearest thing to it.
    const dateMs = budget.isClockKnown ? budget.nowMs() : Date.parse(response.headers.get('date') ?? '')
    const isClockKnown = Number.isFinite(dateMs)
    const nowMs = isClockKnown ? dateMs : budget.nowMs()
    const error = failure({
      host,
      status: response.status,
      retryAfterSeconds: retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null,
      code: parsed?.code ?? null,
      text: parsed?.msg ?? '',
      nowMs,
      isClockKnown,
    })
    if (error instanceof PauseError || error instanceof LongPauseError) {
      const untilMs = budget.nowMs() + error.untilMs - nowMs
      budget.pauseUntil(untilMs, error instanceof LongPauseError ? error : null)
      this.#options.tell({ type: 'exchange-paused', host, untilMs: error.untilMs, reason: error.message })
    }
    return error
  }
}

/** The error of whoever asks for what only keys are answered, and has none. */
export function lackOfKey(market: Market, path: string): UserError {
  const advice = 'set BINANCE_API_KEY (or BINANCE_API_KEY_FILE); any key does, without rights'
  return new UserError(`${path} of ${market} answers only with an API key`, advice)
}

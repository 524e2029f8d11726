// What the page hears: answers of the routes, asked again when the stream of events says that they have
// changed, at most every two seconds; where there is no stream, they are asked for now and then.
import type { Exchange, Known, Pass, Status, Timelines, Trouble } from './answers.ts'

/** Between two questions for the same, ms. */
const LEAST_PAUSE_MS = 2_000
/** How often it asks where nothing tells it of news, ms. */
const ASK_EVERY_MS = 10_000
/** And where all is quiet: lags grow without an event. */
const QUIET_MS = 60_000
const ANSWER_LIMIT_MS = 15_000
/** So exact is what an answer says of the program's clock, ms. */
const CLOCK_MS = 2_000
/** Of so long the rows a second are the mean, ms. */
const RATE_MS = 5_000

const blank: Known = {
  ...{ status: null, timelines: null, errors: [] },
  ...{ connection: 'connecting', aheadMs: 0, heardAtMs: 0, rowsPerSecond: null },
}

/** Asks a route; `heard` gets the program's clock, epoch ms. Throws where it does not answer with JSON. */
export async function ask<T>(path: string, heard: (atMs: number) => void = () => undefined): Promise<T> {
  const response = await fetch(path, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })
  const body = (await response.json()) as T & { readonly error?: string }
  if (!response.ok) throw new Error(body.error ?? `HTTP ${response.status}`)
  const atMs = Date.parse(response.headers.get('date') ?? '')
  if (Number.isFinite(atMs)) heard(atMs)
  return body
}

export class News {
  known: Known = blank
  readonly #changed: (known: Known) => void
  readonly #timelinePath: () => string
  #askedAtMs = 0
  #waiting: ReturnType<typeof setTimeout> | null = null
  #written: { atMs: number; rows: number }[] = []

  /** `changed` is called whenever more is known; `timelinePath` names the part of time that is shown. */
  constructor(changed: (known: Known) => void, timelinePath: () => string) {
    this.#changed = changed
    this.#timelinePath = timelinePath
  }

  /** Begins to listen. */
  start(): void {
    this.#listen()
    this.refresh()
    setInterval(() => {
      const pauseMs = this.known.connection === 'live' ? QUIET_MS : ASK_EVERY_MS
      if (performance.now() - this.#askedAtMs >= pauseMs) this.refresh()
    }, 1_000)
  }

  /** Asks for everything, now or as soon as it may. */
  refresh(): void {
    if (this.#waiting !== null) return
    const pauseMs = Math.max(0, this.#askedAtMs + LEAST_PAUSE_MS - performance.now())
    this.#waiting = setTimeout(
      () => {
        this.#waiting = null
        void this.#ask()
      },
      this.#askedAtMs === 0 ? 0 : pauseMs,
    )
  }

  /** Asks at once, since somebody has asked for another part of time. */
  async refreshNow(): Promise<void> {
    await this.#ask()
  }

  async #ask(): Promise<void> {
    this.#askedAtMs = performance.now()
    let { aheadMs } = this.known
    const heard = (atMs: number): void => {
      const ms = atMs - Date.now()
      aheadMs = Math.abs(ms) > CLOCK_MS ? ms : 0
    }
    try {
      const [status, timelines, { errors }] = await Promise.all([
        ask<Status>('/api/status', heard),
        ask<Timelines>(this.#timelinePath()),
        ask<{ errors: readonly Trouble[] }>('/api/errors'),
      ])
      const connection = this.known.connection === 'live' ? 'live' : 'asking'
      this.#learn({ status, timelines, errors, connection, aheadMs })
    } catch {
      this.#learn({ connection: 'lost' })
    }
  }

  #learn(news: Partial<Known>): void {
    const heardAtMs = news.connection === 'lost' ? this.known.heardAtMs : Date.now()
    const known = { ...this.known, heardAtMs, ...news }
    this.known = { ...known, rowsPerSecond: this.#rate(known) }
    this.#changed(this.known)
  }

  #listen(): void {
    const events = new EventSource('/events')
    const on = (name: string, heard: (data: unknown) => void): void =>
      events.addEventListener(name, ({ data }: MessageEvent<string>) => heard(JSON.parse(data)))
    events.addEventListener('open', () => {
      this.#learn({ connection: 'live' })
      if (this.#askedAtMs > 0) this.refresh()
    })
    events.addEventListener('error', () => {
      // Whether it is lost the next answer tells: it may only have no place for one more who listens.
      const connection = this.known.connection === 'lost' ? 'lost' : 'asking'
      this.#learn({ connection, heardAtMs: this.known.heardAtMs })
      this.refresh()
      // Too many listen, or something else answers: the browser does not try again by itself.
      if (events.readyState === EventSource.CLOSED) setTimeout(() => this.#listen(), ASK_EVERY_MS)
    })
    on('pass', (pass) => this.#update({ pass: pass as Pass }))
    on('exchange', (exchange) => this.#update({ exchange: exchange as Exchange }))
    on('ready', (ready) => this.#update({ not_ready: (ready as { reasons: readonly string[] }).reasons }))
    on('trouble', (data) => this.#trouble((data as { errors: readonly Trouble[] }).errors))
    on('batch-written', (data) => {
      this.#written.push({ atMs: performance.now(), rows: (data as { rows: number }).rows })
      this.#learn({})
    })
    for (const name of ['stored', 'pass-ended', 'pass-started']) on(name, () => this.refresh())
  }

  #update(news: Partial<Status>): void {
    const { status } = this.known
    this.#learn(status ? { status: { ...status, ...news } } : {})
  }

  #trouble(fresh: readonly Trouble[]): void {
    const isSame = (a: Trouble, b: Trouble): boolean => a.kind === b.kind && a.message === b.message
    const others = this.known.errors.filter((one) => !fresh.some((other) => isSame(one, other)))
    this.#learn({ errors: [...fresh, ...others].slice(0, 50) })
  }

  #rate({ status }: Known): number | null {
    const nowMs = performance.now()
    this.#written = this.#written.filter(({ atMs }) => nowMs - atMs < RATE_MS)
    if (status?.pass.running !== true) return null
    return this.#written.reduce((sum, { rows }) => sum + rows, 0) / (RATE_MS / 1_000)
  }
}

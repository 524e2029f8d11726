// So many at a time: who comes when all turns are taken waits for one, in the order of coming.

export class Turns {
  #left: number
  readonly #waiting: {
    readonly resolve: () => void
    readonly stop: () => void
    readonly signal: AbortSignal
  }[] = []

  /** `count` may have a turn at once. */
  constructor(count: number) {
    this.#left = count
  }

  /** Waits for a turn. Rejects with the signal's reason when it is aborted first. */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#left > 0) {
      this.#left -= 1
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const stop = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
      reject(signal.reason)
    }
    const waiter = { resolve, stop, signal }
    this.#waiting.push(waiter)
    signal.addEventListener('abort', stop, { once: true })
    await promise
  }

  /** Ends a turn: the next in line has it. */
  give(): void {
    const next = this.#waiting.shift()
    if (!next) {
      this.#left += 1
      return
    }
    next.signal.removeEventListener('abort', next.stop)
    next.resolve()
  }
}

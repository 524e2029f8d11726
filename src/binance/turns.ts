// So much of something for all who want it at once: bytes of memory, downloads in flight. Who asks first is
// served first.

export class Quota {
  readonly #total: number
  #left: number
  readonly #queue: (() => void)[] = []

  /** `total` is all that there is, in whatever unit. */
  constructor(total: number) {
    this.#total = total
    this.#left = total
  }

  /** Whether `amount` can be had at all. */
  holds(amount: number): boolean {
    return amount <= this.#total
  }

  /** Takes `amount` if it is there now and nobody waits. */
  tryTake(amount: number): boolean {
    if (this.#queue.length > 0 || amount > this.#left) return false
    this.#left -= amount
    return true
  }

  /** Waits until `amount` is there, and takes it. Rejects with the signal's reason when it is aborted first. */
  async take(amount: number, signal: AbortSignal): Promise<void> {
    if (!this.holds(amount)) throw new Error(`${amount} of ${this.#total} will never be there`)
    signal.throwIfAborted()
    if (this.tryTake(amount)) return
    const turn = Promise.withResolvers<void>()
    const stop = (): void => {
      this.#queue.splice(this.#queue.indexOf(serve), 1)
      turn.reject(signal.reason)
      this.#serve()
    }
    const serve = (): void => {
      if (amount > this.#left) return
      this.#left -= amount
      this.#queue.shift()
      signal.removeEventListener('abort', stop)
      turn.resolve()
    }
    this.#queue.push(serve)
    signal.addEventListener('abort', stop, { once: true })
    await turn.promise
  }

  /** Gives back what was taken. */
  give(amount: number): void {
    this.#left += amount
    this.#serve()
  }

  /** Serves those who wait, in their order, as far as it goes. */
  #serve(): void {
    for (let first = this.#queue[0]; first; ) {
      first()
      const next = this.#queue[0]
      if (next === first) return
      first = next
    }
  }
}

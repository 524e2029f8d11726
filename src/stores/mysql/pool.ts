// A bounded number of sessions, lent to one piece of work each. A session in which anything failed is
// thrown away, never lent again: what a half-done command leaves on a connection is the driver's secret (a
// failed LOAD leaks listeners).
import { UnavailableError } from '../../errors.ts'
import type { Address } from './address.ts'
import { openSession, type Session } from './session.ts'

export class SessionPool {
  readonly #address: Address
  readonly #most: number
  readonly #idle: Session[] = []
  readonly #waiting: (() => void)[] = []
  #lent = 0
  #closed = false

  /** Lends at most `most` sessions at once; further work waits for its turn. */
  constructor(address: Address, most: number) {
    this.#address = address
    this.#most = most
  }

  /** Runs `work` with a session of its own, and throws what it throws. */
  async use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.#turn()
    if (this.#closed) {
      this.#giveBack()
      throw new UnavailableError(`the store is closed (${this.#address.place})`, 'open it again')
    }
    try {
      const session = this.#takeIdle() ?? (await openSession(this.#address))
      try {
        const result = await work(session)
        // A session outside of any database is of no use once the database is made.
        if (this.#closed || session.isBroken() || !session.hasDatabase) session.connection.destroy()
        else this.#idle.push(session)
        return result
      } catch (error) {
        session.connection.destroy()
        throw error
      }
    } finally {
      this.#giveBack()
    }
  }

  /** Says goodbye on idle sessions; those at work end with it. */
  async close(): Promise<void> {
    this.#closed = true
    const idle = this.#idle.splice(0).filter((session) => !session.isBroken())
    await Promise.allSettled(idle.map((session) => session.connection.end()))
  }

  async #turn(): Promise<void> {
    while (this.#lent >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#lent += 1
  }

  #giveBack(): void {
    this.#lent -= 1
    this.#waiting.shift()?.()
  }

  #takeIdle(): Session | undefined {
    for (;;) {
      const session = this.#idle.pop()
      if (!session?.isBroken()) return session
      session.connection.destroy()
    }
  }
}

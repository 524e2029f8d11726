// A bounded pool of sessions. A session that failed in its transaction is not given to the next caller unless
// it is sound.
import { UnavailableError } from '../../errors.ts'
import type { Session } from './session.ts'

export type Pool = {
  /**
   * Runs `work` with a session of its own, waiting for one while all are taken. Throws what opening or `work`
   * throws, and UnavailableError when the pool is closed.
   */
  use<T>(work: (session: Session) => Promise<T>): Promise<T>
  /** Ends every session, after what is under way on it. */
  close(): Promise<void>
}

/** A pool that opens at most `size` sessions, each when it is needed first. */
export function sessionPool(size: number, open: () => Promise<Session>): Pool {
  const idle: Session[] = []
  const waiting: (() => void)[] = []
  let taken = 0
  let closed = false
  const take = async (): Promise<void> => {
    if (taken < size) taken += 1
    // The place is handed over without being given back in between.
    else await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const giveBack = (): void => {
    const next = waiting.shift()
    if (next) next()
    else taken -= 1
  }
  const idleSession = (): Session | undefined => {
    for (let session = idle.pop(); session; session = idle.pop()) {
      if (session.isAlive()) return session
    }
    return undefined
  }
  return {
    async use(work) {
      if (closed) throw new UnavailableError('the store is closed', 'run the command again')
      await take()
      try {
        const session = idleSession() ?? (await open())
        try {
          return await work(session)
        } finally {
          if (closed) await session.end()
          else if (session.isAlive()) idle.push(session)
        }
      } finally {
        giveBack()
      }
    },
    async close() {
      closed = true
      await Promise.all(idle.splice(0).map((session) => session.end()))
    },
  }
}

// A gate that so many may be behind at once; the others wait in the order in which they came.

export type Gate = {
  /**
   * Resolves with the way out when there is room. Rejects with the signal's reason when it is aborted
   * first.
   */
  enter(signal: AbortSignal): Promise<() => void>
}

/** A gate for `most` at once. */
export function openGate(most: number): Gate {
  const waiting: (() => void)[] = []
  let inside = 0
  /** Whoever leaves hands the place on, so that nobody who comes later takes it. */
  const leave = (): void => {
    const next = waiting.shift()
    if (next) next()
    else inside -= 1
  }
  const turn = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const stop = (): void => {
        waiting.splice(waiting.indexOf(come), 1)
        reject(signal.reason)
      }
      const come = (): void => {
        signal.removeEventListener('abort', stop)
        resolve()
      }
      waiting.push(come)
      signal.addEventListener('abort', stop, { once: true })
    })
  return {
    async enter(signal) {
      signal.throwIfAborted()
      if (inside >= most) await turn(signal)
      else inside += 1
      if (!signal.aborted) return leave
      leave()
      throw signal.reason
    },
  }
}

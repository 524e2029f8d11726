// The store's side of the worker: one call is one message there and one back.
import { version } from '../../version.ts'
import type { SqliteCalls } from './calls.ts'
import { type Answer, type CallName, errorOf } from './messages.ts'

export type Remote = {
  /** Makes a call in the worker; rejects with what it throws there. `transfer` changes hands. */
  call<N extends CallName>(
    name: N,
    values: Parameters<SqliteCalls[N]>,
    transfer?: ArrayBuffer[],
  ): Promise<ReturnType<SqliteCalls[N]>>
  /** Ends the worker; calls that are under way are rejected. */
  end(): void
}

type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }

/** Starts a worker, with no database open yet. */
export function startRemote(): Remote {
  // In the binary a worker has its path from src as its name, in the sources it is a file beside this one.
  // A small heap: what comes in is text for a moment, and would pile up as garbage.
  const options = { smol: true }
  const worker =
    version === 'source'
      ? new Worker(new URL('./worker.ts', import.meta.url), options)
      : new Worker('./stores/sqlite/worker.ts', options)
  const waiting = new Map<number, Waiting>()
  let calls = 0
  let ended = false
  const fail = (error: Error): void => {
    ended = true
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    const call = waiting.get(data.id)
    waiting.delete(data.id)
    if ('failure' in data) call?.reject(errorOf(data.failure))
    else call?.resolve(data.value)
  }
  worker.onerror = (event) => fail(new Error(`the thread of the database broke: ${event.message}`))
  return {
    call: <N extends CallName>(name: N, values: Parameters<SqliteCalls[N]>, transfer: ArrayBuffer[] = []) =>
      new Promise<ReturnType<SqliteCalls[N]>>((resolve, reject) => {
        if (ended) throw new Error('the thread of the database has ended')
        calls += 1
        // The worker answers a call by its name, so what comes back is what that call returns.
        waiting.set(calls, { resolve: resolve as (value: unknown) => void, reject })
        worker.postMessage({ id: calls, name, values }, transfer)
      }),
    end: () => {
      fail(new Error('the thread of the database was ended'))
      worker.terminate()
    },
  }
}

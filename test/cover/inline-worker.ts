// Loaded before the tests when coverage is measured: SQLite's worker runs on this thread, since what runs on
// another is not measured. A call is still a message, copied and answered later.
import { sqliteCalls } from '../../src/stores/sqlite/calls.ts'
import { type Answer, type Call, failureOf } from '../../src/stores/sqlite/messages.ts'

class InlineWorker {
  readonly #calls = sqliteCalls()
  onmessage: ((event: { readonly data: Answer }) => void) | null = null
  onerror: ((event: { readonly message: string }) => void) | null = null
  #ended = false

  postMessage(data: Call, transfer: ArrayBuffer[] = []): void {
    const { id, name, values } = structuredClone(data, { transfer })
    setImmediate(() => {
      if (!this.#ended) this.onmessage?.({ data: structuredClone(this.#answer(id, name, values)) })
    })
  }

  #answer(id: number, name: Call['name'], values: Call['values']): Answer {
    try {
      return { id, value: Reflect.apply(this.#calls[name], undefined, values) }
    } catch (error) {
      return { id, failure: failureOf(error) }
    }
  }

  terminate(): void {
    this.#ended = true
  }
}

const { Worker: REAL_WORKER } = globalThis
globalThis.Worker = new Proxy(REAL_WORKER, {
  construct: (target, [url, ...rest]) =>
    String(url).endsWith('/sqlite/worker.ts')
      ? new InlineWorker()
      : Reflect.construct(target, [url, ...rest]),
})

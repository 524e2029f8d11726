// Starts the local exchange as a process and gives back a typed handle to it. The process ends with the one
// that started it, since it holds the other end of its standard input.
import type { ControlBodies } from './control.ts'
import type { Counts, LogEntry } from './counts.ts'
import type { Listening, ProcessOptions } from './exchange-process.ts'
import type { Faults } from './faults.ts'

export type SpawnedExchange = {
  readonly url: string
  readonly pid: number
  counts(): Promise<Counts>
  log(): Promise<readonly LogEntry[]>
  resetCounts(): Promise<void>
  setFaults(faults: Faults): Promise<void>
  setNowMs(nowMs: number): Promise<void>
  /** Refuses connections for `forMs`, then listens again on the same port. */
  down(forMs: number): Promise<void>
  /** Ends the process and waits for it. */
  stop(): Promise<void>
}

/** How long a process may take to listen. */
const START_MS = 10_000
const program = new URL('./exchange-process.ts', import.meta.url).pathname

/**
 * Starts an exchange in a process of its own; the path of a file may stand for options that are too long for
 * an argument.
 */
export async function spawnExchange(options: ProcessOptions | string): Promise<SpawnedExchange> {
  const argument = typeof options === 'string' ? options : JSON.stringify(options)
  const child = Bun.spawn([process.execPath, program, argument], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const { url, pid } = await firstLine(child.stdout).catch((error: unknown) => {
    child.kill()
    throw error
  })
  const get = async <T>(path: string): Promise<T> => (await (await ask(url + path)).json()) as T
  const post = async <P extends keyof ControlBodies>(path: P, body: ControlBodies[P]): Promise<void> => {
    const response = await ask(url + path, { method: 'POST', body: JSON.stringify(body) })
    await response.body?.cancel()
  }
  return {
    url,
    pid,
    counts: () => get('/_rig/counts'),
    log: () => get('/_rig/log'),
    resetCounts: () => post('/_rig/reset-counts', {}),
    setFaults: (faults) => post('/_rig/faults', faults),
    setNowMs: (nowMs) => post('/_rig/clock', { nowMs }),
    down: (forMs) => post('/_rig/down', { forMs }),
    async stop() {
      child.kill('SIGTERM')
      await child.exited
    },
  }
}

/** Control answers on a connection of its own, so that a kept one that just went down is never met. */
async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, { ...init, headers: { connection: 'close' } })
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return response
}

async function firstLine(output: ReadableStream<Uint8Array>): Promise<Listening> {
  const timeout = AbortSignal.timeout(START_MS)
  const reader = output.getReader()
  const stop = (): void => void reader.cancel()
  timeout.addEventListener('abort', stop)
  let text = ''
  while (!text.includes('\n')) {
    const { done, value } = await reader.read()
    if (done) throw new Error(`the exchange ended, or said nothing for ${START_MS} ms: ${text}`)
    text += Buffer.from(value).toString()
  }
  timeout.removeEventListener('abort', stop)
  reader.releaseLock()
  return JSON.parse(text) as Listening
}

// A wire between a client and a server that can be cut at an exact place: for a server that is gone in the
// middle of a write, that hangs, or that did what it was told while its answer was lost.
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What becomes of what passes through. */
export type WireFault =
  /** Everything is forwarded. */
  | { readonly kind: 'none' }
  /** New connections are closed at once. */
  | { readonly kind: 'refuse' }
  /** Nothing is forwarded any more, and nothing is closed. */
  | { readonly kind: 'hang' }
  /** Each connection is cut when it has sent so many bytes to the server. */
  | { readonly kind: 'cut-after'; readonly bytes: number }
  /**
   * What holds `text` reaches the server; its answer does not come back, and the line is cut when it is
   * there.
   */
  | { readonly kind: 'lose-answer'; readonly text: string }

export type TcpProxy = {
  readonly port: number
  /** Sets the fault for what comes from now on; a fault that strikes `times` times is 'none' after that. */
  set(fault: WireFault, times?: number): void
  /** How often a fault struck. */
  struck(): number
  /** Cuts every open connection. */
  cut(): void
  close(): Promise<void>
}

/** Listens on a free port of this machine and forwards to `host:port`. */
export async function startTcpProxy(host: string, port: number): Promise<TcpProxy> {
  const wire = new Wire(host, port)
  await wire.listen()
  return wire
}

class Wire implements TcpProxy {
  readonly #host: string
  readonly #target: number
  readonly #server: Server
  readonly #open = new Set<Socket>()
  #fault: WireFault = { kind: 'none' }
  #left = 0
  #struck = 0
  port = 0

  constructor(host: string, target: number) {
    this.#host = host
    this.#target = target
    this.#server = createServer((client) => this.#join(client))
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    this.port = address.port
  }

  set(fault: WireFault, times = Number.POSITIVE_INFINITY): void {
    this.#fault = fault
    this.#left = times
  }

  struck(): number {
    return this.#struck
  }

  cut(): void {
    for (const socket of this.#open) socket.destroy()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #strike(): void {
    this.#struck += 1
    this.#left -= 1
    if (this.#left <= 0) this.#fault = { kind: 'none' }
  }

  #join(client: Socket): void {
    if (this.#fault.kind === 'refuse') {
      this.#strike()
      client.destroy()
      return
    }
    const server = connect(this.#target, this.#host)
    const both = [client, server]
    const end = (): void => {
      for (const socket of both) socket.destroy()
    }
    for (const socket of both) {
      this.#open.add(socket)
      socket.setNoDelay(true)
      socket.on('error', end)
      socket.on('close', () => {
        this.#open.delete(socket)
        end()
      })
    }
    let sent = 0
    let answerLost = false
    client.on('data', (data) => {
      const fault = this.#fault
      if (fault.kind === 'hang') return
      sent += data.length
      if (fault.kind === 'cut-after' && sent >= fault.bytes) {
        this.#strike()
        end()
        return
      }
      if (fault.kind === 'lose-answer' && data.includes(fault.text)) {
        this.#strike()
        answerLost = true
      }
      server.write(data)
    })
    server.on('data', (data) => {
      if (answerLost) end()
      else if (this.#fault.kind !== 'hang') client.write(data)
    })
  }
}

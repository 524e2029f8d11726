// A wire between a client and a server that fails at an exact point: before or after what the client sends is
// passed on, or for good. Killing a server is not exact: nobody can say whether a commit was done.
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/**
 * cut-before: what holds the text is not passed on. lose-answer: it is, and the answer never comes. Both then
 * cut the wire.
 */
export type WireFault = 'cut-before' | 'lose-answer' | 'hang'

export type TcpProxy = {
  readonly port: number
  /** How many connections were made so far. */
  connections(): number
  /** Fails once, at the first upload that holds `text`. */
  failOnce(fault: WireFault, text: string): void
  /** Cuts every wire and, until `heal`, every new one. */
  cut(): void
  heal(): void
  close(): Promise<void>
}

type State = {
  fault: WireFault | null
  text: string
  down: boolean
  made: number
  readonly wires: Set<Socket>
}

/** A proxy on a free port of 127.0.0.1 to `host`:`port`. */
export async function tcpProxy(host: string, port: number): Promise<TcpProxy> {
  const state: State = { fault: null, text: '', down: false, made: 0, wires: new Set() }
  const server = createServer((client) => wire(client, connect(port, host), state))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => {
    for (const socket of state.wires) socket.destroy()
  }
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => state.made,
    failOnce: (fault, text) => {
      Object.assign(state, { fault, text })
    },
    cut: () => {
      state.down = true
      cut()
    },
    heal: () => {
      state.down = false
    },
    close: () => {
      cut()
      return closed(server)
    },
  }
}

function wire(client: Socket, server: Socket, state: State): void {
  let answers = true
  const end = (): void => {
    client.destroy()
    server.destroy()
  }
  for (const socket of [client, server]) {
    state.wires.add(socket)
    socket.on('error', end)
    socket.on('close', () => {
      state.wires.delete(socket)
      end()
    })
  }
  if (state.down) {
    end()
    return
  }
  state.made += 1
  client.on('data', (bytes) => {
    const { fault } = state
    if (fault === null || !bytes.includes(state.text)) {
      server.write(bytes)
      return
    }
    state.fault = null
    answers = false
    if (fault === 'cut-before') end()
    else server.write(bytes)
    if (fault === 'hang') server.pause()
  })
  server.on('data', (bytes) => {
    // The first bytes after the fault are the answer: the server has done the work by now.
    if (answers) client.write(bytes)
    else end()
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}

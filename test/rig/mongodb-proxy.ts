// A door to a MongoDB server that can be slammed: it forwards whole messages of the wire protocol, knows the
// command in each, and makes the nth one fail in a chosen way. So a test can stop a write at every point
// there is, exactly.
import { connect, createServer, type Socket } from 'node:net'

/**
 * cut: the command never reaches the server. lose-answer: the server does it, and the client never hears of
 * it. gone: the server is away from this command on. gone-after: it does the command, and is away then.
 */
export type Fault = 'cut' | 'lose-answer' | 'gone' | 'gone-after'

export type MongodbProxy = {
  /** A URI of the database through the proxy. */
  uri(database: string, query?: string): string
  /** Makes command `from` (counted from 1, now) fail, and the `times - 1` after it. */
  fail(fault: Fault, from: number, times?: number): void
  /** Has `meanwhile` done before command `from` (counted from 1, now) goes on to the server. */
  hold(from: number, meanwhile: () => Promise<void>): void
  /** No more faults; a server that was gone is back. */
  heal(): void
  /** The commands that came since the last `fail` or `heal`. */
  commands(): readonly string[]
  close(): Promise<void>
}

/** What the driver says by itself is not counted. */
const uncounted = new Set([
  'hello',
  'isMaster',
  'ismaster',
  'ping',
  'endSessions',
  'saslStart',
  'saslContinue',
])

const OP_MSG = 2013
const HEADER_BYTES = 16

/** Listens on a free port and forwards to the server of `server`. */
export async function startMongodbProxy(server: string): Promise<MongodbProxy> {
  const [, host = '127.0.0.1', port = '27017'] = /^mongodb:\/\/([^:/,]+):(\d+)/.exec(server) ?? []
  const sockets = new Set<Socket>()
  let plan: { fault: Fault; from: number; times: number } | null = null
  let held: { from: number; meanwhile: () => Promise<void> } | null = null
  let seen: string[] = []
  let away = false
  const goAway = (): void => {
    away = true
    for (const socket of sockets) socket.destroy()
  }
  const faultOf = (command: string): Fault | null => {
    if (uncounted.has(command)) return null
    seen.push(command)
    const at = seen.length
    return plan && at >= plan.from && at < plan.from + plan.times ? plan.fault : null
  }
  const listener = createServer((client) => {
    if (away) {
      client.destroy()
      return
    }
    const upstream = connect(Number(port), host)
    let silent: Fault | null = null
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    upstream.on('data', (bytes) => {
      if (silent === 'gone-after') goAway()
      else if (silent) client.destroy()
      else client.write(bytes)
    })
    eachMessage(client, (message) => {
      const fault = faultOf(commandOf(message))
      if (fault === 'cut') client.destroy()
      else if (fault === 'gone') goAway()
      else {
        silent = fault
        const isHeld = held?.from === seen.length && !uncounted.has(commandOf(message))
        if (!held || !isHeld) upstream.write(message)
        else held.meanwhile().then(() => upstream.write(message), goAway)
      }
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  const own = typeof address === 'object' && address ? address.port : 0
  const reset = (next: typeof plan): void => {
    plan = next
    held = null
    seen = []
    away = false
  }
  return {
    uri: (database, query = '') => `mongodb://127.0.0.1:${own}/${database}?directConnection=true${query}`,
    fail: (fault, from, times = 1) => reset({ fault, from, times }),
    hold: (from, meanwhile) => {
      reset(null)
      held = { from, meanwhile }
    },
    heal: () => reset(null),
    commands: () => seen,
    close: async () => {
      goAway()
      await new Promise<void>((resolve) => listener.close(() => resolve()))
    },
  }
}

/** Calls `take` with every whole message that comes in. */
function eachMessage(socket: Socket, take: (message: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes])
    while (pending.length >= HEADER_BYTES) {
      const length = pending.readInt32LE(0)
      if (pending.length < length) return
      take(pending.subarray(0, length))
      pending = pending.subarray(length)
    }
  })
}

/**
 * The command of an OP_MSG: the name of the first field of its body, after header, flags, kind, length and
 * type.
 */
function commandOf(message: Buffer): string {
  if (message.readInt32LE(12) !== OP_MSG) return 'hello'
  const from = HEADER_BYTES + 4 + 1 + 4 + 1
  return message.toString('latin1', from, message.indexOf(0, from))
}

// Control of an exchange that runs as its own process, over its own port under /_rig/. Never a part of
// Binance's paths.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { LocalExchange } from './exchange.ts'
import type { Faults } from './faults.ts'
import { send } from './wire.ts'

const MAX_BODY_BYTES = 1024 * 1024
/** The longest that an exchange can be told to stay down for. */
const LONGEST_DOWN_MS = 600_000

/** Routes that change something take their argument as a JSON body and answer {}. */
export type ControlBodies = {
  readonly '/_rig/faults': Faults
  readonly '/_rig/clock': { readonly nowMs: number }
  /** Down for so long, then up again on the same port: nobody could reach it to say so. */
  readonly '/_rig/down': { readonly forMs: number }
  readonly '/_rig/reset-counts': Record<string, never>
  readonly '/_rig/stop': Record<string, never>
}

/** Answers GET /_rig/counts, GET /_rig/log, and the POST routes of ControlBodies. */
export async function answerControl(
  exchange: LocalExchange,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reply = (status: number, value: unknown): void =>
    send(
      response,
      { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) },
      false,
    )
  try {
    if (request.method === 'GET' && path === '/_rig/counts') return reply(200, exchange.counts())
    if (request.method === 'GET' && path === '/_rig/log') return reply(200, exchange.log())
    if (request.method !== 'POST') return reply(405, { error: `${path} is no GET route of the rig` })
    const body = await readJson(request)
    if (!obey(exchange, path, body)) return reply(404, { error: `the rig has no ${path}` })
    reply(200, {})
  } catch (error) {
    reply(400, { error: String(error) })
  }
}

/**
 * Does what a POST asks for; false when there is no such route. What ends the connection is done after the
 * answer.
 */
function obey(exchange: LocalExchange, path: string, body: unknown): boolean {
  switch (path as keyof ControlBodies) {
    case '/_rig/faults':
      exchange.setFaults(body as Faults)
      return true
    case '/_rig/clock':
      exchange.setNowMs(numberOf(body, 'nowMs'))
      return true
    case '/_rig/reset-counts':
      exchange.resetCounts()
      return true
    case '/_rig/down': {
      const forMs = Math.min(numberOf(body, 'forMs'), LONGEST_DOWN_MS)
      setTimeout(() => void exchange.down(), 1)
      setTimeout(() => void exchange.up(), 1 + forMs)
      return true
    }
    case '/_rig/stop':
      setTimeout(() => void exchange.stop().then(() => process.exit(0)), 1)
      return true
    default:
      return false
  }
}

function numberOf(body: unknown, name: string): number {
  const value = (body as Record<string, unknown> | null)?.[name]
  if (typeof value !== 'number') throw new Error(`the body must hold the number ${name}`)
  return value
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > MAX_BODY_BYTES) throw new Error(`a body may have ${MAX_BODY_BYTES} bytes`)
  }
  return text === '' ? {} : JSON.parse(text)
}

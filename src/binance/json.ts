// JSON bodies of the exchange that are no pages of rows: its clock, its errors, its lists. Each is checked
// before anybody believes it.
import { type GenericSchema, number as numeric, object, safeParse, string } from 'valibot'
import { MalformedError } from '../errors.ts'

const exchangeError = object({ code: numeric(), msg: string() })

/** What the exchange says in a failed answer; null where the body is none of its JSON. */
export function parseExchangeError(text: string): { code: number; msg: string } | null {
  try {
    const parsed = safeParse(exchangeError, JSON.parse(text))
    return parsed.success ? parsed.output : null
  } catch {
    // Not JSON: a page of a proxy or a firewall, of which the status says enough.
    return null
  }
}

const serverTime = object({ serverTime: numeric() })

/** The exchange's clock, epoch ms. Throws MalformedError. */
export function readServerTime(body: Uint8Array): number {
  return readJson(body, serverTime).serverTime
}

/** A JSON body that fits `schema`. Throws MalformedError. */
export function readJson<T>(body: Uint8Array, schema: GenericSchema<unknown, T>): T {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString())
  } catch (error) {
    throw new MalformedError('the answer is not JSON', '', { cause: error })
  }
  const checked = safeParse(schema, parsed)
  if (checked.success) return checked.output
  const issue = checked.issues[0]
  throw new MalformedError(`the answer is not what the exchange promises: ${issue.message}`)
}

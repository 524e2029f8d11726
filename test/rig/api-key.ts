// API keys as the local exchange takes them: any that looks like one of Binance's, except for one that was
// withdrawn. No key here opens anything.
import { Refusal } from './endpoint.ts'

/** A key that is taken, and one of the right form that is not. */
export const RIG_API_KEY = 'petrosa'.padEnd(64, '0')
export const WITHDRAWN_API_KEY = 'withdrawn'.padEnd(64, '0')

const keyPattern = /^[A-Za-z0-9]{64}$/

/**
 * Refuses a request without a key (-2014, recorded at COIN-M's historicalTrades; reference 5), and one with a
 * key that does not exist (-2015).
 */
export function checkApiKey(sent: unknown): void {
  if (typeof sent !== 'string' || !keyPattern.test(sent))
    throw new Refusal(-2014, 'API-key format invalid.', 401)
  if (sent === WITHDRAWN_API_KEY)
    throw new Refusal(-2015, 'Invalid API-key, IP, or permissions for action.', 401)
}

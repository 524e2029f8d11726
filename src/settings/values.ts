// How the text of a setting becomes its value. Each reader throws a Refusal that completes the sentence
// "--flag …".
import { didYouMean } from '../core/nearest.ts'

/** Why a value is refused, as the end of a sentence that begins with the setting's name. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  /** Whether the message says nothing of the value, so that it may be told of a secret. */
  readonly isDiscreet: boolean

  constructor(message: string, isDiscreet = false) {
    super(message)
    this.isDiscreet = isDiscreet
  }
}

export type Reader<T> = (text: string) => T

/** A moment: fixed, or so long before the exchange's now. */
export type Moment = { readonly atMs: number } | { readonly agoMs: number }

/** What a part of `1/4` is: this process takes the series whose hash leaves `index` when divided by `of`. */
export type Shard = { readonly index: number; readonly of: number }

export const anyText: Reader<string> = (text) => text

/** A bearer token: a header that names it ends at the first blank, so one with blanks could never be met. */
export const bearerToken: Reader<string> = (text) => {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Refusal('takes ASCII characters without blanks', true)
  return text
}

/** A comma list; blanks around the commas do not count, empty entries are refused. */
export const list: Reader<readonly string[]> = (text) => {
  const entries = text.split(',').map((entry) => entry.trim())
  if (entries.some((entry) => entry === '')) throw new Refusal('takes a comma list without empty entries')
  return [...new Set(entries)]
}

/** One of `names`; `aliases` maps further spellings to them. */
export function oneOf<const T extends string>(
  names: readonly T[],
  aliases: Readonly<Record<string, T>> = {},
): Reader<T> {
  return (text) => {
    const found =
      names.find((name) => name === text) ?? (Object.hasOwn(aliases, text) ? aliases[text] : undefined)
    if (found !== undefined) return found
    throw new Refusal(`takes ${names.join(', ')}, not '${text}'${suggestion(text, names)}`)
  }
}

/** A comma list of `names`. */
export function someOf<const T extends string>(names: readonly T[]): Reader<readonly T[]> {
  const one = oneOf(names)
  return (text) => list(text).map((entry) => one(entry))
}

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): Reader<number> {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw new Refusal(`takes a whole number from ${least} to ${most}, not '${text}'`)
  }
}

/** A number above `above`, at most `most`. */
export function numberIn(above: number, most: number): Reader<number> {
  return (text) => {
    const value = /^\d{1,12}(\.\d{1,12})?$/.test(text) ? Number(text) : Number.NaN
    if (value > above && value <= most) return value
    throw new Refusal(`takes a number above ${above}, at most ${most}, not '${text}'`)
  }
}

/** A number from 0 to `most`, where 0 turns something off. */
export function numberOrOff(most: number): Reader<number> {
  const above = numberIn(0, most)
  return (text) => (/^0(\.0{1,12})?$/.test(text) ? 0 : above(text))
}

/** A part of a whole, above 0 and at most all of it: 1% or 0.01. */
export const share: Reader<number> = (text) => {
  const parts = /^(\d{1,12}(?:\.\d{1,12})?)(%?)$/.exec(text)
  const value = Number(parts?.[1]) / (parts?.[2] === '%' ? 100 : 1)
  if (value > 0 && value <= 1) return value
  throw new Refusal(`takes a part such as 1% or 0.01, above 0 and at most 100%, not '${text}'`)
}

/** A switch: bare, or with 1/0, true/false, yes/no, on/off. */
export const onOff: Reader<boolean> = (text) => {
  if (/^(1|true|yes|on|)$/i.test(text)) return true
  if (/^(0|false|no|off)$/i.test(text)) return false
  throw new Refusal(`is a switch: true or false, not '${text}'`)
}

/** An http or https address without a query. */
export const httpUrl: Reader<string> = (text) => {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new Refusal(`takes an address such as https://host, not '${text}'`)
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new Refusal('takes an http:// or https:// address')
  if (url.search || url.hash) throw new Refusal('takes an address without ? and #')
  return text.replace(/\/+$/, '')
}

const agoUnitsMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

const isoPattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i

/**
 * ISO 8601 date or time (UTC when it names no zone), epoch milliseconds, `now`, or a time ago such as 24h or
 * 7d.
 */
export const moment: Reader<Moment> = (text) => {
  if (text === 'now') return { agoMs: 0 }
  const ago = /^(\d{1,9})([smhdw])$/.exec(text)
  if (ago) return { agoMs: Number(ago[1]) * (agoUnitsMs[ago[2] ?? ''] ?? Number.NaN) }
  if (text === '0') return { atMs: 0 }
  if (/^\d{10,15}$/.test(text)) {
    if (text.length < 12) throw new Refusal(`takes epoch milliseconds; '${text}' looks like seconds`)
    return { atMs: Number(text) }
  }
  const parts = isoPattern.exec(text)
  if (parts) {
    const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = parts
    const plain = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0')}`
    const utcMs = Date.parse(`${plain}Z`)
    // A date that the calendar does not have (2024-02-30) is not moved to the next month in silence.
    if (Number.isFinite(utcMs) && new Date(utcMs).toISOString() === `${plain}Z`) {
      const offset = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone)
      const sign = offset?.[1] === '-' ? -1 : 1
      const offsetMs = offset ? sign * (Number(offset[2]) * 60 + Number(offset[3] ?? 0)) * 60_000 : 0
      return { atMs: utcMs - offsetMs }
    }
  }
  throw new Refusal(
    `takes a time such as 2024-01-31 or 2024-01-31T12:00Z, epoch ms, now, or 24h, 7d ago, not '${text}'`,
  )
}

/** `i/n`, i from 0. */
export const shard: Reader<Shard> = (text) => {
  const parts = /^(\d{1,6})\/(\d{1,6})$/.exec(text)
  const index = Number(parts?.[1])
  const of = Number(parts?.[2])
  if (parts && of > 0 && index < of) return { index, of }
  throw new Refusal(`takes i/n with i from 0 to n-1, such as 0/4, not '${text}'`)
}

function suggestion(text: string, names: readonly string[]): string {
  const near = didYouMean(text, names)
  return near ? `; ${near}` : ''
}

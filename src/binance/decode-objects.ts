// Reads bodies that are arrays of flat objects: trades and funding rates. A scanner of its own, because
// JSON.parse would round ids of more than 53 bits; every token is checked, and no decimal passes through a
// float.
import type { Column, RestShape, Rows, Value } from '../core/dataset.ts'
import { canonicalDecimal } from '../core/decimal.ts'
import { MalformedError } from '../errors.ts'

type ObjectShape = Extract<RestShape, { kind: 'objects' }>

/** A scalar as it stands in the body: text between quotes, or a bare word such as 12 or true. */
type Scalar = { readonly quoted: boolean; readonly text: string }

/** Most digits of a time or a count that a double holds exactly, whatever the digits. */
const wholeNumber = /^(0|[1-9]\d{0,14})$/
/** Ids have up to 63 bits; an invalid aggregate has -1 for some (reference 3.2). */
const wholeId = /^(-1|0|[1-9]\d{0,18})$/
const LARGEST_ID = '9223372036854775807'

/** A string without control characters, a number or a word; the spaces before it are skipped. */
const scalarToken = /\s*(?:"((?:[^"\\\p{Cc}]|\\.)*)"|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/uy
const punctuation = {
  open: /\s*\[/y,
  close: /\s*\]/y,
  begin: /\s*\{/y,
  end: /\s*\}/y,
  comma: /\s*,/y,
  colon: /\s*:/y,
}
const trailing = /\s*$/y

/**
 * The rows of a JSON array of flat objects, in the order of `columns`, by the fields that `shape` names.
 * Throws MalformedError that names the row (from 1) and the field.
 */
export function decodeObjects(body: Uint8Array, columns: readonly Column[], shape: ObjectShape): Rows {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()
  const values: Value[][] = columns.map(() => [])
  const places = new Map(
    Object.entries(shape.fields).map(([field, name]) => [
      field,
      columns.findIndex((column) => column.name === name),
    ]),
  )
  const scan = new ObjectScanner(text)
  const count = scan.rows((fields, row) => {
    const got = new Set<number>()
    for (const [field, scalar] of fields) {
      const place = places.get(field)
      const column = place === undefined ? undefined : columns[place]
      if (place === undefined || !column) continue
      const value = columnValue(column, scalar)
      if (value === undefined)
        throw flaw(row, `${field} is no ${column.kind}: ${JSON.stringify(scalar.text)}`)
      values[place]?.push(value)
      got.add(place)
    }
    for (const [place, column] of columns.entries()) {
      if (got.has(place)) continue
      const filled = shape.fill[column.name]
      if (filled === undefined) throw flaw(row, `${column.name} is not there`)
      values[place]?.push(filled)
    }
  })
  return { count, columns: values }
}

function flaw(row: number, problem: string): MalformedError {
  return new MalformedError(`row ${row}: ${problem}`)
}

/** The value of a column, or undefined where it is none. */
function columnValue(column: Column, { quoted, text }: Scalar): Value | undefined {
  switch (column.kind) {
    case 'decimal':
      if (column.nullable && (quoted ? text === '' : text === 'null')) return null
      return quoted ? (canonicalDecimal(text) ?? undefined) : undefined
    case 'time':
    case 'integer':
      return !quoted && wholeNumber.test(text) ? Number(text) : undefined
    case 'id':
      return !quoted && wholeId.test(text) && (text.length < LARGEST_ID.length || text <= LARGEST_ID)
        ? text
        : undefined
    case 'flag':
      if (quoted) return undefined
      return text === 'true' ? 1 : text === 'false' ? 0 : undefined
    case 'text':
      return quoted && text !== '' && !text.includes('\\') ? text : undefined
  }
}

/** One walk over one body; holds the position. */
class ObjectScanner {
  readonly #text: string
  #at = 0
  #row = 0

  constructor(text: string) {
    this.#text = text
  }

  /** Hands each object's fields to `take`, with its number from 1; answers how many there were. */
  rows(take: (fields: ReadonlyMap<string, Scalar>, row: number) => void): number {
    this.#expect(punctuation.open, 'the page does not begin with [')
    if (!this.#skip(punctuation.close)) {
      do {
        this.#row += 1
        take(this.#object(), this.#row)
      } while (this.#skip(punctuation.comma))
      this.#expect(punctuation.close, 'the page is cut or garbled')
    }
    trailing.lastIndex = this.#at
    if (!trailing.test(this.#text)) throw this.#error('something follows the page')
    return this.#row
  }

  #object(): ReadonlyMap<string, Scalar> {
    const fields = new Map<string, Scalar>()
    this.#expect(punctuation.begin, 'a row does not begin with {')
    if (this.#skip(punctuation.end)) return fields
    do {
      const key = this.#scalar()
      if (!key.quoted) throw this.#error('a field has no name in quotes')
      this.#expect(punctuation.colon, `${key.text} has no value`)
      if (fields.has(key.text)) throw this.#error(`${key.text} is there twice`)
      fields.set(key.text, this.#scalar())
    } while (this.#skip(punctuation.comma))
    this.#expect(punctuation.end, 'the row is cut or garbled')
    return fields
  }

  #scalar(): Scalar {
    scalarToken.lastIndex = this.#at
    const found = scalarToken.exec(this.#text)
    if (!found) throw this.#error('something unexpected stands here')
    this.#at = scalarToken.lastIndex
    return found[1] === undefined ? { quoted: false, text: found[2] ?? '' } : { quoted: true, text: found[1] }
  }

  #skip(token: RegExp): boolean {
    token.lastIndex = this.#at
    if (!token.test(this.#text)) return false
    this.#at = token.lastIndex
    return true
  }

  #expect(token: RegExp, problem: string): void {
    if (!this.#skip(token)) throw this.#error(problem)
  }

  #error(problem: string): MalformedError {
    const near = this.#text.slice(Math.max(0, this.#at - 10), this.#at + 20)
    const place = this.#row === 0 ? '' : `row ${this.#row}: `
    return new MalformedError(`${place}${problem}, at character ${this.#at} near ${JSON.stringify(near)}`)
  }
}

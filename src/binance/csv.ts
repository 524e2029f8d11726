// Reads a CSV of the archives by a byte scanner that validates while it slices: bytes in, in chunks of any
// size, pieces of rows out. What a file is like is seen in each value and never guessed from its date: header
// or none, milliseconds or microseconds, True or true.
import { ARCHIVE_PIECE_ROWS } from '../core/archive.ts'
import type { Column } from '../core/dataset.ts'
import { freeMemory } from '../core/free-memory.ts'
import { MalformedError } from '../errors.ts'
import type { FieldReader, PieceColumn } from './csv-field.ts'
import { fieldReader } from './csv-fields.ts'

/** Bytes of the block that the rows of a piece are read in: some 250 for each. */
export const PIECE_BYTES = 2 * 1024 * 1024

/** The longest line, with its newline; a kline has about 170 bytes. */
export const LINE_BYTES = 4_096

/** How much of a line an error shows. */
const NEAR_BYTES = 40

const [NEWLINE, RETURN, COMMA, MINUS, ZERO, NINE] = [10, 13, 44, 45, 48, 57] as const

/** A header is names between commas. Only the first line of a file may be one. */
const header = /^[A-Za-z][\w ]*(,[\w ]+)*$/

/** Rows as they stand in the file. */
export type CsvPiece = {
  /** The line of the file that the first row stands on, from 1. */
  readonly firstLine: number
  readonly count: number
  readonly bytes: Uint8Array
  /** By their place in a line. */
  readonly columns: readonly PieceColumn[]
  /** By their place in a line: whether the values ascend, each greater than the one before. */
  readonly ascending: readonly boolean[]
  readonly hasNegativeId: boolean
}

export class CsvScanner {
  readonly #columns: readonly (Column | null)[]
  readonly #readers: readonly FieldReader[]
  readonly #block = Buffer.allocUnsafeSlow(PIECE_BYTES)
  /** How much of the block is filled, and how much of that is read. */
  #filled = 0
  #read = 0
  /** Rows of the piece so far, and the line that its first one stands on. */
  #count = 0
  #firstLine = 1
  #begun = false

  /** `columns` by their place in a line, null where a field means nothing. */
  constructor(columns: readonly (Column | null)[]) {
    this.#columns = columns
    this.#readers = columns.map(fieldReader)
  }

  /** Reads the next bytes; gives the pieces that they complete. Throws MalformedError that names the line. */
  *push(chunk: Uint8Array): Generator<CsvPiece> {
    for (let from = 0; from < chunk.length; ) {
      const to = Math.min(chunk.length, from + PIECE_BYTES - this.#filled)
      this.#block.set(chunk.subarray(from, to), this.#filled)
      this.#filled += to - from
      from = to
      this.#readLines()
      while (this.#count === ARCHIVE_PIECE_ROWS) {
        yield this.#cut()
        this.#readLines()
      }
      if (this.#filled - this.#read >= LINE_BYTES) throw this.#error(this.#read, 'the line does not end')
      if (this.#filled === PIECE_BYTES) yield this.#cut()
    }
  }

  /** The rest, when no more bytes come. Throws MalformedError. */
  *end(): Generator<CsvPiece> {
    if (this.#read < this.#filled) yield* this.push(Uint8Array.of(NEWLINE))
    if (this.#count > 0) yield this.#cut()
  }

  /** Gives the block's memory back at once; nothing can be read any more. */
  close(): void {
    freeMemory([this.#block])
  }

  /** The rows that are read, with bytes of their own; what is not read stays for the next piece. */
  #cut(): CsvPiece {
    const bytes = Buffer.allocUnsafeSlow(this.#read)
    this.#block.copy(bytes, 0, 0, this.#read)
    const piece = {
      firstLine: this.#firstLine,
      count: this.#count,
      bytes,
      ascending: this.#readers.map((reader) => reader.ascending),
      hasNegativeId: this.#readers.some((reader) => reader.negative),
      columns: this.#readers.map((reader) => reader.take(bytes, this.#count)),
    }
    this.#block.copyWithin(0, this.#read, this.#filled)
    this.#filled -= this.#read
    this.#read = 0
    this.#firstLine += this.#count
    this.#count = 0
    return piece
  }

  /** Reads the whole lines of the block, until the piece is full. */
  #readLines(): void {
    let end = this.#filled
    while (end > this.#read && this.#block[end - 1] !== NEWLINE) end -= 1
    if (end === this.#read) return
    if (!this.#begun) this.#begin()
    const bytes = this.#block
    const readers = this.#readers
    const last = readers.length - 1
    let at = this.#read
    let row = this.#count
    for (; at < end && row < ARCHIVE_PIECE_ROWS; row += 1) {
      const begin = at
      let field = at
      for (let i = 0; i <= last; i += 1) {
        field = at
        const next = readers[i]?.read(bytes, at, row) ?? 0
        if (next < 0 || (i < last && bytes[next] !== COMMA)) throw this.#fieldError(row, i, field, next)
        at = next + 1
      }
      at -= 1
      if (bytes[at] === RETURN) at += 1
      if (bytes[at] !== NEWLINE) throw this.#fieldError(row, last, field, at)
      at += 1
      if (at - begin > LINE_BYTES) throw this.#error(begin, 'the line is too long', row)
    }
    this.#count = row
    this.#read = at
  }

  /** Steps over a header where there is one. */
  #begin(): void {
    this.#begun = true
    const first = this.#block[0] ?? 0
    if (first === MINUS || (first >= ZERO && first <= NINE)) return
    const end = this.#block.indexOf(NEWLINE)
    const text = this.#block.toString('latin1', 0, Math.min(end, LINE_BYTES)).replace(/\r$/, '')
    if (!header.test(text)) throw this.#error(0, 'neither a header nor a row')
    this.#read = end + 1
    this.#firstLine = 2
  }

  /** What is wrong with a field, or with what stands behind it. */
  #fieldError(row: number, field: number, begin: number, next: number): MalformedError {
    const name = this.#columns[field]?.name ?? `field ${field + 1}`
    if (next < 0) return this.#error(begin, this.#readers[field]?.problem ?? '', row, name)
    const byte = this.#block[next]
    const count = this.#readers.length
    const line = begin === 0 ? 0 : this.#block.lastIndexOf(NEWLINE, begin - 1) + 1
    if (byte === COMMA) return this.#error(line, `more than ${count} fields`, row)
    if (byte === NEWLINE || byte === RETURN)
      return this.#error(line, `only ${field + 1} of ${count} fields`, row)
    return this.#error(begin, 'something unexpected follows the value', row, name)
  }

  #error(at: number, problem: string, row = this.#count, field = ''): MalformedError {
    let end = at
    while (end < this.#filled && end < at + NEAR_BYTES && this.#block[end] !== NEWLINE) end += 1
    const near = this.#block.toString('latin1', at, end)
    const place = `line ${this.#firstLine + row}${field && `, ${field}`}`
    return new MalformedError(`${place}: ${problem}, near ${JSON.stringify(near)}`)
  }
}

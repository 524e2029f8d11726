// Lines on standard error with, in a terminal, one line of progress below them that is redrawn in place.
import type { Stream } from '../world.ts'

const CLEAR_LINE = '\r\u001B[2K'

export class Terminal {
  readonly #stream: Stream
  #status = ''
  #last: Promise<void> = Promise.resolve()

  constructor(stream: Stream) {
    this.#stream = stream
  }

  get isTerminal(): boolean {
    return this.#stream.isTerminal
  }

  /** The width in columns that a line may take; in a pipe any width will do. */
  get columns(): number {
    return this.#stream.isTerminal ? this.#stream.columns : Number.POSITIVE_INFINITY
  }

  /** A line that stays. */
  print(line: string): void {
    this.#write(this.#status === '' ? `${line}\n` : `${CLEAR_LINE}${line}\n${this.#status}`)
  }

  /** The line of progress, cut to the terminal's width; '' takes it away. */
  status(text: string): void {
    if (!this.isTerminal || text === this.#status) return
    // One column is left free: some terminals wrap a line that fills the last one.
    this.#status = cutToWidth(text, this.#stream.columns - 1)
    this.#write(CLEAR_LINE + this.#status)
  }

  /** Resolves when everything printed has left the process. */
  flushed(): Promise<void> {
    return this.#last
  }

  #write(text: string): void {
    const written = this.#stream.write(text)
    this.#last = Promise.all([this.#last, written]).then(() => undefined)
  }
}

/**
 * `text` broken between words into lines of at most `columns` columns; all but the first are indented. A word
 * that is wider than that stands alone.
 */
export function wrapToWidth(text: string, columns: number, indent: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const [i, word] of text.split(' ').entries()) {
    // Two spaces that fall on a break are no deeper indent.
    const isBroken = lines.length > 0 && line.trim() === ''
    const joined = i === 0 ? word : isBroken ? ' '.repeat(indent) + word : `${line} ${word}`
    if (Bun.stringWidth(joined) > columns && line.trim() !== '') {
      lines.push(line.trimEnd())
      line = ' '.repeat(indent) + word
    } else line = joined
  }
  return [...lines, line]
}

/** `text` in at most `columns` columns of a terminal, where Chinese characters take two. */
export function cutToWidth(text: string, columns: number): string {
  if (Bun.stringWidth(text) <= columns) return text
  let width = 0
  let out = ''
  for (const character of text) {
    width += Bun.stringWidth(character)
    if (width >= columns) return `${out}…`
    out += character
  }
  return out
}

// How work is followed: a span around a piece of it, which knows the span that it is a part of by itself. The
// core only says what the pieces are; observe/tracing.ts makes spans of them, where somebody wants them.

export type Attributes = Readonly<Record<string, string | number | boolean>>

/** Adds what is known of a piece of work only when it is done. */
export type Note = (attributes: Attributes) => void

/** Runs `work` as a piece called `name`; gives and throws what it does. */
export type Trace = <T>(name: string, attributes: Attributes, work: (note: Note) => Promise<T>) => Promise<T>

const forgotten: Note = () => undefined

/** Follows nothing. */
export const untraced: Trace = (_name, _attributes, work) => work(forgotten)

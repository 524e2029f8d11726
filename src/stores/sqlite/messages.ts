// What goes between the store and its worker. An error crosses as plain values: a thread gets a copy of it
// that has lost its class and its code.
import { PetrosaError, UnavailableError, UserError } from '../../errors.ts'
import type { SqliteCalls } from './calls.ts'
import { sqliteCode } from './errors.ts'

export type CallName = keyof SqliteCalls

export type Call = { readonly id: number; readonly name: CallName; readonly values: readonly unknown[] }

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure }

/** An error as plain values; `kind` is the class of those that are instructions already. */
export type Failure = {
  readonly kind: 'user' | 'unavailable' | 'other'
  readonly message: string
  readonly advice: string
  /** SQLite's result code, or ''. */
  readonly code: string
  readonly stack: string | undefined
}

/** An error of the worker as plain values. */
export function failureOf(error: unknown): Failure {
  const kind =
    error instanceof UserError ? 'user' : error instanceof UnavailableError ? 'unavailable' : 'other'
  return {
    kind,
    message: error instanceof Error ? error.message : String(error),
    advice: error instanceof PetrosaError ? error.advice : '',
    code: sqliteCode(error),
    stack: error instanceof Error ? error.stack : undefined,
  }
}

/** The error that a failure was, with the stack that it had in the worker. */
export function errorOf({ kind, message, advice, code, stack }: Failure): Error {
  const made =
    kind === 'user'
      ? new UserError(message, advice)
      : kind === 'unavailable'
        ? new UnavailableError(message, advice)
        : Object.assign(new Error(message), code === '' ? {} : { code })
  if (stack !== undefined) made.stack = stack
  return made
}

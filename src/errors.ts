// An error is an instruction: what happened, what to do about it, and the exit code that a script can act on.
// Anything that is thrown and is not one of these is a defect of the program (exit 1).

/** Exit codes of the contract (interface.md, section 3). */
export const exitCodes = {
  done: 0,
  defect: 1,
  user: 2,
  open: 3,
  unavailable: 75,
  interrupted: 130,
  terminated: 143,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** The order in which codes win when several apply: a signal first, then 1, 2, 75, 3, 0. */
const precedence: readonly ExitCode[] = [143, 130, 1, 2, 75, 3, 0]

/** The code that a run ends with when each of `codes` applies to a part of it. */
export function worstExitCode(codes: readonly ExitCode[]): ExitCode {
  return precedence.find((code) => codes.includes(code)) ?? exitCodes.done
}

/**
 * What every error of this program carries: `message` says what happened, `advice` what to do about it. Both
 * are told in many places (log, result, HTTP), so that no password may be in them from the start.
 */
export abstract class PetrosaError extends Error {
  abstract readonly exitCode: ExitCode
  readonly advice: string

  constructor(message: string, advice = '', options?: ErrorOptions) {
    super(withoutPasswords(message), options)
    this.name = new.target.name
    this.advice = withoutPasswords(advice)
  }
}

/** The user must change something: a flag, a symbol, a password, rights, a file. */
export class UserError extends PetrosaError {
  readonly exitCode = exitCodes.user
}

/** The exchange or the store was not available; the same command may work later. */
export class UnavailableError extends PetrosaError {
  readonly exitCode = exitCodes.unavailable
}

/** A host that is of no use from here: closed to this place, or not the one that its address names. */
export class ForeignHostError extends UserError {}

/** A disk is full. It is this machine's: whatever else could be asked would need the room too. */
export class DiskFullError extends PetrosaError {
  readonly exitCode = exitCodes.unavailable
}

/** One page that the exchange refuses, or answers with nonsense, however often it is asked. */
export class RefusedError extends PetrosaError {
  readonly exitCode = exitCodes.open
}

/** The exchange knows the symbol no more; its archives may hold what it was. */
export class ForgottenSymbolError extends RefusedError {}

/** A page that is not what the exchange promises: cut, garbled, out of order, outside its span. */
export class MalformedError extends PetrosaError {
  readonly exitCode = exitCodes.open
}

/** The run was told to stop; what is written is consistent. */
export class StoppedError extends PetrosaError {
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode = exitCodes.interrupted) {
    super('stopped before the end', 'run the same command again: it goes on from here')
    this.exitCode = exitCode
  }
}

/**
 * `error` as one line for people: what happened, then what to do. A foreign error keeps its own message. A
 * password in an address is left out, wherever in the message a user's mistake has put it.
 */
export function errorLine(error: unknown): string {
  return withoutPasswords(plainLine(error))
}

function plainLine(error: unknown): string {
  if (error instanceof PetrosaError) return error.advice ? `${error.message}; ${error.advice}` : error.message
  const what = error instanceof Error ? error.message : String(error)
  return `a defect of petrosa: ${what}; please report it with the command; --log-level debug shows where`
}

/**
 * `text` with `scheme://user:password@host` as `scheme://user:***@host`. A password may hold anything, @ or
 * / too, that was not escaped: all up to the last @ of the word counts as one, rather too much than a part.
 */
export function withoutPasswords(text: string): string {
  return text.replace(/(:\/\/[^\s:]*):\S*@/g, '$1:***@')
}

/** The exit code for anything that was thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof PetrosaError ? error.exitCode : exitCodes.defect
}

// How long an answer is waited for. The driver waits for ever, and its own limit of a query leaves a
// connection behind on which the late answer would be taken for the next one's.
import type { Connection } from 'mysql2/promise'
import { SilentServerError } from './errors.ts'

/** What `query` and `execute` have in common; which rows they bring is told where they are called. */
type Statement = (...given: unknown[]) => Promise<unknown>

/** From now on each statement of `connection` is given up, and the connection with it, after `limitMs`. */
export function limitAnswers(connection: Connection, limitMs: number): void {
  const limited = (statement: Statement): Statement => {
    const send = statement.bind(connection)
    return (...given) => inTime(connection, limitMs, send(...given))
  }
  connection.query = limited(connection.query as Statement) as Connection['query']
  connection.execute = limited(connection.execute as Statement) as Connection['execute']
}

async function inTime(connection: Connection, limitMs: number, answer: Promise<unknown>): Promise<unknown> {
  const silence = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    silence.reject(new SilentServerError(`no answer in ${limitMs / 1_000} s`))
    // Else whatever is sent next, a ROLLBACK too, would wait as long again.
    connection.destroy()
  }, limitMs)
  try {
    return await Promise.race([answer, silence.promise])
  } finally {
    clearTimeout(timer)
  }
}

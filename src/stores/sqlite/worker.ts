// The thread that SQLite works in: takes calls one after another and answers each. Started by remote.ts only;
// deploy/build.ts names this file, since a worker is an entry of its own.
import { type SqliteCalls, sqliteCalls } from './calls.ts'
import { type Answer, type Call, failureOf } from './messages.ts'

declare const self: Worker

const calls: SqliteCalls = sqliteCalls()

self.onmessage = ({ data: { id, name, values } }: MessageEvent<Call>): void => {
  let answer: Answer
  try {
    answer = { id, value: Reflect.apply(calls[name], undefined, values) }
  } catch (error) {
    answer = { id, failure: failureOf(error) }
  }
  self.postMessage(answer)
}

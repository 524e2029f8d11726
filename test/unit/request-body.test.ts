// Bodies of requests: only what a route takes is read, no more of it than it may be long, and one that is cut
// off is nobody's defect.
import { expect, test } from 'bun:test'
import { bearing, servedRig } from '../rig/served.ts'

/** A body without end that `piece` makes, and how often somebody wanted more of it. */
function sending(piece: () => string): { body: ReadableStream<Uint8Array>; pulls: () => number } {
  let pulls = 0
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    pulls += 1
    controller.enqueue(new TextEncoder().encode(piece()))
  }
  return { body: new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 }), pulls: () => pulls }
}

test('too large a body: 413', async () => {
  const { ask, started } = servedRig()
  const body = JSON.stringify({ job: 'x'.repeat(20_000) })
  const response = await ask('/api/run', { method: 'POST', body, headers: bearing('right') })
  expect([response.status, started.length]).toEqual([413, 0])
})

test('a body of no length that is too large: 413, and no more of it is read', async () => {
  const { ask, started } = servedRig()
  const { body, pulls } = sending(() => 'x'.repeat(1_000))
  const response = await ask('/api/run', { method: 'POST', body, headers: bearing('right') })
  expect([response.status, started.length]).toEqual([413, 0])
  expect(pulls()).toBeLessThan(30)
})

test('a body that is cut off: 400, which is no defect', async () => {
  const { ask, started, defects } = servedRig()
  const { body } = sending(() => {
    throw new DOMException('The connection was closed.', 'AbortError')
  })
  const response = await ask('/api/run', { method: 'POST', body, headers: bearing('right') })
  expect([response.status, started.length, defects]).toEqual([400, 0, []])
})

test.each([
  ['POST', '/nothing', 404, 'right'],
  ['PUT', '/healthz', 405, 'right'],
  ['POST', '/api/status', 405, 'right'],
  ['POST', '/api/run', 401, 'wrong'],
] as const)('%s %s: %d, and nothing of the body is read', async (method, path, status, token) => {
  const { body, pulls } = sending(() => 'x')
  const response = await servedRig().ask(path, { method, body, headers: bearing(token) })
  expect([response.status, pulls()]).toEqual([status, 0])
})

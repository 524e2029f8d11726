// The socket of serve mode: requests that name no host, or none that could be one, as load balancers send
// them, HEAD, and defects that no route has seen.
import { afterEach, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { errorLine, UserError } from '../../src/errors.ts'
import { type Listening, listen } from '../../src/server/listen.ts'
import { servedRig } from '../rig/served.ts'
import { virtualClock } from '../rig/virtual-clock.ts'

const open: Listening[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.stop()
})

async function serving(
  app: Parameters<typeof listen>[0],
  port = 0,
): Promise<{ readonly port: number; readonly defects: unknown[] }> {
  const defects: unknown[] = []
  const defect = (error: unknown): void => void defects.push(error)
  const server = await listen(app, { host: '127.0.0.1', port, clock: virtualClock(), defect })
  open.push(server)
  return { port: Number(new URL(server.url).port), defects }
}

/** What comes back for the bytes of a request, until the other side has nothing more to say. */
function answerTo(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.on('data', (bytes) => {
      answer += bytes.toString()
      if (/^content-length: 0|\}$/im.test(answer)) socket.end()
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

test.each([
  'GET /healthz HTTP/1.0\r\n\r\n',
  'GET /healthz HTTP/1.1\r\nHost: \r\n\r\n',
  'GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n',
  'GET /healthz?x=1 HTTP/1.1\r\nHost: a/b?c\r\n\r\n',
  'GET /healthz HTTP/1.1\r\nHost: [::\r\n\r\n',
  'GET /healthz HTTP/1.1\r\nHost: petrosa.test\r\n\r\n',
])('%j is answered like any other', async (request) => {
  const { ask, defects: seen } = servedRig()
  const { port, defects } = await serving((got, address) => ask(new URL(got.url).pathname, got, address))
  const answer = await answerTo(port, request)
  expect(answer).toStartWith('HTTP/1.1 200 OK\r\n')
  expect(answer).toEndWith('{"status":"ok"}')
  expect(answer.toLowerCase()).toContain("content-security-policy: default-src 'none'")
  expect([...defects, ...seen]).toEqual([])
})

test.each([
  ['nosuch.invalid', 'the host name nosuch.invalid is not known here; choose another --host'],
  ['a b', 'the host name a b is not known here'],
  ['2001:db8::1', '2001:db8::1 is no address of this machine; choose another'],
])('%s: why nobody can listen there', async (host, said) => {
  const { port } = await serving(async () => new Response(null))
  // Bun gives whatever error the system had last, which may be that of another port.
  for (const one of [port, 0]) {
    const place = { host, port: one, clock: virtualClock(), defect: () => undefined }
    const error = await listen(async () => new Response(null), place).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UserError)
    expect(errorLine(error)).toStartWith(said)
  }
})

test('a port in use is told as one', async () => {
  const { port } = await serving(async () => new Response(null))
  await expect(serving(async () => new Response(null), port)).rejects.toThrow(
    `port ${port} of 127.0.0.1 is in use`,
  )
})

test('what it asks for comes through, whatever the host', async () => {
  let got = ''
  const { port } = await serving(async (request) => {
    got = `${request.method} ${new URL(request.url).search} ${await request.text()}`
    return new Response(null)
  })
  await answerTo(port, 'POST /api/run?a=b HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody')
  expect(got).toBe('POST ?a=b body')
})

test('a defect that no route has seen is told, and answered without a word of it', async () => {
  const broken = new Error('broken')
  const { port, defects } = await serving(() => Promise.reject(broken))
  const answer = await answerTo(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(answer).toStartWith('HTTP/1.1 500 ')
  expect(answer).not.toContain('broken')
  expect(defects).toEqual([broken])
})

test.each([
  'POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc',
  'PUT /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc',
  'POST /api/run HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc',
  'POST /api/run HTTP/1.0\r\nAuthorization: Bearer right\r\nContent-Length: 10\r\n\r\n{"a"',
  'POST /api/run HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer right\r\nContent-Length: 10\r\n\r\n{"a"',
])('%j and then hung up: nobody has a defect', async (request) => {
  const { ask, defects: seen, started } = servedRig()
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  const { port, defects } = await serving((got, address) => {
    asked.resolve()
    return ask(new URL(got.url).pathname, got, address).finally(answered.resolve)
  })
  const socket = connect(port, '127.0.0.1', () => socket.write(request))
  await asked.promise
  socket.destroy()
  await answered.promise
  await Bun.sleep(20)
  expect([...defects, ...seen, ...started]).toEqual([])
})

test('HEAD answers as GET does, and takes no place of those who listen', async () => {
  const { ask, streams } = servedRig()
  for (const path of ['/healthz', '/api/status', '/status', '/events']) {
    const [head, get] = [await ask(path, { method: 'HEAD' }), await ask(path)]
    expect([path, head.status, await head.text()]).toEqual([path, 200, ''])
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'))
  }
  expect(streams.listeners()).toBe(1)
})

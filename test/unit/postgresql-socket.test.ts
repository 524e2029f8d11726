// Whoever answers at the port of a PostgreSQL URI and is none is named as such, and not as one without TLS.
import { expect, test } from 'bun:test'
import { createServer } from 'node:net'
import { UserError } from '../../src/errors.ts'
import { parseAddress } from '../../src/stores/postgresql/address.ts'
import { connectSocket } from '../../src/stores/postgresql/socket.ts'

/** What is said of a server that begins its talk, or answers, with `text`. */
async function saidOf(text: string, speaksFirst: boolean): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (speaksFirst) socket.write(text)
    else socket.once('data', () => socket.write(text))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const port = typeof bound === 'object' && bound ? bound.port : 0
  const address = parseAddress(`postgres://me@127.0.0.1:${port}/db`)
  try {
    return await connectSocket({ host: '127.0.0.1', port }, address).then((socket) => {
      socket.destroy()
      return 'connected'
    })
  } catch (error) {
    return error
  } finally {
    server.close()
  }
}

test.each([
  ['MariaDB, which greets', 'Z\0\0\0\n5.5.5-10.11.19-MariaDB', true],
  ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', false],
])('%s is told from PostgreSQL', async (_, text, speaksFirst) => {
  const said = await saidOf(text, speaksFirst)
  expect(said).toBeInstanceOf(UserError)
  expect(String(said)).toContain('is no PostgreSQL server')
})

test('a server that offers no TLS is taken as it is, unless TLS is asked for', async () => {
  expect(await saidOf('N', false)).toBe('connected')
})

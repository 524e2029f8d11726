// Every way in which COPY … FROM STDIN can fail must settle, with the server's own error, and leave a session
// that still works or is known to be dead. The driver's own stream hangs in half of them.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { parseAddress } from '../../src/stores/postgresql/address.ts'
import { codeOf, isTransient } from '../../src/stores/postgresql/errors.ts'
import { openSession, type Session } from '../../src/stores/postgresql/session.ts'
import { postgresqlBed } from '../rig/postgresql-server.ts'

const bed = await postgresqlBed()
const LIMIT_MS = 20_000
const COPY = 'COPY numbers (id, name) FROM STDIN'
/** Rows that do not fit into the buffers between us and the server. */
const MANY_ROWS = 400_000

describe.skipIf(!bed)('copy', () => {
  let session: Session
  beforeAll(async () => {
    await bed?.sql.unsafe('CREATE TABLE numbers (id int PRIMARY KEY, name text)')
    session = await openSession(parseAddress(bed?.uri ?? ''))
  })
  afterEach(async () => {
    await bed?.sql.unsafe('TRUNCATE numbers')
    if (session.isAlive()) expect((await session.run('SELECT 1')).rows).toEqual([[1]])
    else session = await openSession(parseAddress(bed?.uri ?? ''))
  })
  afterAll(async () => {
    await session.end()
    await bed?.drop()
  })

  const failed = async (chunks: Iterable<string>, statement = COPY): Promise<unknown> => {
    const error = await session.copy(statement, chunks).then(
      (count) => `no error, ${count} rows`,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(Error)
    return error
  }
  const pid = async (): Promise<number> => Number((await session.run('SELECT pg_backend_pid()')).rows[0]?.[0])
  const stored = async (): Promise<number> =>
    Number((await bed?.sql.unsafe('SELECT count(*) FROM numbers'))?.[0]?.count)

  test('rows arrive, escapes and all', async () => {
    expect(await session.copy(COPY, ['1\ta\\tb\n2\t\\N\n', '3\tüñ\n'])).toBe(3)
    expect(await bed?.sql.unsafe('SELECT name FROM numbers ORDER BY id').values()).toEqual([
      ['a\tb'],
      [null],
      ['üñ'],
    ] as never)
  })

  test('empty input is no rows', async () => {
    expect(await session.copy(COPY, [])).toBe(0)
  })

  test('a bad last row, seen after the end', async () => {
    expect(codeOf(await failed(['1\ta\n', 'x\tb\n']))).toBe('22P02')
  })

  test(
    'a bad row in the middle stops the producer',
    async () => {
      let asked = 0
      function* chunks(): Generator<string> {
        yield 'x\tbad\n'
        for (; asked < MANY_ROWS; asked += 1_000) yield rowsFrom(asked)
      }
      expect(codeOf(await failed(chunks()))).toBe('22P02')
      expect(asked).toBeLessThan(MANY_ROWS)
    },
    LIMIT_MS,
  )

  test('a key that is there already', async () => {
    await bed?.sql.unsafe("INSERT INTO numbers VALUES (2, 'here')")
    expect(codeOf(await failed(['1\ta\n2\tb\n']))).toBe('23505')
    expect(await stored()).toBe(1)
  })

  test('a table that is missing', async () => {
    expect(codeOf(await failed(['1\n'], 'COPY nowhere FROM STDIN'))).toBe('42P01')
  })

  test('a producer that throws: its own error, and no row', async () => {
    function* chunks(): Generator<string> {
      yield '1\ta\n'
      throw new Error('the well is dry')
    }
    expect(String(await failed(chunks()))).toContain('the well is dry')
    expect(await stored()).toBe(0)
  })

  test(
    'a query that is cancelled after the end',
    async () => {
      // A deferred trigger keeps the server busy once all rows are there.
      await bed?.sql.unsafe(sleepyTrigger)
      const target = await pid()
      setTimeout(() => void bed?.sql.unsafe(`SELECT pg_cancel_backend(${target})`).execute(), 300)
      expect(codeOf(await failed(['1\ta\n']))).toBe('57014')
      await bed?.sql.unsafe('DROP TRIGGER sleepy ON numbers')
    },
    LIMIT_MS,
  )

  test(
    'a server process that is killed after the end',
    async () => {
      await bed?.sql.unsafe(sleepyTrigger)
      const target = await pid()
      setTimeout(() => void bed?.sql.unsafe(`SELECT pg_terminate_backend(${target})`).execute(), 300)
      const error = await failed(['1\ta\n'])
      expect([codeOf(error), isTransient(error)]).toEqual([codeOf(error), true])
      await bed?.sql.unsafe('DROP TRIGGER sleepy ON numbers')
      expect(session.isAlive()).toBe(false)
    },
    LIMIT_MS,
  )

  test(
    'a server process that is killed in the middle',
    async () => {
      const target = await pid()
      async function kill(): Promise<void> {
        await bed?.sql.unsafe(`SELECT pg_terminate_backend(${target})`)
      }
      function* chunks(): Generator<string> {
        for (let row = 0; row < MANY_ROWS; row += 1_000) {
          if (row === 10_000) void kill()
          yield rowsFrom(row)
        }
      }
      expect(isTransient(await failed(chunks()))).toBe(true)
      expect(session.isAlive()).toBe(false)
    },
    LIMIT_MS,
  )

  test(
    'a session that is destroyed in the middle',
    async () => {
      function* chunks(): Generator<string> {
        for (let row = 0; row < MANY_ROWS; row += 1_000) {
          if (row === 10_000) session.destroy()
          yield rowsFrom(row)
        }
      }
      expect(isTransient(await failed(chunks()))).toBe(true)
      expect(isTransient(await session.run('SELECT 1').catch((error: unknown) => error))).toBe(true)
    },
    LIMIT_MS,
  )
})

const sleepyTrigger =
  'CREATE OR REPLACE FUNCTION sleepy() RETURNS trigger LANGUAGE plpgsql AS ' +
  '$$ BEGIN PERFORM pg_sleep(10); RETURN NULL; END $$; ' +
  'CREATE TRIGGER sleepy AFTER INSERT ON numbers FOR EACH STATEMENT EXECUTE FUNCTION sleepy()'

function rowsFrom(first: number): string {
  return Array.from({ length: 1_000 }, (_, i) => `${first + i}\t${'x'.repeat(100)}\n`).join('')
}

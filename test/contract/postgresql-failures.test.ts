// What goes wrong between the PostgreSQL store and its server: the exit code, an instruction without a
// password, and nothing lost or written twice. The wire fails at exact points; a killed server would not say
// whether a commit was done.
import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import type { Store } from '../../src/core/store.ts'
import { errorLine, exitCodeOf } from '../../src/errors.ts'
import { openPostgresql } from '../../src/stores/postgresql/store.ts'
import { candles, contractTables, DAY_0_MS, klineSeries, MINUTE_MS, page, tableOf } from '../rig/pages.ts'
import { postgresqlBed, withParts } from '../rig/postgresql-server.ts'
import { startTcpProxy, type TcpProxy } from '../rig/tcp-proxy.ts'
import { realClock } from '../rig/test-database.ts'

const bed = await postgresqlBed()
const LIMIT_MS = 30_000
const BULK = 2_000
const series = klineSeries('BTCUSDT')
const table = tableOf(series)
/** Pauses of retries pass at once, so that bounded retries do not hold up the tests. */
const clock = { ...realClock, wait: async () => {} }

describe.skipIf(!bed)('failures of PostgreSQL', () => {
  const open: Store[] = []
  const proxies: TcpProxy[] = []
  const uri = bed?.uri ?? ''
  const storeAt = async (target: string, readOnly = false): Promise<Store> => {
    const store = await openPostgresql({ uri: target, readOnly, batchRows: null }, clock)
    open.push(store)
    return store
  }
  const throughProxy = async (): Promise<{ store: Store; proxy: TcpProxy }> => {
    const { hostname, port } = new URL(uri)
    const proxy = await startTcpProxy(hostname, Number(port || 5432))
    proxies.push(proxy)
    const store = await storeAt(withParts(uri, { host: '127.0.0.1', port: proxy.port }))
    await store.prepare(contractTables)
    return { store, proxy }
  }
  const failure = async (work: () => Promise<unknown>): Promise<{ code: number; line: string }> => {
    const error = await work().then(
      () => new Error('nothing was thrown'),
      (thrown: unknown) => thrown,
    )
    return { code: exitCodeOf(error), line: errorLine(error) }
  }
  afterEach(async () => {
    await Promise.all(open.splice(0).map((store) => store.close()))
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
    await bed?.sql.unsafe('DROP TABLE IF EXISTS klines_m1, petrosa_coverage, petrosa_schema CASCADE')
  })
  afterAll(() => bed?.drop())

  for (const count of [10, BULK]) {
    for (const [fault, text] of [
      ['cut-before', 'COMMIT'],
      ['lose-answer', 'COMMIT'],
      ['lose-answer', 'petrosa_coverage'],
      ['cut-before', 'SYM'],
    ] as const) {
      for (const fresh of [true, false]) {
        test(
          `${count} rows, ${fresh ? 'fresh' : 'compared'}: ${fault} at ${text} is repeated and exact`,
          async () => {
            const { store, proxy } = await throughProxy()
            const own = klineSeries('SYMUSDT')
            const rows = candles(DAY_0_MS, count)
            const before = proxy.connections()
            proxy.set({ kind: fault, text }, 1)
            await store.write([page(own, rows, { fresh })])
            expect(proxy.connections()).toBeGreaterThan(before)
            const span = { startMs: DAY_0_MS, endMs: DAY_0_MS + count * MINUTE_MS }
            expect((await store.ledger([own]))[0]).toMatchObject([{ ...span, verdict: 'rows', rows: count }])
            expect(await store.counts(own, table, [span])).toEqual([count])
            expect(await store.write([page(own, rows, { fresh })])).toEqual({ written: 0, changed: 0 })
          },
          LIMIT_MS,
        )
      }
    }
  }

  test(
    'a server that stays away: 75 after bounded retries, and the store works once it is back',
    async () => {
      const { store, proxy } = await throughProxy()
      proxy.set({ kind: 'refuse' })
      proxy.cut()
      const { code, line } = await failure(() => store.write([page(series, candles(DAY_0_MS, 5))]))
      expect(code).toBe(75)
      expect(line).toContain('not available')
      proxy.set({ kind: 'none' })
      expect(await store.write([page(series, candles(DAY_0_MS, 5))])).toEqual({ written: 5, changed: 0 })
    },
    LIMIT_MS,
  )

  test('no server at all: 75', async () => {
    const proxy = await startTcpProxy('127.0.0.1', 1)
    await proxy.close()
    const store = await storeAt(withParts(uri, { host: '127.0.0.1', port: proxy.port, password: 'geheim' }))
    const { code, line } = await failure(() => store.prepare(contractTables))
    expect([code, line.includes('geheim')]).toEqual([75, false])
    expect((await failure(() => store.check(contractTables))).code).toBe(75)
  })

  test(
    'an unknown host: 75, named',
    async () => {
      const store = await storeAt(withParts(uri, { host: 'nowhere.invalid' }))
      const { code, line } = await failure(() => store.prepare(contractTables))
      expect([code, line.includes('nowhere.invalid')]).toEqual([75, true])
    },
    LIMIT_MS,
  )

  test('a wrong password: 2, and not shown', async () => {
    // A server of our own trusts everybody on this machine.
    if (!Bun.env.TEST_POSTGRESQL_URI) return
    const role = `petrosa_locked_${crypto.randomUUID().slice(0, 8)}`
    await bed?.sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'right'`)
    const target = new URL(withParts(uri, { password: 'geheim' }))
    target.username = role
    try {
      const store = await storeAt(target.href)
      const { code, line } = await failure(() => store.prepare(contractTables))
      expect([code, line.includes('geheim')]).toEqual([2, false])
    } finally {
      await bed?.sql.unsafe(`DROP ROLE ${role}`)
    }
  })

  test('a user without rights: 2, and check says which', async () => {
    const { sql } = bed ?? {}
    const role = `petrosa_poor_${crypto.randomUUID().slice(0, 8)}`
    await sql?.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'poor'; REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
    const target = new URL(withParts(uri, { password: 'poor' }))
    target.username = role
    try {
      const store = await storeAt(target.href)
      expect((await failure(() => store.prepare(contractTables))).code).toBe(2)
      const findings = await store.check(contractTables)
      expect(findings.find(({ name }) => name === 'store rights')).toMatchObject({ ok: false })
    } finally {
      await sql?.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
    }
  })

  test(
    'a missing database is made, but not for a plan',
    async () => {
      const name = `petrosa_test_${crypto.randomUUID().slice(0, 8)}`
      const target = new URL(uri)
      target.pathname = `/${name}`
      try {
        const plan = await storeAt(target.href, true)
        await plan.prepare(contractTables)
        expect(await plan.ledger([series])).toEqual([[]])
        expect(await plan.knownSeries(contractTables)).toEqual([])
        expect(
          await bed?.sql.unsafe(`SELECT 1 FROM pg_database WHERE datname = '${name}'`).values(),
        ).toHaveLength(0)
        const absent = await (await storeAt(target.href)).check(contractTables)
        expect(absent).toMatchObject([{ ok: false }])
        expect(absent[0]?.advice).toContain('CREATE DATABASE')
        const stores = await Promise.all([1, 2, 3].map(() => storeAt(target.href)))
        await Promise.all(stores.map((store) => store.prepare(contractTables)))
        expect(await stores[0]?.write([page(series, candles(DAY_0_MS, 5))])).toEqual({
          written: 5,
          changed: 0,
        })
      } finally {
        await Promise.all(open.splice(0).map((store) => store.close()))
        await bed?.sql.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      }
    },
    LIMIT_MS,
  )

  test('a server that may only be read: 2', async () => {
    const store = await storeAt(uri)
    await store.prepare(contractTables)
    await store.close()
    const reader = await storeAt(`${uri}?options=-c%20default_transaction_read_only=on`)
    await reader.prepare(contractTables)
    const { code, line } = await failure(() => reader.write([page(series, candles(DAY_0_MS, 5))]))
    expect([code, line.includes('read-only')]).toEqual([2, true])
    expect((await reader.check(contractTables)).find(({ name }) => name === 'store writable')).toMatchObject({
      ok: false,
    })
  })

  test('a schema that nobody prepared: 2, with the way out', async () => {
    const store = await storeAt(uri)
    const { code, line } = await failure(() => store.write([page(series, candles(DAY_0_MS, 5))]))
    expect([code, line.includes('check --prepare')]).toEqual([2, true])
  })
})

// Servers that go away in the middle of a pull: for good, for a second as in a restart, or by ending every
// connection. The pass rides out what is short; what is long ends it with 75 in bounded time, nothing half
// stored, and the next run completes it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { isoTime } from '../../src/core/span.ts'
import { stores } from '../../src/stores/all.ts'
import { type Bench, benchAt, NO_LIMITS, plainSymbol } from '../rig/bench.ts'
import { findBinaryDatabases, type Place } from '../rig/binary-databases.ts'
import { differences, type Expectation, inconsistencies } from '../rig/compare-store.ts'
import { connectMysql } from '../rig/mysql-database.ts'
import { withAccount } from '../rig/poor-user.ts'
import { type RunningPetrosa, removeWorkFolders, tail, workFolder } from '../rig/run-petrosa.ts'
import { type SpawnedExchange, spawnExchange } from '../rig/spawn-exchange.ts'
import { onConnection } from '../rig/sql.ts'
import { startTcpProxy, type TcpProxy } from '../rig/tcp-proxy.ts'
import type { TestDatabase } from '../rig/test-database.ts'

afterAll(removeWorkFolders)
const servers = (await findBinaryDatabases()).flatMap(({ server, ...database }) =>
  server ? [{ ...database, server }] : [],
)

const nowMs = Date.parse('2024-03-22T00:00:30Z')
const PAGES = 12
const span = { startMs: nowMs - 30_000 - PAGES * 1_000 * 60_000, endMs: nowMs - 30_000 }
const spec = plainSymbol('AAAUSDT')
const expected: readonly Expectation[] = [{ spec, period: '1m', spans: [span], closedBeforeMs: nowMs }]
const named = ['--symbols', 'AAAUSDT', '--period', '1m', '--log-level', 'debug', '--batch-size', '1000']
const range = ['--start', isoTime(span.startMs), '--end', isoTime(span.endMs)]
/** Longer than any store goes on trying (src/stores: MySQL's seven tries take up to 16 s). */
const BOUND_MS = 30_000
/** A restart of a small server. */
const AWAY_MS = 1_000

let exchange: SpawnedExchange
beforeAll(async () => {
  const faults = { rates: { slow: 1 }, slowMs: 40 }
  exchange = await spawnExchange({ symbols: [spec], clock: { manualMs: nowMs }, limits: NO_LIMITS, faults })
})
afterAll(() => exchange.stop())

type Wired = {
  readonly place: Place
  readonly direct: Bench
  readonly wired: Bench
  readonly proxy: TcpProxy
}

/** A fresh database, reached directly and through a wire that can be cut. */
async function wire(place: (folder: string) => Promise<Place>, kind: string): Promise<Wired> {
  const folder = workFolder()
  const at = await place(folder)
  const [, host = '127.0.0.1', port = ''] = /:\/\/(?:[^@/]*@)?([^:/,?]+)(?::(\d+))?/.exec(at.uri) ?? []
  const ports: Readonly<Record<string, number>> = { postgresql: 5_432, mysql: 3_306, mongodb: 27_017 }
  const proxy = await startTcpProxy(host, Number(port || ports[kind]))
  const through = withAccount(at.uri, { host: '127.0.0.1', port: proxy.port })
  // A replica set would lead its client past the wire.
  const uri = kind === 'mongodb' ? `${through.replace(/\?.*$/, '')}?directConnection=true` : through
  const flags = ['--db', kind, '--db-uri', uri]
  const direct = benchAt(exchange, folder, at)
  return { place: at, direct, wired: benchAt(exchange, folder, { ...at, flags }), proxy }
}

/** Ends every connection to the database, as a server does that is shut down; MongoDB's wire is cut. */
async function endConnections(server: TestDatabase, uri: string, proxy: TcpProxy): Promise<void> {
  if (server.kind === 'postgresql') {
    const others = 'datname = current_database() AND pid <> pg_backend_pid()'
    await server.exec(uri, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${others}`)
  } else if (server.kind === 'mysql') {
    await onConnection(connectMysql(uri), async ({ query }) => {
      const others = 'db = database() AND id <> connection_id()'
      const found = await query(`SELECT id AS id FROM information_schema.processlist WHERE ${others}`)
      // One that has ended by itself meanwhile is no failure.
      for (const { id } of found) await query(`KILL ${id}`).catch(() => [])
    })
  } else proxy.cut()
}

const written = async (running: RunningPetrosa, times: number): Promise<void> =>
  running.said('written', times)

describe.concurrent.each(servers)('$label', ({ server, place }) => {
  test('gone for good: exit 75 in bounded time, nothing half stored, the next run completes it', async () => {
    const { direct, wired, proxy } = await wire(place, server.kind)
    const running = wired.startKlines([...named, ...range])
    await written(running, 4)
    proxy.set({ kind: 'refuse' })
    proxy.cut()
    const run = await running.ended
    await proxy.close()
    expect(tail(run)).toStartWith('exit 75\n')
    expect(run.durationMs).toBeLessThan(BOUND_MS)
    const [error = '', ...more] = run.result().errors
    expect(more).toEqual([])
    expect(error).toContain(stores.find(({ kind }) => kind === server.kind)?.variable ?? 'no variable')
    expect(error).toMatch(/run the same command again/)
    expect(await inconsistencies(direct.contents, expected)).toEqual([])
    const stored = [...(await direct.contents.counts()).values()][0] ?? 0
    // A commit whose answer was lost may be stored and not counted, never the other way round.
    expect(stored).toBeGreaterThanOrEqual(run.result().rows_written)
    expect(stored).toBeLessThan(PAGES * 1_000)
    const next = await direct.klines(named)
    expect(tail(next)).toStartWith('exit 0')
    expect(await differences(direct.contents, expected)).toEqual([])
  }, 60_000)

  test('away for a second, as in a restart: the pass completes, exactly', async () => {
    const { direct, wired, proxy } = await wire(place, server.kind)
    const running = wired.startKlines([...named, ...range])
    for (const times of [3, 6]) {
      await written(running, times)
      proxy.set({ kind: 'refuse' })
      proxy.cut()
      await Bun.sleep(AWAY_MS)
      proxy.set({ kind: 'none' })
    }
    const run = await running.ended
    await proxy.close()
    expect(proxy.struck()).toBeGreaterThan(0)
    expect(tail(run)).toStartWith('exit 0\n')
    expect(run.result().errors).toEqual([])
    expect(await differences(direct.contents, expected)).toEqual([])
  }, 60_000)

  test('every connection ended by the server, twice: the pass completes, exactly', async () => {
    const { place: at, direct, wired, proxy } = await wire(place, server.kind)
    const running = wired.startKlines([...named, ...range])
    for (const times of [3, 6]) {
      await written(running, times)
      const before = proxy.connections()
      await endConnections(server, at.uri, proxy)
      await written(running, times + 2)
      expect(proxy.connections()).toBeGreaterThan(before)
    }
    const run = await running.ended
    await proxy.close()
    expect(tail(run)).toStartWith('exit 0\n')
    expect(run.result().errors).toEqual([])
    expect(await differences(direct.contents, expected)).toEqual([])
    const ledger = await direct.contents.ledger({
      market: 'spot',
      dataset: 'klines',
      symbol: 'AAAUSDT',
      period: '1m',
    })
    expect(ledger).toMatchObject([{ ...span, verdict: 'rows', rows: PAGES * 1_000 }])
  }, 60_000)
})

// What only the MongoDB store can show: a write that is stopped at every command there is, with transactions
// nowhere. Coverage must never speak of rows that are not there nor forget what it knew, and the write
// repeated must end as if nothing had been.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { LeaseLostError } from '../../src/core/lease.ts'
import { type LedgerRow, ledgerRow, settledSpans } from '../../src/core/ledger.ts'
import { seriesKey } from '../../src/core/series.ts'
import { minus, type Span, union } from '../../src/core/span.ts'
import type { Page, Store } from '../../src/core/store.ts'
import { UnavailableError, UserError } from '../../src/errors.ts'
import { openMongodb } from '../../src/stores/mongodb/store.ts'
import { mongodbDatabase, withMongoDatabase } from '../rig/mongodb-database.ts'
import { type Fault, type MongodbProxy, startMongodbProxy } from '../rig/mongodb-proxy.ts'
import { candle, candles, DAY_0_MS, FETCHED_MS, klineSeries, MINUTE_MS, page, tableOf } from '../rig/pages.ts'
import { seededRandom, seedFor } from '../rig/seed.ts'
import { type StartedServer, startMongodb } from '../rig/servers.ts'
import { freshName, openStore, realClock } from '../rig/test-database.ts'
import { ledgerOf, mustBeSound, readAll } from './reading.ts'

const CASE_LIMIT_MS = 120_000
/** Every write of these tests takes fewer commands. */
const MOST_COMMANDS = 30

const given = Bun.env.TEST_MONGODB_URI
const own: StartedServer | null = given ? null : await startMongodb()
const server = given || own?.uri
if (!server) console.warn('NOT TESTED: MongoDB under faults. Set TEST_MONGODB_URI, or install mongod')

const series = klineSeries('BTCUSDT')
const table = tableOf(series)
const at = (minute: number): number => DAY_0_MS + minute * MINUTE_MS
const span = (from: number, to: number): Span => ({ startMs: at(from), endMs: at(to) })

/**
 * What is there before: rows on both sides, an outage between them, and rows of which some will be corrected.
 */
const before: readonly Page[] = [
  page(series, candles(at(0), 10)),
  page(series, [], {
    ledger: [ledgerRow(span(10, 40), 'outage', { checkedAtMs: FETCHED_MS, reason: 'asked' })],
  }),
  page(series, candles(at(40), 10)),
  page(series, [], { ledger: [ledgerRow(span(50, 90), 'wanted', { checkedAtMs: FETCHED_MS })] }),
]

/**
 * Cuts the outage in two, joins neighbours, corrects rows, inserts some where the ledger knew nothing: all
 * that a write can do.
 */
const after: readonly Page[] = [
  page(series, candles(at(20), 5), { extractedAtMs: FETCHED_MS + 1 }),
  page(series, [candle(at(45), { volume: '77.5' }), candle(at(46), { volume: '78' })], {
    extractedAtMs: FETCHED_MS + 2,
  }),
  page(series, candles(at(50), 10), { extractedAtMs: FETCHED_MS + 3, fresh: true }),
]
const expected = { written: 15, changed: 2 }

let proxy: MongodbProxy
const quick = { ...realClock, wait: (_ms: number) => realClock.wait(5) }

beforeAll(async () => {
  if (server) proxy = await startMongodbProxy(server)
})
afterAll(async () => {
  await proxy?.close()
  await own?.stop()
})

type Place = { readonly direct: Store; readonly faulty: Store }

/** A database that holds `before`, with one store that goes through the proxy and one that does not. */
async function onPlace(query: string, work: (place: Place) => Promise<void>): Promise<void> {
  const { uri, drop } = await mongodbDatabase(server ?? '').fresh()
  const name = /\/([^/?]+)(?:\?|$)/.exec(uri)?.[1] ?? ''
  const direct = await openStore('mongodb', { uri, readOnly: false, batchRows: null })
  await direct.prepare([table])
  await direct.write(before)
  proxy.heal()
  const uriThrough = proxy.uri(name, `&serverSelectionTimeoutMS=300&heartbeatFrequencyMS=500${query}`)
  const faulty = await openMongodb({ uri: uriThrough, readOnly: false, batchRows: null }, quick)
  try {
    await work({ direct, faulty })
  } finally {
    proxy.heal()
    await faulty.close()
    await direct.close()
    await drop()
  }
}

const tell = (error: unknown): unknown => error

/** How everything stands after `after`, from a database where nothing went wrong. */
async function undisturbed(): Promise<unknown> {
  let state: unknown
  await onPlace('', async ({ direct }) => {
    expect(await direct.write(after)).toEqual(expected)
    state = { rows: await readAll(direct, series), ledger: await ledgerOf(direct, series) }
  })
  return state
}

describe.skipIf(!server)('mongodb under faults', () => {
  for (const retryWrites of [true, false]) {
    for (const fault of ['cut', 'lose-answer'] as const) {
      test(
        `${fault} at each command, retryWrites=${retryWrites}: the write comes to its end with exact counts`,
        async () => {
          const goal = await undisturbed()
          let from = 1
          for (let met = true; met && from < MOST_COMMANDS; from += 1) {
            await onPlace(`&retryWrites=${retryWrites}`, async ({ direct, faulty }) => {
              proxy.fail(fault, from)
              expect({ from, ...(await faulty.write(after)) }).toEqual({ from, ...expected })
              met = proxy.commands().length >= from
              expect({ rows: await readAll(direct, series), ledger: await ledgerOf(direct, series) }).toEqual(
                goal as never,
              )
            })
          }
          expect(from).toBeGreaterThan(7)
        },
        CASE_LIMIT_MS,
      )
    }
  }

  for (const fault of ['gone', 'gone-after'] as const satisfies readonly Fault[]) {
    test(
      `${fault} at each command: told as unavailable, sound at that moment, and whole when repeated`,
      async () => {
        const goal = await undisturbed()
        let from = 1
        for (let met = true; met && from < MOST_COMMANDS; from += 1) {
          await onPlace('', async ({ direct, faulty }) => {
            proxy.fail(fault, from)
            const outcome: unknown = await faulty.write(after).catch(tell)
            met = proxy.commands().length >= from
            if (met) expect(outcome).toBeInstanceOf(UnavailableError)
            await mustBeSound(direct, series, [span(0, 50)])
            proxy.heal()
            await direct.write(after)
            await mustBeSound(direct, series, [span(0, 50)])
            expect({ rows: await readAll(direct, series), ledger: await ledgerOf(direct, series) }).toEqual(
              goal as never,
            )
            expect(await direct.write(after)).toEqual({ written: 0, changed: 0 })
          })
        }
        expect(from).toBeGreaterThan(7)
      },
      CASE_LIMIT_MS,
    )
  }
})

test.skipIf(!server)(
  'taken over at each command: nothing that the new owner has seen is changed, and what comes is true',
  async () => {
    const key = seriesKey(series)
    const late: string[] = []
    let from = 1
    for (let met = true; met && from < MOST_COMMANDS; from += 1) {
      await onPlace('', async ({ direct, faulty }) => {
        const call = { series: [key], lastsMs: 1_000 }
        const [lease] = (await direct.leases?.claim({ ...call, holder: 'a', nowMs: 0 })) ?? []
        let seen: readonly LedgerRow[] | null = null
        proxy.hold(from, async () => {
          await direct.leases?.claim({ ...call, holder: 'b', nowMs: 1_000 })
          seen = await ledgerOf(direct, series)
        })
        const stale = after.map((one) => ({ ...one, token: lease?.token ?? -1 }))
        const outcome: unknown = await faulty.write(stale).catch(tell)
        met = seen !== null
        if (!met) return
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(LeaseLostError)
        const ledger = await ledgerOf(direct, series)
        if (!Bun.deepEquals(ledger, seen)) late.push(proxy.commands()[from - 1] ?? '')
        expect(minus(settledSpans(seen ?? []), settledSpans(ledger))).toEqual([])
        await mustBeSound(direct, series, [span(0, 50)])
        // And whoever has the series now makes it whole.
        const [next] = (await direct.leases?.claim({ ...call, holder: 'b', nowMs: 1_000 })) ?? []
        await direct.write(after.map((one) => ({ ...one, token: next?.token ?? -1 })))
        const whole = (await undisturbed()) as { readonly ledger: unknown }
        expect(await ledgerOf(direct, series)).toEqual(whole.ledger as never)
      })
    }
    expect(from).toBeGreaterThan(7)
    // Only what is inserted cannot be made to depend on the lease: one such command may be on its way.
    expect(late).toEqual(['insert'])
  },
  CASE_LIMIT_MS,
)

/** Stores at once, each a process of its own as far as the server can tell, and what each of them records. */
const RIVALS = 4
const RIVAL_WRITES = 25

test.skipIf(!server)(
  'many stores change the ledger of one series at once: nothing promised is lost, nothing invented',
  async () => {
    const { uri, drop } = await mongodbDatabase(server ?? '').fresh()
    const rivals = await Promise.all(
      Array.from({ length: RIVALS }, () => openStore('mongodb', { uri, readOnly: false, batchRows: null })),
    )
    const [first] = rivals
    if (!first) throw new Error('no store')
    await first.prepare([table])
    const random = seededRandom(seedFor('test/contract/mongodb.test.ts'))
    const promised: Span[] = []
    const record = async (store: Store): Promise<void> => {
      for (let write = 0; write < RIVAL_WRITES; write += 1) {
        const from = Math.floor(random() * 200)
        const news = span(from, from + 1 + Math.floor(random() * 40))
        const verdict =
          (['outage', 'no-trades', 'unlisted', 'wanted'] as const)[Math.floor(random() * 4)] ?? 'outage'
        // Answers of one moment are the hardest case: then no time says which row is the newer one.
        const checkedAtMs = FETCHED_MS + Math.floor(random() * 2)
        await store.write([page(series, [], { ledger: [ledgerRow(news, verdict, { checkedAtMs })] })])
        if (verdict !== 'wanted') promised.push(news)
        const owed = union(promised)
        expect(minus(owed, settledSpans(await ledgerOf(store, series)))).toEqual([])
      }
    }
    try {
      await Promise.all(rivals.map(record))
      const ledger = await ledgerOf(first, series)
      expect(settledSpans(ledger)).toEqual(union(promised))
      expect(ledger.filter((row, i) => i > 0 && (ledger[i - 1]?.endMs ?? 0) > row.startMs)).toEqual([])
    } finally {
      await Promise.all(rivals.map((store) => store.close()))
      await drop()
    }
  },
  CASE_LIMIT_MS,
)

describe.skipIf(!server)('mongodb, what is refused', () => {
  const open = (uri: string): Promise<unknown> =>
    openStore('mongodb', { uri, readOnly: false, batchRows: null }).then((store) => store.close(), tell)
  const through = (query: string): string => proxy.uri(freshName(), query)

  test('w=0, since nobody could know what is stored', async () => {
    expect(await open(through('&w=0'))).toBeInstanceOf(UserError)
  })

  test('a wrong password, and it is not repeated', async () => {
    const error = await open(through('').replace('//', '//somebody:s3cret%21@'))
    expect(error).toBeInstanceOf(UserError)
    expect(Bun.inspect(error)).not.toContain('s3cret')
  })

  test('a URI that is none, without repeating its password', async () => {
    for (const uri of [
      'mongodb://u:s3cret@@host',
      'http://u:s3cret@host',
      through('&nonsense=1'),
      through('&w=x&tls=maybe'),
    ]) {
      const error = await open(uri)
      expect(error).toBeInstanceOf(UserError)
      expect(String(error)).not.toContain('s3cret')
    }
  })

  test('a host that is not there is unavailable', async () => {
    for (const host of ['petrosa.invalid:1', '127.0.0.1:1']) {
      const error = await open(`mongodb://u:s3cret@${host}/x?serverSelectionTimeoutMS=300`)
      expect(error).toBeInstanceOf(UnavailableError)
      expect(String(error)).not.toContain('s3cret')
    }
  })

  test('a collection with another _id, and a view', async () => {
    const database = mongodbDatabase(server ?? '')
    for (const foreign of [
      '{"insert": "klines_m1", "documents": [{"symbol": "BTCUSDT"}]}',
      '{"insert": "klines_m1", "documents": [{"_id": {"s": "BTCUSDT", "m": "spot", "t": 1}}]}',
      '{"create": "klines_m1", "viewOn": "other"}',
    ]) {
      const { uri, drop } = await database.fresh()
      await database.exec(uri, foreign)
      const store = await openStore('mongodb', { uri, readOnly: false, batchRows: null })
      expect(await store.prepare([table]).catch(tell)).toBeInstanceOf(UserError)
      await store.close()
      await drop()
    }
  })

  test('a URI without a database means binance', async () => {
    const { databaseName } = await import('../../src/stores/mongodb/open.ts')
    expect(databaseName('mongodb://a,b:1')).toBe('binance')
    expect(databaseName('mongodb+srv://u:p@a/?w=1')).toBe('binance')
    expect(databaseName(withMongoDatabase('mongodb://u:p@a:1,b:2/x?w=1', 'other'))).toBe('other')
  })
})

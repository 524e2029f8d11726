// Leases as documents, each changed by conditional updates of its own. There may be no transactions, so
// whoever takes a series over renews the revision of every document of its ledger: what the owner before has
// read of it is out of date then, and its changes, which name the revision that they were made for, find
// nothing.
import { type Document, ObjectId } from 'mongodb'
import { type Lease, type Leases, REPLICA_PREFIX } from '../../core/lease.ts'
import { LEASES_TABLE, refuseLost } from '../leases.ts'
import { COVERAGE_TABLE } from '../schema.ts'
import { isTaken } from './errors.ts'
import { pieces } from './flight.ts'
import type { Connection } from './open.ts'

/** Documents of one command. */
const COMMAND_DOCUMENTS = 1_000

const DAY_MS = 86_400_000
const replicas: Document = { series: { $regex: `^${REPLICA_PREFIX}` } }
const idOf = (series: string): Document => ({ series })

/** The database's clock, unless the call names the time (epoch ms). */
const now = (nowMs: number | undefined): unknown => (nowMs === undefined ? '$$NOW' : new Date(nowMs))
const until = (nowMs: number | undefined, lastsMs: number): Document => ({ $add: [now(nowMs), lastsMs] })

/** The leases of a database. */
export function mongodbLeases(connection: Connection): Leases {
  const { database } = connection
  const leases = database.collection(LEASES_TABLE)
  return {
    async claim({ holder, series, lastsMs, nowMs }) {
      const taken: Lease[] = []
      for (const some of pieces([...new Set(series)], COMMAND_DOCUMENTS)) {
        await makeMissing(connection, some)
        const isFree = { $lte: ['$expires_at', now(nowMs)] }
        const filter: Document = { _id: { $in: some.map(idOf) }, $expr: { $or: [isFree, isOf(holder)] } }
        const next = { $cond: [isOf(holder), '$token', { $add: ['$token', 1] }] }
        const change = { token: next, holder: { $literal: holder }, expires_at: until(nowMs, lastsMs) }
        await connection.write(LEASES_TABLE, () => leases.updateMany(filter, [{ $set: change }]))
        taken.push(...(await readLeases(connection, { _id: { $in: some.map(idOf) }, holder })))
      }
      for (const some of pieces(taken, COMMAND_DOCUMENTS)) {
        const keys = some.map((lease) => lease.series)
        const renewed = { $set: { revision: new ObjectId() } }
        await connection.write(COVERAGE_TABLE, () =>
          database.collection(COVERAGE_TABLE).updateMany({ series: { $in: keys } }, renewed),
        )
      }
      const isPast = { $lt: ['$expires_at', until(nowMs, -DAY_MS)] }
      await connection.run(() => leases.deleteMany({ ...replicas, $expr: isPast }))
      return taken
    },
    async renew({ holder, lastsMs, nowMs }) {
      await connection.write(LEASES_TABLE, () =>
        leases.updateMany({ holder }, [{ $set: { expires_at: until(nowMs, lastsMs) } }]),
      )
      const held = await readLeases(connection, { holder })
      const live = await readLeases(connection, { $expr: { $gt: ['$expires_at', now(nowMs)] } })
      return { held, live: live.map(({ series }) => series) }
    },
    async release({ holder, series }) {
      for (const some of series === null ? [null] : pieces(series, COMMAND_DOCUMENTS)) {
        const own: Document = some === null ? { holder } : { holder, _id: { $in: some.map(idOf) } }
        await connection.run(() => leases.deleteMany({ $and: [own, replicas] }))
        await connection.write(LEASES_TABLE, () =>
          leases.updateMany(own, { $set: { holder: '', expires_at: new Date(0) } }),
        )
      }
    },
  }
}

const isOf = (holder: string): Document => ({ $eq: ['$holder', { $literal: holder }] })

async function makeMissing(connection: Connection, series: readonly string[]): Promise<void> {
  const leases = connection.database.collection(LEASES_TABLE)
  const operations = series.map((key) => {
    const fresh = { series: key, holder: '', token: 0, expires_at: new Date(0) }
    const filter: Document = { _id: idOf(key) }
    return { updateOne: { filter, update: { $setOnInsert: fresh }, upsert: true } }
  })
  await connection.write(LEASES_TABLE, async () => {
    try {
      await leases.bulkWrite(operations, { ordered: false })
    } catch (error) {
      // Another program made the same in the same moment.
      if (!isTaken(error)) throw error
    }
  })
}

async function readLeases(connection: Connection, filter: Document): Promise<Lease[]> {
  const found = await connection.run(() =>
    connection.database
      .collection(LEASES_TABLE)
      .find(filter, { projection: { series: 1, token: 1 } })
      .toArray(),
  )
  return found.map((document) => ({ series: String(document.series), token: Number(document.token) }))
}

/** Throws LeaseLostError where somebody else has one of `wanted` by now. */
export async function refuseLostLeases(connection: Connection, wanted: readonly Lease[]): Promise<void> {
  for (const some of pieces(wanted, COMMAND_DOCUMENTS)) {
    const filter: Document = { _id: { $in: some.map(({ series }) => idOf(series)) } }
    refuseLost(some, await readLeases(connection, filter))
  }
}

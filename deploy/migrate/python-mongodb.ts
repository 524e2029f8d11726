// The Python extractor's database on MongoDB: prices are doubles, and overlapping runs stored candles twice.
// Where two differ the one that was extracted later is taken.
import type { Db, Document } from 'mongodb'
import type { Clock } from '../../src/core/retry.ts'
import type { Period } from '../../src/core/series.ts'
import { UserError } from '../../src/errors.ts'
import { connect } from '../../src/stores/mongodb/open.ts'
import {
  ASIDE,
  decimalNames,
  klinesTable,
  type OldCandle,
  type OldSeries,
  oldTables,
  type PythonDatabase,
  periodOfTable,
  placesOf,
  VIEW,
} from './python-database.ts'

const DIGITS = 18
/** Digits after the point that the old program kept of a change in percent. */
const PERCENT_DIGITS = 4

/** Opens it. Throws UserError (URI, password, TLS) or UnavailableError. */
export async function openPythonMongodb(uri: string, clock: Clock): Promise<PythonDatabase> {
  const { client, database, run } = await connect({ uri, readOnly: false, batchRows: null }, clock)
  /** Looked up once, and once more when collections get other names: a run asks for it at every page. */
  let known: ReadonlyMap<string, string> | null = null
  const places = async (): Promise<ReadonlyMap<string, string>> => {
    known ??= placesOf(await run(() => old(database)))
    return known
  }
  return {
    inTheWay: async () => (await run(() => old(database))).filter((name) => oldTables.includes(name)),
    setAside: async (names) => {
      await places()
      known = null
      for (const name of names) await run(() => database.renameCollection(name, ASIDE + name))
      return names.map((name) => ASIDE + name)
    },
    series: async () => {
      const found: OldSeries[] = []
      for (const [name, place] of await places())
        if (name !== 'trades') found.push(...(await run(() => seriesIn(database, name, place))))
      return found
    },
    hasTrades: async () => (await places()).has('trades'),
    candles: async ({ symbol, period }, span, limit) => {
      const place = period && (await places()).get(klinesTable(period))
      if (!place) return []
      const range = { $gte: new Date(span.startMs), $lt: new Date(span.endMs) }
      const stages = [
        { $match: { symbol, open_time: range } },
        { $sort: { open_time: 1, extracted_at: 1 } },
        { $group: { _id: '$open_time', row: { $last: '$$ROOT' } } },
        { $sort: { _id: 1 } },
        { $limit: limit },
      ]
      const options = { allowDiskUse: true }
      const rows = (): Promise<{ row: Document }[]> =>
        database.collection(place).aggregate<{ row: Document }>(stages, options).toArray()
      return (await run(rows)).map(({ row }) => toCandle(row))
    },
    checkViews: async (into) => {
      if (into === null) return
      const advice = `leave --views-in out: they stand beside the collections, with ${VIEW} at their ends`
      throw new UserError('a view of MongoDB cannot look into another database', advice)
    },
    makeViews: async (periods, market) => {
      for (const period of periods) await run(() => makeView(database, period, market))
      return periods.map((period) => klinesTable(period) + VIEW)
    },
    close: () => client.close(),
  }
}

async function seriesIn(database: Db, name: string, place: string): Promise<readonly OldSeries[]> {
  const time = name === 'funding_rates' ? '$funding_time' : '$open_time'
  const stages = [
    { $group: { _id: '$symbol', first: { $min: time }, last: { $max: time } } },
    { $sort: { _id: 1 } },
  ]
  const rows = await database.collection(place).aggregate(stages).toArray()
  return rows.map(({ _id, first, last }) => {
    const [firstMs, lastMs] = [timeOf(first), timeOf(last)]
    return { symbol: String(_id), period: periodOfTable(name), firstMs, lastMs }
  })
}

/**
 * Collections whose documents are the old ones: they have a version of the extractor, and an _id that the
 * server made. Petrosa's have a key for it, so that its index tells at once that a collection has none.
 */
async function old(database: Db): Promise<string[]> {
  const present = new Set(
    (await database.listCollections({ type: 'collection' }).toArray()).map((one) => one.name),
  )
  const names = [...oldTables, ...oldTables.map((name) => ASIDE + name)].filter((name) => present.has(name))
  const found: string[] = []
  for (const name of names) {
    const document = await database.collection(name).findOne({ _id: { $type: 'objectId' } })
    if (document && 'extractor_version' in document) found.push(name)
  }
  return found
}

const timeOf = (value: unknown): number => (value instanceof Date ? value.getTime() : Number.NaN)

/** A double as plain decimal text, without an exponent and without zeros at its end. */
function decimalText(value: unknown): string {
  const text = String(value)
  if (!/e/i.test(text)) return text
  const plain = Number(value).toFixed(DIGITS)
  return plain.includes('.') ? plain.replace(/\.?0+$/, '') : plain
}

function toCandle(row: Document): OldCandle {
  return {
    openMs: timeOf(row.open_time),
    decimals: decimalNames.map((name) => decimalText(row[name])),
    trades: Number(row.number_of_trades),
    extractedAtMs: timeOf(row.extracted_at),
  }
}

async function makeView(database: Db, period: Period, market: string): Promise<void> {
  const name = klinesTable(period) + VIEW
  const numbers = Object.fromEntries(decimalNames.map((field) => [field, { $toDouble: `$${field}` }]))
  const milliseconds = { $toString: { $toLong: '$open_time' } }
  const change = { $subtract: ['$close_price', '$open_price'] }
  const percent = { $round: [{ $multiply: [{ $divide: [change, '$open_price'] }, 100] }, PERCENT_DIGITS] }
  const fields = {
    id: { $concat: ['$symbol', '_', milliseconds] },
    timestamp: '$open_time',
    interval: period,
    source: 'binance-futures',
    extractor_version: 'petrosa',
    price_change: { $toDouble: change },
    price_change_percent: { $cond: [{ $eq: ['$open_price', 0] }, null, { $toDouble: percent }] },
    ...numbers,
  }
  const pipeline = [{ $match: { market } }, { $addFields: fields }]
  const present = await database.listCollections({ name }).toArray()
  if (present.length > 0) await database.command({ collMod: name, viewOn: klinesTable(period), pipeline })
  else await database.createCollection(name, { viewOn: klinesTable(period), pipeline })
}

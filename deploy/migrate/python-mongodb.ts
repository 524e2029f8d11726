// The Python extractor's database on MongoDB: prices are doubles, and overlapping runs stored candles twice.
// Where two differ the one that was extracted later is taken.
import { type Db, type Document, MongoClient } from 'mongodb'
import type { Period } from '../../src/core/series.ts'
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

/** The database that is meant where an address names none. */
const DATABASE = 'binance'
const DIGITS = 18

/** Opens it. Throws what the driver throws. */
export async function openPythonMongodb(uri: string): Promise<PythonDatabase> {
  const client = new MongoClient(uri)
  await client.connect()
  const named = /^[^/]+:\/\/[^/?]+\/([^?]+)/.exec(uri)?.[1]
  const database = client.db(named ? decodeURIComponent(named) : DATABASE)
  return {
    inTheWay: async () => (await old(database)).filter((name) => oldTables.includes(name)),
    setAside: async (names) => {
      placesOf(await old(database))
      for (const name of names) await database.renameCollection(name, ASIDE + name)
      return names.map((name) => ASIDE + name)
    },
    series: async () => {
      const found: OldSeries[] = []
      for (const [name, place] of placesOf(await old(database))) {
        if (name === 'trades') continue
        const time = name === 'funding_rates' ? '$funding_time' : '$open_time'
        const stages = [
          { $group: { _id: '$symbol', first: { $min: time }, last: { $max: time } } },
          { $sort: { _id: 1 } },
        ]
        for await (const { _id, first, last } of database.collection(place).aggregate(stages)) {
          const [firstMs, lastMs] = [timeOf(first), timeOf(last)]
          found.push({ symbol: String(_id), period: periodOfTable(name), firstMs, lastMs })
        }
      }
      return found
    },
    hasTrades: async () => placesOf(await old(database)).has('trades'),
    candles: async ({ symbol, period }, span, limit) => {
      const place = period && placesOf(await old(database)).get(klinesTable(period))
      if (!place) return []
      const range = { $gte: new Date(span.startMs), $lt: new Date(span.endMs) }
      const stages = [
        { $match: { symbol, open_time: range } },
        { $sort: { open_time: 1, extracted_at: 1 } },
        { $group: { _id: '$open_time', row: { $last: '$$ROOT' } } },
        { $sort: { _id: 1 } },
        { $limit: limit },
      ]
      const rows = database.collection(place).aggregate<{ row: Document }>(stages, { allowDiskUse: true })
      return (await rows.toArray()).map(({ row }) => toCandle(row))
    },
    makeViews: async (periods, market) => {
      for (const period of periods) await makeView(database, period, market)
      return periods.map((period) => klinesTable(period) + VIEW)
    },
    close: () => client.close(),
  }
}

/** Collections whose documents are the old ones: no document of petrosa's has a version of the extractor. */
async function old(database: Db): Promise<string[]> {
  const present = new Set(
    (await database.listCollections({ type: 'collection' }).toArray()).map((one) => one.name),
  )
  const names = [...oldTables, ...oldTables.map((name) => ASIDE + name)].filter((name) => present.has(name))
  const found: string[] = []
  for (const name of names)
    if (await database.collection(name).findOne({ extractor_version: { $exists: true } })) found.push(name)
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
  const fields = {
    id: { $concat: ['$symbol', '_', milliseconds] },
    timestamp: '$open_time',
    interval: period,
    source: 'binance-futures',
    extractor_version: 'petrosa',
    ...numbers,
  }
  const pipeline = [{ $match: { market } }, { $addFields: fields }]
  const present = await database.listCollections({ name }).toArray()
  if (present.length > 0) await database.command({ collMod: name, viewOn: klinesTable(period), pipeline })
  else await database.createCollection(name, { viewOn: klinesTable(period), pipeline })
}

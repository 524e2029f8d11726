// The CSV scanner against split and canonicalDecimal: the same rows in chunks of any size, in the units that
// each value is in; and what is no row is refused by its line and column.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { LINE_BYTES, PIECE_BYTES } from '../../src/binance/csv.ts'
import { ARCHIVE_PIECE_ROWS } from '../../src/core/archive.ts'
import type { Series } from '../../src/core/series.ts'
import { slicesOf } from '../../src/core/sliced-rows.ts'
import { funding } from '../../src/datasets/funding.ts'
import { klines } from '../../src/datasets/klines.ts'
import { aggTrades, trades } from '../../src/datasets/trades.ts'
import { MalformedError } from '../../src/errors.ts'
import { formOf, piecesOf, plainRow, rowsOf } from '../rig/csv-reading.ts'
import { fundingSeries, klineSeries, tradeSeries } from '../rig/pages.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/csv.test.ts')
const aggSeries: Series = { ...tradeSeries('BTCUSDT'), dataset: 'agg-trades' }
const kline = formOf(klines, klineSeries('BTCUSDT'))
const spotTrade = formOf(trades, tradeSeries('BTCUSDT'))
const agg = formOf(aggTrades, aggSeries)
const umAgg = formOf(aggTrades, { ...aggSeries, market: 'um' })
const rate = formOf(funding, fundingSeries('BTCUSDT'))

const KLINE = '1704067200000,10,20.50,5,12.0,3.10000000,1704067259999,40,7,1,2,0'
const UM_AGG = '26129,42000.10,0.005,27781,27790,1704067200123,true'

function refusal(csv: string | Uint8Array, form = kline, sizes?: readonly number[]): string {
  try {
    piecesOf(form, csv, sizes)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return error.message
  }
  return 'accepted'
}

const digits = (least: number, most: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: least, maxLength: most })
const decimal = fc
  .tuple(digits(1, 15), fc.option(digits(1, 10)), fc.nat({ max: 8 }))
  .map(([whole, fraction, zeros]) => (fraction === null ? whole : `${whole}.${fraction}${'0'.repeat(zeros)}`))
const flag = fc.constantFrom('true', 'false', 'True', 'False', '1', '0')
const time = fc
  .tuple(fc.nat({ max: 1_900_000_000_000 }), fc.boolean(), fc.nat({ max: 999 }))
  .map(([ms, isMicro, micros]) => (isMicro && ms >= 1e11 ? String(ms * 1_000 + micros) : String(ms)))

/** Spot trades with ids that ascend by any step, far beyond 2^53. */
const tradeLines = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 9_000_000_000_000_000_000n }),
    fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 1_000n }), decimal, decimal, decimal, time, flag, flag), {
      maxLength: 40,
    }),
  )
  .map(([firstId, rows]) => {
    let id = firstId
    return rows.map(([step, price, quantity, quote, timeText, maker, best]) => {
      id += step
      return [id, price, quantity, quote, timeText, maker, best].join(',')
    })
  })
const chunkSizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 })
const ending = fc.constantFrom('\n', '\r\n')

describe('sound files', () => {
  test('are read the same in chunks of any size, with any line ending, header and last line', () => {
    const header = fc.constantFrom('', 'id,price,qty,quote_qty,time,is_buyer_maker,is_best_match')
    const property = fc.property(
      fc.tuple(tradeLines, chunkSizes, ending, header, fc.boolean()),
      ([lines, sizes, end, head, isClosed]) => {
        const all = head === '' ? lines : [head, ...lines]
        const csv = all.join(end) + (isClosed && all.length > 0 ? end : '')
        const due = lines.map((line) => plainRow(spotTrade, line))
        expect(rowsOf(piecesOf(spotTrade, csv, sizes))).toEqual(due)
        expect(rowsOf(piecesOf(spotTrade, csv))).toEqual(due)
      },
    )
    fc.assert(property, runs)
  })

  test('give pieces whose bounds do not depend on the chunks, each with bytes of its own', () => {
    const lines = Array.from(
      { length: 2 * ARCHIVE_PIECE_ROWS + 7 },
      (_, i) => `${i},1.5,2,${i % 10}${i}.25,${1_700_000_000_000 + i},true,True`,
    )
    const csv = Buffer.from(lines.join('\n'))
    const whole = piecesOf(spotTrade, csv, [csv.length])
    expect(whole.map(({ rows }) => rows.count)).toEqual([ARCHIVE_PIECE_ROWS, ARCHIVE_PIECE_ROWS, 7])
    for (const sizes of [[1_000], [65_536], [262_144, 1]]) {
      const pieces = piecesOf(spotTrade, csv, sizes)
      expect(pieces.map(({ rows }) => rows.count)).toEqual(whole.map(({ rows }) => rows.count))
      expect(rowsOf(pieces)).toEqual(rowsOf(whole))
    }
    const buffers = whole.map(({ rows }) => slicesOf(rows)?.bytes.buffer)
    expect(new Set(buffers).size).toBe(3)
  })

  test('give smaller pieces where lines are so long that they fill the block', () => {
    const line = (i: number): string => `${i},1,1,1,${'9'.repeat(13)},1,${'x'.repeat(LINE_BYTES - 100)}`
    const count = Math.ceil((2.5 * PIECE_BYTES) / LINE_BYTES)
    const csv = Array.from({ length: count }, (_, i) => line(i)).join('\n')
    const pieces = piecesOf(spotTrade, csv)
    expect(pieces.length).toBe(3)
    expect(rowsOf(pieces).map(([id]) => id)).toEqual(Array.from({ length: count }, (_, i) => String(i)))
  })

  test('are milliseconds or microseconds value by value, rounded down', () => {
    const cases: readonly (readonly [string, number])[] = [
      ['1704067199999', 1704067199999],
      ['1704067200000999', 1704067200000],
      ['99999999999999', 99999999999999],
      ['100000000000000', 100000000000],
      ['9007199254740991', 9007199254740],
    ]
    const csv = cases.map(([text], i) => UM_AGG.replace('26129', String(i)).replace('1704067200123', text))
    const times = rowsOf(piecesOf(umAgg, csv.join('\n'))).map((row) => row[5])
    expect(times).toEqual(cases.map(([, ms]) => ms))
  })

  test('may be empty, or a header and nothing else', () => {
    expect(piecesOf(kline, '')).toEqual([])
    expect(piecesOf(rate, 'calc_time,funding_interval_hours,last_funding_rate\r\n', [3])).toEqual([])
  })

  test('have the columns that the file lacks by their fill, and ignore what means nothing', () => {
    const csv =
      'calc_time,funding_interval_hours,last_funding_rate\n' +
      '1704067200003,8,0.00037409\n1704096000000,4,-0E-8\n'
    expect(rowsOf(piecesOf(rate, csv))).toEqual([
      [1704067200003, 'Regular', '0.00037409', null],
      [1704096000000, 'Regular', '0', null],
    ])
  })

  test('may write decimals with an exponent, and those stay exact', () => {
    const line = (price: string): string => UM_AGG.replace('42000.10', price)
    const cases = [
      ['0E-8', '0'],
      ['1.237e-05', '0.00001237'],
      ['1E+3', '1000'],
      ['-0e5', '0'],
      ['12.5E0', '12.5'],
      ['1.5E1', '15'],
      ['1E-18', '0.000000000000000001'],
    ]
    for (const [text = '', due = ''] of cases) {
      const [piece] = piecesOf(umAgg, `${line('1.10')}\n${line(text).replace('26129', '26130')}\n`)
      expect(piece?.rows.columns[1]?.map(String)).toEqual(['1.1', due])
    }
    for (const text of ['1E-19', '1E99', 'E5', '1E', '1E5.0', '1E+-5', '1E555'])
      expect(refusal(line(text), umAgg)).toStartWith('line 1, price: ')
  })

  test('keep the sign of what is below zero, wherever its digits begin, and zero has none', () => {
    const cases = [
      ['-0.00012300', '-0.000123'],
      ['-00012.50', '-12.5'],
      ['-7', '-7'],
      ['-0.0', '0'],
      ['-000', '0'],
    ]
    const lines = cases.map(([text], i) => `${1704067200000 + i},8,${text}`)
    const [piece] = piecesOf(rate, lines.join('\n'))
    expect(piece?.rows.columns[2]?.map(String)).toEqual(cases.map(([, due = '']) => due))
  })

  test('have decimals and ids where they stand, for those who copy bytes', () => {
    const [piece] = piecesOf(agg, '7,0012.500,0.10,5,9223372036854775807,1704067200123456,True,True')
    const slices = piece && slicesOf(piece.rows)
    if (!piece || !slices) throw new Error('no slices')
    const texts = slices.columns.map(
      (column) => column && Buffer.from(slices.bytes.subarray(column.starts[0], column.ends[0])).toString(),
    )
    expect(texts).toEqual(['7', '12.5', '0.1', '5', '9223372036854775807', null, null])
    expect(rowsOf([piece])).toEqual([['7', '12.5', '0.1', '5', '9223372036854775807', 1704067200123, 1]])
  })
})

describe('what is no row is refused by its line and column', () => {
  test('field by field', () => {
    const columns = [
      'agg_trade_id',
      'price',
      'quantity',
      'first_trade_id',
      'last_trade_id',
      'trade_time',
      'is_buyer_maker',
    ]
    const wrong: Record<string, string[]> = {
      id: ['', '01', '1.0', '-2', '--1', '9223372036854775808', '12345678901234567890', 'x', '-', '-01'],
      decimal: ['', '.5', '1.', '1..2', '+1', ' 1', '1 ', '1e', 'NaN', '--1', '-', '0x1', '"1"'],
      time: ['', '-1', '01', '1.5', '17040672000000000', '9007199254740992', 'x'],
      flag: ['', 'TRUE', 'tru', 'truee', '2', '01', 'f', 'Fals'],
    }
    for (const [i, name] of columns.entries()) {
      const kind = agg.table.columns[i]?.kind ?? ''
      for (const value of wrong[kind] ?? []) {
        const row = UM_AGG.split(',').with(i, value).join(',')
        const message = refusal(`${UM_AGG.replace('26129', '26128')}\n${row}\n${UM_AGG}`, umAgg)
        expect(`${value}: ${message}`).toMatch(new RegExp(`^.*: line 2, ${name}: `, 's'))
      }
    }
  })

  test('with too few or too many fields', () => {
    const parts = KLINE.split(',')
    for (let count = 1; count < parts.length; count += 1)
      expect(refusal(`${KLINE}\n${parts.slice(0, count)}\n`)).toMatch(
        /^line 2: only \d+ of 12 fields, near "17/,
      )
    expect(refusal(`${KLINE}\n${KLINE},1\n`)).toStartWith('line 2: more than 12 fields, near "17')
    expect(refusal(`${KLINE}\n\n${KLINE}`)).toStartWith('line 2, open_time: ')
  })

  test('with more digits than every store holds', () => {
    for (const text of ['1'.repeat(21), `0.${'1'.repeat(19)}`, `${'1'.repeat(17)}.${'1'.repeat(18)}`])
      expect(refusal(KLINE.replace('20.50', text))).toStartWith('line 1, high_price: more digits than')
    expect(refusal(KLINE.replace('20.50', `20.5${'0'.repeat(200)}`))).toStartWith('line 1, high_price: ')
  })

  test('a line without an end, whatever the chunks, long before memory is full', () => {
    for (const sizes of [[100], [65_536]]) {
      expect(refusal(`${KLINE}\n${'1'.repeat(PIECE_BYTES)}`, kline, sizes)).toMatch(
        /^line 2: the line does not end/,
      )
      expect(refusal(`${KLINE},${'1'.repeat(LINE_BYTES)}\n`, kline, sizes)).toMatch(/^line 1/)
      expect(refusal(`${KLINE}${'1'.repeat(LINE_BYTES)}\n`, kline, sizes)).toMatch(
        /^line 1: the line (is too long|does)/,
      )
    }
  })

  test('a first line that is neither header nor row; a header anywhere else', () => {
    for (const line of ['\uFEFFopen_time,open', '"open_time",open', ',,', 'x\u0000,1', ' open', '<html>'])
      expect(refusal(`${line}\n${KLINE}`)).toStartWith('line 1: neither a header nor a row')
    expect(refusal(`${KLINE}\nopen_time,open\n`)).toStartWith('line 2, open_time: not a whole number')
    expect(refusal(`open_time,open\nopen_time,open\n`)).toStartWith('line 2, open_time')
    expect(refusal(`open_time,open\n${KLINE}\nx`)).toStartWith('line 3, open_time')
  })

  test('lines are counted through pieces', () => {
    const lines = Array.from({ length: ARCHIVE_PIECE_ROWS + 5 }, (_, i) => UM_AGG.replace('26129', String(i)))
    lines[ARCHIVE_PIECE_ROWS + 2] = 'x'
    expect(refusal(lines.join('\n'), umAgg)).toStartWith(`line ${ARCHIVE_PIECE_ROWS + 3}, agg_trade_id: `)
    const header = 'agg_trade_id,price'
    expect(refusal([header, ...lines].join('\n'), umAgg)).toStartWith(`line ${ARCHIVE_PIECE_ROWS + 4}, `)
  })

  test('whatever bytes it is made of, and nothing else is thrown', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 })
    const property = fc.property(tradeLines, chunkSizes, damage, (lines, sizes, changes) => {
      const bytes = Buffer.from(lines.join('\n'))
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte
      const once = refusal(bytes, spotTrade)
      expect(refusal(bytes, spotTrade, sizes)).toBe(once)
      if (once === 'accepted')
        expect(rowsOf(piecesOf(spotTrade, bytes, sizes))).toEqual(rowsOf(piecesOf(spotTrade, bytes)))
    })
    fc.assert(property, { ...runs, numRuns: runs.numRuns * 3 })
  })
})

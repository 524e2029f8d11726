// What only MySQL and MariaDB can do: a line that breaks at an exact place, bulk loads that are refused,
// rights, TLS.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { ledgerRow } from '../../src/core/ledger.ts'
import type { Store } from '../../src/core/store.ts'
import { PetrosaError, UnavailableError, UserError } from '../../src/errors.ts'
import { openMysql } from '../../src/stores/mysql/store.ts'
import { findDatabases } from '../rig/databases.ts'
import { candle, candles, contractTables, DAY_0_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import { startTcpProxy, type TcpProxy } from '../rig/tcp-proxy.ts'
import { type FreshDatabase, realClock, type TestDatabase } from '../rig/test-database.ts'
import { ledgerOf, readAll } from './reading.ts'
import { thrownBy } from './subject.ts'

/** Pauses between tries are the policy's business; here they pass at once. */
const hastyClock = { ...realClock, wait: async () => {} }
const LIMIT_MS = 60_000
/** Writes of one series at the same time. */
const CROWD = 60
const PASSWORD = 'f4ls3-p4ssw0rd'

const databases = await findDatabases()
afterAll(() => databases.stop())

for (const database of databases.found.filter(({ kind }) => kind === 'mysql')) {
  describe(`${database.label} alone`, () => {
    wireCases(database)
    rowCases(database)
    refusalCases(database)
    tlsCases(database)
  })
}

function open(uri: string, readOnly = false): Promise<Store> {
  return openMysql({ uri, readOnly, batchRows: null }, hastyClock)
}

function rewritten(uri: string, change: (url: URL) => void): string {
  const url = new URL(uri)
  change(url)
  return url.href
}

/** A database that is dropped after the cases of this `describe`, and a way to it that can be cut. */
function wired(database: TestDatabase) {
  let fresh: FreshDatabase | undefined
  let proxy: TcpProxy | undefined
  let store: Store | undefined
  beforeAll(async () => {
    fresh = await database.fresh()
    const { hostname, port } = new URL(fresh.uri)
    proxy = await startTcpProxy(hostname, Number(port))
    store = await open(throughProxy())
    await store.prepare(contractTables)
  }, LIMIT_MS)
  afterEach(() => proxy?.set({ kind: 'none' }))
  afterAll(async () => {
    await store?.close()
    await proxy?.close()
    await fresh?.drop()
  }, LIMIT_MS)
  const there = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('it could not be started')
    return value
  }
  const throughProxy = (): string =>
    rewritten(there(fresh).uri, (url) => {
      url.hostname = '127.0.0.1'
      url.port = String(there(proxy).port)
    })
  return { uri: () => there(fresh).uri, proxy: () => there(proxy), store: () => there(store), throughProxy }
}

function wireCases(database: TestDatabase): void {
  const subject = wired(database)
  const rows = candles(DAY_0_MS, 3_000)

  for (const fresh of [true, false]) {
    const kind = fresh ? 'a load' : 'a comparing write'

    test(`${kind} that was committed but whose answer was lost is harmless when repeated`, async () => {
      const series = klineSeries(fresh ? 'LOSTLOAD' : 'LOSTCOMPARE')
      subject.proxy().set({ kind: 'lose-answer', text: 'COMMIT' }, 1)
      const before = subject.proxy().struck()
      expect(await subject.store().write([page(series, rows, { fresh })])).toEqual({ written: 0, changed: 0 })
      expect(subject.proxy().struck()).toBe(before + 1)
      expect(await readAll(subject.store(), series)).toEqual(rows)
      expect(await ledgerOf(subject.store(), series)).toMatchObject([{ rows: rows.length }])
    })

    test(`${kind} that is cut in its middle leaves nothing, and the next try everything`, async () => {
      const series = klineSeries(fresh ? 'CUTLOAD' : 'CUTCOMPARE')
      subject.proxy().set({ kind: 'cut-after', bytes: 200_000 }, 1)
      const before = subject.proxy().struck()
      expect(await subject.store().write([page(series, rows, { fresh })])).toEqual({
        written: 3_000,
        changed: 0,
      })
      expect(subject.proxy().struck()).toBe(before + 1)
      expect(await readAll(subject.store(), series)).toEqual(rows)
      expect(await ledgerOf(subject.store(), series)).toMatchObject([{ rows: rows.length }])
    })
  }

  test('a server that stays away is told as such after some tries', async () => {
    subject.proxy().set({ kind: 'refuse' })
    subject.proxy().cut()
    const before = subject.proxy().struck()
    const error = await thrownBy(() => subject.store().write([page(klineSeries('AWAY'), rows)]))
    expect(error).toBeInstanceOf(UnavailableError)
    const tries = subject.proxy().struck() - before
    expect(tries).toBeGreaterThan(2)
    expect(tries).toBeLessThan(20)
    subject.proxy().set({ kind: 'none' })
    expect(await ledgerOf(subject.store(), klineSeries('AWAY'))).toEqual([])
  })

  test('a server that hangs is given up', async () => {
    const store = await open(`${subject.throughProxy()}?read_timeout=0.5`)
    subject.proxy().set({ kind: 'hang' })
    const error = await thrownBy(() => store.ledger([klineSeries('HANGS')]))
    expect(error).toBeInstanceOf(UnavailableError)
    subject.proxy().set({ kind: 'none' })
    expect(await store.ledger([klineSeries('HANGS')])).toEqual([[]])
    await store.close()
  })

  test('idle connections that were cut are replaced unseen', async () => {
    await ledgerOf(subject.store(), klineSeries('IDLE'))
    subject.proxy().cut()
    expect(await ledgerOf(subject.store(), klineSeries('IDLE'))).toEqual([])
  })
}

function rowCases(database: TestDatabase): void {
  const subject = wired(database)

  test('where LOAD DATA LOCAL is forbidden the same is stored and counted', async () => {
    const store = await open(`${subject.uri()}?local_infile=0`)
    const rows = candles(DAY_0_MS, 1_234)
    const series = klineSeries('NOLOAD')
    expect(await store.write([page(series, rows, { fresh: true })])).toEqual({ written: 1_234, changed: 0 })
    const news = rows.map((row, i) => (i % 100 === 7 ? { ...row, volume: '77.7' } : row))
    const more = [...news, ...candles(DAY_0_MS + 1_234 * 60_000, 66)]
    expect(await store.write([page(series, more)])).toEqual({ written: 66, changed: 13 })
    expect(await readAll(store, series)).toEqual(more)
    await store.close()
  })

  test('a fresh page that is not fresh after all is compared', async () => {
    const series = klineSeries('NOTFRESH')
    const rows = candles(DAY_0_MS, 900)
    await subject.store().write([page(series, rows.slice(400, 500), { ledger: [] })])
    const news = rows.map((row, i) => (i === 450 ? { ...row, close_price: '1' } : row))
    const written = await subject.store().write([page(series, news, { fresh: true })])
    expect(written).toEqual({ written: 800, changed: 1 })
    expect(await readAll(subject.store(), series)).toEqual(news)
  })

  for (const fresh of [true, false]) {
    test(`a 19th digit after the point is refused, never rounded (fresh: ${fresh})`, async () => {
      const series = klineSeries('NINETEEN')
      const rows = candles(DAY_0_MS, 600)
      rows[599] = candle(DAY_0_MS + 599 * 60_000, { volume: '0.1234567890123456789' })
      const error = await thrownBy(() => subject.store().write([page(series, rows, { fresh })]))
      expect(String(error)).toContain('0.1234567890123456789')
      expect(await readAll(subject.store(), series)).toEqual([])
      expect(await ledgerOf(subject.store(), series)).toEqual([])
    })
  }

  test('many writers of one ledger at once lose no coverage', async () => {
    const series = klineSeries('CROWDED')
    const others = await Promise.all([1, 2, 3].map(() => open(subject.uri())))
    const writes = Array.from({ length: CROWD }, (_, i) => {
      const span = { startMs: DAY_0_MS + i * 60_000, endMs: DAY_0_MS + (i + 1) * 60_000 }
      const row = ledgerRow(span, 'rows', { rows: 1, source: 'rest', checkedAtMs: DAY_0_MS })
      return (others[i % others.length] ?? subject.store()).write([page(series, [], { ledger: [row] })])
    })
    await Promise.all(writes)
    const whole = { startMs: DAY_0_MS, endMs: DAY_0_MS + CROWD * 60_000, rows: CROWD }
    expect(await ledgerOf(subject.store(), series)).toMatchObject([whole])
    await Promise.all(others.map((store) => store.close()))
  })

  test('a database that is missing reads as empty, and is made by prepare alone', async () => {
    const name = `${new URL(subject.uri()).pathname.slice(1)}_made`
    const uri = rewritten(subject.uri(), (url) => {
      url.pathname = `/${name}`
    })
    const series = klineSeries('BTCUSDT')
    const plan = await open(uri, true)
    const store = await open(uri)
    try {
      expect(await plan.knownSeries(contractTables)).toEqual([])
      expect(await plan.holding(series, tableOf(series))).toBeNull()
      expect((await store.check(contractTables)).some(({ ok }) => !ok)).toBe(true)
      expect(await thrownBy(() => store.write([page(series, [candle(DAY_0_MS)])]))).toBeInstanceOf(UserError)
      await store.prepare(contractTables)
      await store.write([page(series, [candle(DAY_0_MS)])])
      expect(await readAll(plan, series)).toEqual([candle(DAY_0_MS)])
    } finally {
      await store.close()
      await plan.close()
      await database.exec(subject.uri(), `DROP DATABASE IF EXISTS ${name}`)
    }
  })
}

function refusalCases(database: TestDatabase): void {
  const subject = wired(database)
  const shapes: Readonly<Record<string, string>> = {
    'another engine': 'ALTER TABLE klines_h1 ENGINE = MEMORY',
    'another way to compare text':
      'ALTER TABLE klines_h2 CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci',
    'fewer digits': 'ALTER TABLE klines_h4 MODIFY volume decimal(20,8) NOT NULL',
    'a column that demands a value': 'ALTER TABLE klines_h6 ADD COLUMN note int NOT NULL',
  }
  for (const [what, statement] of Object.entries(shapes)) {
    test(`a table with ${what} is refused`, async () => {
      const name = /klines_\w+/.exec(statement)?.[0] ?? ''
      await database.exec(subject.uri(), statement)
      const error = await thrownBy(() => subject.store().prepare(contractTables))
      expect(error).toBeInstanceOf(UserError)
      expect(String(error)).toContain(name)
      await database.exec(subject.uri(), `DROP TABLE ${name}`)
      await subject.store().prepare(contractTables)
    })
  }

  const broken: Readonly<Record<string, [(url: URL) => void, typeof UserError | typeof UnavailableError]>> = {
    'a wrong password': [(url) => (url.password = PASSWORD), UserError],
    'an unknown user': [(url) => (url.username = 'petrosa_nobody'), UserError],
    'an unknown host': [(url) => (url.hostname = 'nowhere.invalid'), UnavailableError],
    'a port where nobody listens': [(url) => (url.port = '1'), UnavailableError],
    'no database': [(url) => (url.pathname = ''), UserError],
    'an unknown word about TLS': [(url) => url.searchParams.set('ssl-moode', 'REQUIRED'), UserError],
  }
  for (const [what, [change, kind]] of Object.entries(broken)) {
    test(`${what} is told as an instruction without the password`, async () => {
      const error = await thrownBy(() => open(rewritten(subject.uri(), change)))
      expect(error).toBeInstanceOf(kind)
      const said = `${error}${error instanceof PetrosaError ? error.advice : ''}`
      expect(said).not.toContain(PASSWORD)
      expect(said).not.toContain(`:${new URL(subject.uri()).password}@`)
    })
  }

  test('a user with too few rights is told which', async () => {
    const name = `p${crypto.randomUUID().slice(0, 8)}`
    const { pathname } = new URL(subject.uri())
    await database.exec(subject.uri(), `CREATE USER ${name} IDENTIFIED BY '${PASSWORD}'`)
    try {
      await database.exec(subject.uri(), `GRANT SELECT, INSERT ON ${pathname.slice(1)}.* TO ${name}`)
      const uri = rewritten(subject.uri(), (url) => {
        url.username = name
        url.password = PASSWORD
      })
      const store = await open(uri)
      const rights = (await store.check(contractTables)).find((finding) => finding.name === 'store rights')
      expect(rights).toMatchObject({ ok: false, detail: 'the user lacks UPDATE, DELETE, CREATE' })
      const error = await thrownBy(() => store.write([page(klineSeries('RIGHTS'), [candle(DAY_0_MS)])]))
      expect(error).toBeInstanceOf(UserError)
      await store.close()
      const elsewhere = rewritten(uri, (url) => (url.pathname = '/petrosa_forbidden'))
      expect(await thrownBy(() => open(elsewhere))).toBeInstanceOf(UserError)
    } finally {
      await database.exec(subject.uri(), `DROP USER ${name}`)
    }
  })
}

/**
 * The servers of the tests: MySQL makes itself a certificate that nobody vouches for, MariaDB 10 has none.
 */
function tlsCases(database: TestDatabase): void {
  const subject = wired(database)
  const line = async (mode: string): Promise<string> => {
    const store = await open(`${subject.uri()}?ssl-mode=${mode}`)
    const [reachable] = await store.check(contractTables)
    await store.close()
    return reachable?.detail ?? ''
  }

  test('the line is protected as the URI asks, or not at all', async () => {
    expect(await line('DISABLED')).toContain('not encrypted')
    const preferred = await line('PREFERRED')
    if (preferred.includes('not encrypted')) {
      expect(await thrownBy(() => line('REQUIRED'))).toBeInstanceOf(UserError)
      return
    }
    expect(await line('REQUIRED')).toContain(', encrypted')
    expect(await thrownBy(() => line('VERIFY_CA'))).toBeInstanceOf(UserError)
    expect(await thrownBy(() => line('VERIFY_IDENTITY'))).toBeInstanceOf(UserError)
  })
}

// What is set for a whole MariaDB server, so on one of its own: the largest packet, and that it may only be
// read.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { errorLine, exitCodeOf } from '../../src/errors.ts'
import { openMysql } from '../../src/stores/mysql/store.ts'
import { mysqlDatabase } from '../rig/mysql-database.ts'
import { candles, DAY_0_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import { startMariadb } from '../rig/servers.ts'
import { type FreshDatabase, realClock } from '../rig/test-database.ts'
import { readAll } from './reading.ts'
import { thrownBy } from './subject.ts'

const LIMIT_MS = 60_000
/** Far less than a thousand rows take, which are one piece of a load. */
const SMALL_PACKET_BYTES = 65_536
const clock = { ...realClock, wait: async () => {} }
const table = tableOf(klineSeries('BTCUSDT'))

const server = await startMariadb()
if (!server) console.warn('SKIPPED: settings of a whole server want mariadbd (MariaDB) to start one')

describe.skipIf(!server)('a MariaDB server', () => {
  const database = mysqlDatabase('mariadb', server?.uri ?? 'mysql://nowhere/mysql')
  let fresh: FreshDatabase | undefined
  beforeAll(async () => {
    fresh = await database.fresh()
  }, LIMIT_MS)
  afterAll(() => server?.stop(), LIMIT_MS)
  const uri = (): string => fresh?.uri ?? ''
  const exec = (statement: string): Promise<void> => database.exec(uri(), statement)
  const openAt = (at: string) => openMysql({ uri: at, readOnly: false, batchRows: null }, clock)

  test('with small packets takes whole loads, piece by piece', async () => {
    await exec(`SET GLOBAL max_allowed_packet = ${SMALL_PACKET_BYTES}`)
    const store = await openAt(uri())
    try {
      await store.prepare([table])
      const series = klineSeries('SMALL')
      const rows = candles(DAY_0_MS, 2_500)
      const written = await store.write([page(series, rows, { fresh: true })])
      expect(written).toEqual({ written: rows.length, changed: 0 })
      expect(await readAll(store, series)).toEqual(rows)
    } finally {
      await store.close()
      await exec('SET GLOBAL max_allowed_packet = DEFAULT')
    }
  })

  test('that may only be read: 2, and check says so', async () => {
    const name = new URL(uri()).pathname.slice(1)
    await exec("CREATE USER writer IDENTIFIED BY 'secret'")
    await exec(`GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON ${name}.* TO writer`)
    const at = new URL(uri())
    Object.assign(at, { username: 'writer', password: 'secret' })
    const store = await openAt(at.href)
    try {
      await store.prepare([table])
      await exec('SET GLOBAL read_only = 1')
      for (const count of [5, 500]) {
        const rows = candles(DAY_0_MS, count)
        const error = await thrownBy(() => store.write([page(klineSeries('READ'), rows, { fresh: true })]))
        expect([exitCodeOf(error), errorLine(error)]).toEqual([2, expect.stringContaining('read-only')])
      }
      const again = await openAt(at.href)
      const findings = await again.check([table])
      expect(findings.find((finding) => finding.name === 'store writable')).toMatchObject({ ok: false })
      await again.close()
    } finally {
      await exec('SET GLOBAL read_only = 0')
      await store.close()
    }
  })
})

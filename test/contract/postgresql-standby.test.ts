// A PostgreSQL server and a standby that takes no writes: which one of a list is written to. On servers of
// its own.
import { afterAll, describe, expect, test } from 'bun:test'
import { exitCodeOf } from '../../src/errors.ts'
import { openPostgresql } from '../../src/stores/postgresql/store.ts'
import { candles, DAY_0_MS, klineSeries, page, tableOf } from '../rig/pages.ts'
import { startPostgresql } from '../rig/servers.ts'
import { realClock } from '../rig/test-database.ts'

const LIMIT_MS = 60_000
const series = klineSeries('BTCUSDT')
const clock = { ...realClock, wait: async () => {} }
const [primary, standby] = [await startPostgresql(), await startPostgresql('standby')]
if (!primary || !standby)
  console.warn('SKIPPED: PostgreSQL with a standby wants a PostgreSQL server to start')

describe.skipIf(!primary || !standby)('PostgreSQL with a standby', () => {
  afterAll(() => Promise.all([primary?.stop(), standby?.stop()]), LIMIT_MS)
  const place = (uri = ''): string => new URL(uri).host
  /** Prepares and writes through the URI of `hosts`; the exit code of what it throws, or 0. */
  const written = async (hosts: readonly string[], query: string): Promise<number> => {
    const uri = `postgresql://petrosa@${hosts.join()}/postgres${query}`
    const store = await openPostgresql({ uri, readOnly: false, batchRows: null }, clock)
    try {
      await store.prepare([tableOf(series)])
      await store.write([page(series, candles(DAY_0_MS, 3))])
      return 0
    } catch (error) {
      return exitCodeOf(error)
    } finally {
      await store.close()
    }
  }

  for (const wanted of ['read-write', 'primary']) {
    test(`${wanted}: the one that takes writes is found, wherever in the list it stands`, async () => {
      const hosts = [place(standby?.uri), place(primary?.uri)]
      expect(await written(hosts, `?target_session_attrs=${wanted}`)).toBe(0)
      expect(await written(hosts.toReversed(), `?target_session_attrs=${wanted}`)).toBe(0)
    })
  }

  test('none that takes writes: 75, since one may become it', async () => {
    expect(await written([place(standby?.uri)], '?target_session_attrs=read-write')).toBe(75)
  })

  test('without it the first that answers is used: 2 where that takes no writes', async () => {
    expect(await written([place(standby?.uri), place(primary?.uri)], '')).toBe(2)
  })

  test('a host that is down is passed over', async () => {
    const hosts = ['127.0.0.1:1', place(standby?.uri), place(primary?.uri)]
    expect(await written(hosts, '?target_session_attrs=primary')).toBe(0)
  })
})

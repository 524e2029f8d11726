// Leases: who has a series, until when, and that nobody writes under a lease that another program has by now.
// Times are handed in, but where the database's own clock is the point.
import { expect } from 'bun:test'
import { LeaseLostError, type Leases, REPLICA_PREFIX } from '../../src/core/lease.ts'
import { ledgerRow } from '../../src/core/ledger.ts'
import { seriesKey } from '../../src/core/series.ts'
import { candles, DAY_0_MS, klineSeries, MINUTE_MS, page } from '../rig/pages.ts'
import { ledgerOf, readAll } from './reading.ts'
import { contractCase, openStore, type Subject, thrownBy } from './subject.ts'

const LASTS_MS = 30_000
const MANY = 1_200
const NOW_MS = DAY_0_MS
const LATE_MS = NOW_MS + LASTS_MS
const ROWS = 20

/** Registers the cases; a store without leases has nothing to show. */
export function leaseCases(subject: Subject): void {
  let cases = 0
  const leaseCase = (name: string, run: (leases: Leases, a: string, b: string) => Promise<void>): void =>
    contractCase(name, async () => {
      const { leases } = subject.store()
      cases += 1
      if (leases) await run(leases, `a${cases}`, `b${cases}`)
      else expect(subject.database.kind).toBe('sqlite')
    })
  const fresh = () => klineSeries(subject.symbol())
  const keys = (count: number): string[] => Array.from({ length: count }, () => seriesKey(fresh()))
  const of = (found: readonly { readonly series: string }[]): string[] =>
    found.map(({ series }) => series).sort()

  leaseCase('a series has one owner at a time, until its lease runs out', async (leases, a, b) => {
    const series = keys(3)
    const first = await leases.claim({ holder: a, series, lastsMs: LASTS_MS, nowMs: NOW_MS })
    expect(of(first)).toEqual([...series].sort())
    const early = { holder: b, series, lastsMs: LASTS_MS, nowMs: LATE_MS - 1 }
    expect(await leases.claim(early)).toEqual([])
    const late = await leases.claim({ ...early, nowMs: LATE_MS })
    expect(of(late)).toEqual([...series].sort())
    for (const lease of late) {
      const before = first.find((one) => one.series === lease.series)
      expect(lease.token).toBeGreaterThan(before?.token ?? Number.POSITIVE_INFINITY)
    }
    expect(await leases.claim({ ...early, holder: a, nowMs: LATE_MS })).toEqual([])
    expect((await leases.renew({ holder: a, lastsMs: LASTS_MS, nowMs: LATE_MS })).held).toEqual([])
  })

  leaseCase('it lasts as long as it is renewed, and keeps its token', async (leases, a, b) => {
    const series = keys(2)
    const held = await leases.claim({ holder: a, series, lastsMs: LASTS_MS, nowMs: NOW_MS })
    const renewed = await leases.renew({ holder: a, lastsMs: LASTS_MS, nowMs: LATE_MS - 1 })
    expect(renewed.held).toHaveLength(2)
    expect(renewed.held).toEqual(expect.arrayContaining([...held]))
    expect(await leases.claim({ holder: b, series, lastsMs: LASTS_MS, nowMs: LATE_MS })).toEqual([])
    const again = await leases.claim({ holder: a, series, lastsMs: LASTS_MS, nowMs: LATE_MS })
    expect(again).toEqual(expect.arrayContaining([...held]))
  })

  leaseCase('one that ran out and that nobody took is still the same', async (leases, a) => {
    const series = keys(1)
    const [held] = await leases.claim({ holder: a, series, lastsMs: LASTS_MS, nowMs: NOW_MS })
    const { held: renewed } = await leases.renew({ holder: a, lastsMs: LASTS_MS, nowMs: LATE_MS + 1 })
    expect(renewed).toEqual(held ? [held] : [])
  })

  leaseCase('what is given back is free at once, and no more than that', async (leases, a, b) => {
    const [one = '', two = '', three = ''] = keys(3)
    await leases.claim({ holder: a, series: [one, two, three], lastsMs: LASTS_MS, nowMs: NOW_MS })
    await leases.release({ holder: b, series: null })
    await leases.release({ holder: a, series: [one] })
    const all = { series: [one, two, three], lastsMs: LASTS_MS, nowMs: NOW_MS }
    expect(of(await leases.claim({ ...all, holder: b }))).toEqual([one])
    await leases.release({ holder: a, series: null })
    expect(of(await leases.claim({ ...all, holder: b }))).toEqual([one, two, three].sort())
  })

  leaseCase('programs see each other while they renew', async (leases, a, b) => {
    const [ofA, ofB] = [a, b].map((holder) => `${REPLICA_PREFIX}case/${holder}`)
    await leases.claim({ holder: a, series: [ofA ?? ''], lastsMs: LASTS_MS, nowMs: NOW_MS })
    await leases.claim({ holder: b, series: [ofB ?? ''], lastsMs: 2 * LASTS_MS, nowMs: NOW_MS })
    const seen = async (nowMs: number): Promise<string[]> => {
      const view = await leases.renew({ holder: 'nobody', lastsMs: LASTS_MS, nowMs })
      return view.live.filter((key) => key === ofA || key === ofB).sort()
    }
    expect(await seen(NOW_MS)).toEqual([ofA ?? '', ofB ?? ''])
    expect(await seen(LATE_MS)).toEqual([ofB ?? ''])
    await leases.release({ holder: b, series: null })
    expect(await seen(LATE_MS)).toEqual([])
  })

  leaseCase('the database tells the time where nobody names it', async (leases, a, b) => {
    const series = keys(1)
    const call = { series, lastsMs: 3_600_000 }
    expect(await leases.claim({ ...call, holder: a })).toHaveLength(1)
    expect(await leases.claim({ ...call, holder: b })).toEqual([])
    await leases.renew({ holder: a, lastsMs: -1_000 })
    expect(await leases.claim({ ...call, holder: b })).toHaveLength(1)
  })

  leaseCase(`${MANY} series, and two who want all of them at once`, async (leases, a, b) => {
    const series = keys(MANY)
    const call = { series, lastsMs: LASTS_MS, nowMs: NOW_MS }
    const claims = await Promise.all([a, b].map((holder) => leases.claim({ ...call, holder })))
    const [ofA, ofB] = await Promise.all(
      [a, b].map((holder) => leases.renew({ holder, lastsMs: LASTS_MS, nowMs: NOW_MS })),
    )
    // What one was about to take the other may have left to it, and both may have to come again.
    const all = [...of(ofA?.held ?? []), ...of(ofB?.held ?? [])]
    expect(new Set(all).size).toBe(all.length)
    expect(claims.flat().every((lease) => all.includes(lease.series))).toBe(true)
    await Promise.all([a, b].map((holder) => leases.claim({ ...call, holder })))
    const [nowA, nowB] = await Promise.all(
      [a, b].map((holder) => leases.renew({ holder, lastsMs: LASTS_MS, nowMs: NOW_MS })),
    )
    expect([...of(nowA?.held ?? []), ...of(nowB?.held ?? [])].sort()).toEqual([...series].sort())
  })

  leaseCase('a write under a lease that another has by now changes no coverage', async (leases, a, b) => {
    const [one, two] = [fresh(), fresh()]
    const series = [one, two].map(seriesKey)
    const held = await leases.claim({ holder: a, series, lastsMs: LASTS_MS, nowMs: NOW_MS })
    const tokenOf = (key: string): number => held.find((lease) => lease.series === key)?.token ?? -1
    const mine = page(one, candles(DAY_0_MS, ROWS), { token: tokenOf(seriesKey(one)) })
    expect(await subject.store().write([mine])).toEqual({ written: ROWS, changed: 0 })
    await leases.release({ holder: a, series: [seriesKey(two)] })
    await leases.claim({ holder: b, series, lastsMs: LASTS_MS, nowMs: LATE_MS })
    const before = await ledgerOf(subject.store(), one)
    const laterMs = DAY_0_MS + ROWS * MINUTE_MS
    const stale = [one, two].map((which) =>
      page(which, candles(laterMs, ROWS), { token: tokenOf(seriesKey(which)) }),
    )
    const error = await thrownBy(() => subject.store().write(stale))
    expect(error).toBeInstanceOf(LeaseLostError)
    expect([...(error as LeaseLostError).series].sort()).toEqual([...series].sort())
    expect(await ledgerOf(subject.store(), one)).toEqual(before)
    expect(await ledgerOf(subject.store(), two)).toEqual([])
    expect(await readAll(subject.store(), two)).toEqual([])
    // Who has no lease needs none: a run by hand beside those that serve.
    expect(await subject.store().write([page(two, candles(laterMs, ROWS))])).toMatchObject({ written: ROWS })
  })

  leaseCase('who takes over and who writes never both believe that they were first', async (leases, a, b) => {
    const store = subject.store()
    const other = await openStore(subject.database, subject.uri())
    try {
      for (let round = 0; round < 8; round += 1) {
        const series = fresh()
        const key = seriesKey(series)
        const [lease] = await leases.claim({ holder: a, series: [key], lastsMs: LASTS_MS, nowMs: NOW_MS })
        await store.write([page(series, candles(DAY_0_MS, ROWS), { token: lease?.token ?? -1 })])
        const news = page(series, candles(DAY_0_MS + ROWS * MINUTE_MS, ROWS), { token: lease?.token ?? -1 })
        const writing = store.write([news]).then(
          () => 'written' as const,
          (error: unknown) => error,
        )
        const late = { holder: b, series: [key], lastsMs: LASTS_MS, nowMs: LATE_MS }
        const seen = other.leases?.claim(late).then(async (taken) => ({
          taken: taken.length,
          ledger: await ledgerOf(other, series),
        }))
        const [outcome, view] = await Promise.all([writing, seen])
        if (outcome !== 'written') expect(outcome).toBeInstanceOf(LeaseLostError)
        // Whoever took it over sees all that is ever written under the lease before.
        if (view?.taken === 1) expect(await ledgerOf(other, series)).toEqual(view.ledger)
      }
    } finally {
      await other.close()
    }
  })

  leaseCase('a wish under a lost lease is no wish', async (leases, a, b) => {
    const series = fresh()
    const key = seriesKey(series)
    const [lease] = await leases.claim({ holder: a, series: [key], lastsMs: LASTS_MS, nowMs: NOW_MS })
    await leases.claim({ holder: b, series: [key], lastsMs: LASTS_MS, nowMs: LATE_MS })
    const wanted = ledgerRow({ startMs: DAY_0_MS, endMs: DAY_0_MS + MINUTE_MS }, 'wanted')
    const wish = page(series, [], { ledger: [wanted], token: lease?.token ?? -1 })
    expect(await thrownBy(() => subject.store().write([wish]))).toBeInstanceOf(LeaseLostError)
    expect(await ledgerOf(subject.store(), series)).toEqual([])
  })
}

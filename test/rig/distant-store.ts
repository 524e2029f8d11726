// A store at the end of a line, in virtual time: calls take time, may be lost on the way there or back, and
// wait with the caller while that is paused. Keeps note of who owns which series by the database.
import type { Lease, Leases } from '../../src/core/lease.ts'
import type { Page, Store } from '../../src/core/store.ts'
import { UnavailableError } from '../../src/errors.ts'
import type { Chance } from './chance.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Who has a series, under which token, until when. */
export type Owner = { readonly holder: string; readonly token: number; readonly untilMs: number }

export type Line = {
  readonly clock: VirtualClock
  readonly chance: Chance
  readonly own: { awake(): Promise<void> }
  /** Gets the pages of writes that were refused for their leases. */
  readonly refused: Page[]
  readonly owners: Map<string, Owner>
  readonly isCut: () => boolean
}

/** The longest way to the database, ms. */
const FAR_MS = 40
/** Of what is sent over a line that is cut so much is lost; the rest arrives, and its answer is lost. */
const LOST = 0.7

/** `store` at the end of `line`. Time stands still while the database works. */
export function distantStore(store: Store, line: Line): Store {
  const { clock, chance, own, refused, isCut } = line
  const far = async <T>(work: () => Promise<T>): Promise<T> => {
    await clock.wait(chance.whole(0, FAR_MS))
    const lost = (): UnavailableError => new UnavailableError('the line is cut', 'mend it')
    if (isCut() && chance.happens(LOST)) throw lost()
    try {
      const done = await clock.during(work())
      if (isCut()) throw lost()
      return done
    } finally {
      await own.awake()
    }
  }
  const leases = store.leases ? watchedLeases(store.leases, line) : null
  return {
    ...store,
    prepare: (tables) => far(() => store.prepare(tables)),
    ledger: (series) => far(() => store.ledger(series)),
    archives: (series) => far(() => store.archives(series)),
    close: () => clock.during(store.close()),
    write: (pages, options) =>
      far(() => store.write(pages, options)).catch((error: unknown) => {
        if (error instanceof Error && error.name === 'LeaseLostError') refused.push(...pages)
        throw error
      }),
    ...(leases
      ? {
          leases: {
            claim: (call) => far(() => leases.claim(call)),
            renew: (call) => far(() => leases.renew(call)),
            release: (call) => far(() => leases.release(call)),
          },
        }
      : {}),
  }
}

/** Leases by the virtual clock, which is the database's here; what comes of each call is noted. */
function watchedLeases(leases: Leases, { clock, owners }: Line): Leases {
  const note = (holder: string, held: readonly Lease[], lastsMs: number, nowMs: number): void => {
    for (const { series, token } of held) owners.set(series, { holder, token, untilMs: nowMs + lastsMs })
  }
  return {
    async claim(call) {
      const nowMs = Math.floor(clock.nowMs())
      const taken = await leases.claim({ ...call, nowMs })
      note(call.holder, taken, call.lastsMs, nowMs)
      return taken
    },
    async renew(call) {
      const nowMs = Math.floor(clock.nowMs())
      const view = await leases.renew({ ...call, nowMs })
      note(call.holder, view.held, call.lastsMs, nowMs)
      return view
    },
    async release(call) {
      await leases.release(call)
      for (const [key, owner] of owners)
        if (owner.holder === call.holder && (call.series?.includes(key) ?? true))
          owners.set(key, { holder: '', token: owner.token, untilMs: 0 })
    },
  }
}

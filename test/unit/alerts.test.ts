// The alert rules by their truth: each is quiet while all is well, and fires on what it is there for, by the
// real /metrics, scraped as Prometheus does.
import { afterEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { PetrosaEvent } from '../../src/core/events.ts'
import { UnavailableError } from '../../src/errors.ts'
import type { MetricsOptions } from '../../src/observe/start-metrics.ts'
import { usageOf } from '../../src/world.ts'
import { btc, type MetricsRig, metricsRig, stopMetrics } from '../rig/metrics-rig.ts'
import { query, type Scrape } from '../rig/promql.ts'
import { project } from '../rig/sources.ts'

afterEach(stopMetrics)

type Rule = { readonly alert: string; readonly expr: string }
const file = parse(await Bun.file(join(project, 'deploy', 'grafana', 'alerts.yaml')).text()) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[]
}
// That of the event loop goes by the real one of this process, which tests may keep busy.
const rules = file.groups
  .flatMap((group) => group.rules)
  .filter(({ alert }) => alert !== 'PetrosaEventLoopBlocked')

const SCRAPE_MS = 15_000
const MINUTE_MS = 60_000

/** What is the matter, as the options of metrics see it: changed while time passes. */
type State = { storeUp: boolean; pendingMs: number; weight: number; openFiles: number }

type Life = {
  readonly rig: MetricsRig
  readonly state: State
  readonly tell: (...events: readonly PetrosaEvent[]) => void
  /** Lets time pass, and scrapes. */
  pass(ms: number): Promise<void>
  /** The rules that fire now. */
  firing(): readonly string[]
}

function live(): Life {
  const state: State = { storeUp: true, pendingMs: 0, weight: 100, openFiles: 20 }
  const options: Partial<MetricsOptions> = {
    storeUp: () => state.storeUp,
    passPendingMs: () => state.pendingMs,
    weights: () => [{ host: 'h', used: state.weight, limit: 6_000 }],
    usage: () => ({ ...usageOf(process), openFiles: state.openFiles, mostFiles: 1_000 }),
  }
  const rig = metricsRig(options)
  const scrapes: Scrape[] = []
  return {
    rig,
    state,
    tell: (...events) => {
      for (const event of events) rig.metrics.tell(event)
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= SCRAPE_MS) {
        await rig.clock.advance(SCRAPE_MS)
        const samples = [...(await rig.read()).values()].flatMap((family) => family.samples)
        const target = { job: 'petrosa', instance: 'i' }
        scrapes.push({
          atMs: rig.clock.nowMs(),
          samples: samples.map((sample) => ({ ...sample, labels: { ...sample.labels, ...target } })),
        })
      }
    },
    firing: () =>
      rules
        .filter(({ expr }) => query(expr, scrapes, rig.clock.nowMs()).length > 0)
        .map(({ alert }) => alert),
  }
}

const request = (code: number): PetrosaEvent => ({
  ...{ type: 'request', host: 'h', endpoint: '/e', weight: 1, durationMs: 1, code },
})
const failure: PetrosaEvent = { type: 'failure', error: new UnavailableError('away', 'wait') }
const surveyed = (gapRows: number): PetrosaEvent => ({
  ...{ type: 'series-surveyed', series: btc, openGaps: gapRows, gapRows, lacksFromMs: null },
})

/** Sets what is the matter. */
const being =
  (changed: Partial<State>) =>
  ({ state }: Life): void =>
    void Object.assign(state, changed)

/** What makes a rule fire, and nothing else. */
const troubles = new Map<string, (life: Life) => void>([
  ['PetrosaStoreDown', being({ storeUp: false })],
  ['PetrosaBehind', ({ rig, tell }) => tell(dueAt(rig, 400_000))],
  ['PetrosaNoPass', being({ pendingMs: 7_200_001 })],
  ['PetrosaPassFails', ({ tell }) => tell(failure, failure, failure)],
  ['PetrosaDefect', ({ tell }) => tell({ type: 'defect', error: new Error('broken') })],
  ['PetrosaBanned', ({ tell }) => tell(request(418))],
  ['PetrosaOverLimit', ({ tell }) => tell(request(429))],
  ['PetrosaWeightSpent', being({ weight: 5_900 })],
  ['PetrosaGaps', ({ tell }) => tell(surveyed(3))],
  ['PetrosaFilesRunOut', being({ openFiles: 900 })],
])

/** A planned pass whose series has lacked its newest rows for so long; null: it lacks none. */
function dueAt({ clock }: MetricsRig, lackingMs: number | null): PetrosaEvent {
  const nowMs = clock.nowMs()
  const fromMs = lackingMs === null ? null : nowMs - lackingMs
  return { type: 'pass-due', nowMs, due: [{ series: btc, fromMs }] }
}

/** Minutes of all being well. */
const wellFor = async (life: Life, minutes: number): Promise<void> => {
  for (let i = 0; i < minutes; i += 1) {
    life.tell(dueAt(life.rig, null), request(200), surveyed(0))
    life.tell({ type: 'pass-served', market: 'spot', dataset: 'klines', durationMs: 1, exitCode: 0 })
    await life.pass(MINUTE_MS)
  }
}

describe('a rule fires on what it is there for, alone', () => {
  for (const { alert } of rules)
    test(alert, async () => {
      const life = live()
      await wellFor(life, 5)
      expect(life.firing()).toEqual([])
      troubles.get(alert)?.(life)
      await life.pass(MINUTE_MS)
      expect(life.firing()).toEqual([alert])
    })
})

test('a ban is told for ten minutes, also the first one of an endpoint, and then no more', async () => {
  const life = live()
  await wellFor(life, 2)
  life.tell(request(418))
  await wellFor(life, 9)
  expect(life.firing()).toEqual(['PetrosaBanned'])
  await wellFor(life, 3)
  expect(life.firing()).toEqual([])
})

test('jobs of long periods, whose passes are hours apart, are no trouble', async () => {
  const life = live()
  life.tell({ type: 'pass-served', market: 'spot', dataset: 'klines', durationMs: 1, exitCode: 0 })
  await life.pass(180 * MINUTE_MS)
  expect(life.firing()).toEqual([])
})

test('a pass that hangs before any has ended is one', async () => {
  const life = live()
  for (let minutes = 0; minutes < 121; minutes += 1) {
    life.state.pendingMs += MINUTE_MS
    await life.pass(MINUTE_MS)
  }
  expect(life.firing()).toEqual(['PetrosaNoPass'])
})

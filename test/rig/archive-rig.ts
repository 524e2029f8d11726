// The archives behind a scripted network, on a virtual clock: what the tests of their client share.
import { createHash } from 'node:crypto'
import { ArchiveClient } from '../../src/binance/archive-client.ts'
import { archiveSource } from '../../src/binance/archive-source.ts'
import type { ArchiveSource } from '../../src/core/archive.ts'
import type { PetrosaEvent } from '../../src/core/events.ts'
import { datasetNamed } from '../../src/datasets/all.ts'
import type { World } from '../../src/world.ts'
import { deflatedMember, fragmentOf, zipOf } from './archive-zip.ts'
import { type ScriptedNetwork, scriptedNetwork } from './scripted-network.ts'
import { type VirtualClock, virtualClock } from './virtual-clock.ts'
import { testWorld } from './world.ts'

export type ArchiveRig = {
  readonly client: ArchiveClient
  readonly source: ArchiveSource
  readonly clock: VirtualClock
  readonly network: ScriptedNetwork
  readonly stop: AbortController
  readonly events: readonly PetrosaEvent[]
}

export const ARCHIVE_URLS = { files: 'https://files.test/base/', listing: 'https://listing.test/bucket' }

/** Archives whose network answers by `script`; `world` says otherwise. */
export function archiveRig(
  script: Parameters<typeof scriptedNetwork>[1],
  world: Partial<World> = {},
): ArchiveRig {
  const clock = virtualClock({ startMs: Date.UTC(2024, 5, 1) })
  const network = scriptedNetwork(clock, script)
  const stop = new AbortController()
  const events: PetrosaEvent[] = []
  const outside = testWorld({
    ...clock,
    fetch: network.fetch,
    signal: stop.signal,
    version: '0.0.0-test',
    ...world,
  })
  const options = {
    urls: ARCHIVE_URLS,
    tell: (event: PetrosaEvent) => void events.push(event),
    dataset: (name: Parameters<typeof datasetNamed>[0]) => {
      const dataset = datasetNamed(name)
      if (!dataset) throw new Error(`no dataset ${name}`)
      return dataset
    },
  }
  return {
    client: new ArchiveClient(outside, options),
    source: archiveSource(outside, options),
    clock,
    network,
    stop,
    events,
  }
}

/** The zip of one CSV, as its key calls it. */
export function csvZip(key: string, csv: string): Buffer {
  const name = key.slice(key.lastIndexOf('/') + 1).replace(/zip$/, 'csv')
  return Buffer.concat(zipOf([deflatedMember(name, [fragmentOf(csv)])], Date.UTC(2024, 0, 2)))
}

/** What the .CHECKSUM of `bytes` at `key` says. */
export function checksumOf(key: string, bytes: Uint8Array): string {
  return `${createHash('sha256').update(bytes).digest('hex')}  ${key.slice(key.lastIndexOf('/') + 1)}`
}

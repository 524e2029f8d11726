// The split of series over processes: fixed by the contract, so that many versions and languages agree.

import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { inShard } from '../../src/cli/shard.ts'
import { runsFor } from '../rig/seed.ts'

const runs = runsFor('test/unit/shard.test.ts')

/** The contract's rule by another way: the first eight hex digits of sha256, modulo n. */
function shardOf(key: string, of: number): number {
  return Number(
    BigInt(`0x${createHash('sha256').update(key, 'utf8').digest('hex').slice(0, 8)}`) % BigInt(of),
  )
}

describe('shards', () => {
  test('of known series, worked out once with sha256sum', () => {
    // printf spot/klines/BTCUSDT/1m | sha256sum
    const first32 = 0xc016e94e
    expect(shardOf('spot/klines/BTCUSDT/1m', 2 ** 32)).toBe(first32)
    expect(inShard('spot/klines/BTCUSDT/1m', { index: first32 % 7, of: 7 })).toBe(true)
  })

  test('a series is in exactly one of n, the one that the contract names', () => {
    const property = fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.integer({ min: 1, max: 40 }),
      (key, of) => {
        const takers = Array.from({ length: of }, (_, index) => index).filter((index) =>
          inShard(key, { index, of }),
        )
        expect(takers).toEqual([shardOf(key, of)])
      },
    )
    fc.assert(property, runs)
  })

  test('without a shard every series is taken', () => {
    expect(inShard('spot/klines/BTCUSDT/1m', null)).toBe(true)
  })
})

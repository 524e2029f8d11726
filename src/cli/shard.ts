// Which part of the series this process takes: a fixed split by hash, so that many processes need no word
// with each other.
import type { Shard } from '../settings/values.ts'

/**
 * Whether the series of that key belongs to the shard: the first four bytes of its sha256, big-endian, modulo
 * n (interface.md).
 */
export function inShard(seriesKey: string, shard: Shard | null): boolean {
  if (shard === null) return true
  const hash = new Bun.CryptoHasher('sha256').update(seriesKey).digest()
  return new DataView(hash.buffer, hash.byteOffset).getUint32(0) % shard.of === shard.index
}

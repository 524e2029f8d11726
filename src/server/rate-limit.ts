// How often one address may ask: a bucket that fills again. Addresses that say nothing for a while are
// forgotten, and when too many are known, strangers share one bucket.

/** Requests at once, and so many a second after that. */
const BURST = 120
const PER_SECOND = 20
/** Addresses that are known at once. */
const MOST_ADDRESSES = 1_000

export type RateLimit = {
  /** Seconds to wait before the next request of this address; 0 where it may be answered. */
  spend(address: string): number
}

type Bucket = { left: number; atMs: number }

/** A limit that nobody has used yet. `monotonicMs`: a clock that never jumps. */
export function startRateLimit(monotonicMs: () => number): RateLimit {
  const buckets = new Map<string, Bucket>()
  const full = (bucket: Bucket, nowMs: number): boolean => filled(bucket, nowMs) >= BURST
  return {
    spend(address) {
      const nowMs = monotonicMs()
      if (!buckets.has(address) && buckets.size >= MOST_ADDRESSES)
        for (const [known, bucket] of buckets) if (full(bucket, nowMs)) buckets.delete(known)
      const key = buckets.has(address) || buckets.size < MOST_ADDRESSES ? address : ''
      const left = filled(buckets.get(key) ?? { left: BURST, atMs: nowMs }, nowMs)
      buckets.set(key, { left: left >= 1 ? left - 1 : left, atMs: nowMs })
      return left >= 1 ? 0 : Math.ceil((1 - left) / PER_SECOND)
    },
  }
}

const filled = ({ left, atMs }: Bucket, nowMs: number): number =>
  Math.min(BURST, left + ((nowMs - atMs) * PER_SECOND) / 1_000)

// Numbers, times and durations in words, alike everywhere on the page. Times are UTC.

const grouped = new Intl.NumberFormat('en-US')

/** `12,345`. */
export const thousands = (value: number): string => grouped.format(value)

/** `1 row`, `2 rows`; `series` stays. */
export function counted(value: number, noun: string): string {
  const plural = noun.endsWith('s') ? noun : `${noun}s`
  return `${thousands(value)} ${value === 1 ? noun : plural}`
}

/** `0.4 s`, `12 s`, `4 min 12 s`, `3 h 5 min`, `2 d 4 h`. */
export function duration(seconds: number): string {
  if (seconds < 0.95) return seconds < 0.05 ? '0 s' : `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]
  const first = units.findIndex(([length]) => whole >= length)
  const [[big, bigName] = [1, 's'], [small, smallName] = [1, 's']] = units.slice(first)
  const rest = Math.floor((whole % big) / small)
  return `${Math.floor(whole / big)} ${bigName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`
}

/** `0 s`, `73 s`, `1.2 h`, `3.4 d`: for narrow columns. */
export function brief(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`
  if (seconds < 6_000) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${(seconds / 3_600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} d`
}

/** `12.3 k`, `4.5 M`: for narrow columns. */
export function short(value: number): string {
  if (value < 10_000) return thousands(value)
  const units = ['k', 'M', 'G'] as const
  const power = Math.min(units.length, Math.floor(Math.log10(value) / 3))
  return `${(value / 1_000 ** power).toFixed(1)} ${units[power - 1]}`
}

/** `2024-03-21 12:01`, or with its seconds; `-` for none. */
export function minute(iso: string | null, withSeconds = false): string {
  return iso === null ? '-' : iso.slice(0, withSeconds ? 19 : 16).replace('T', ' ')
}

/** The time of day, `12:01:07`. */
export const clockTime = (iso: string): string => iso.slice(11, 19)

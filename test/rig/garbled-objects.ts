// Pages of JSON objects (trades, funding rates) as faults garble them. They are garbled as text, since
// reading them as JSON would round ids beyond 2^53.
import type { FaultKind, FaultRule } from './faults.ts'

const objects = /\{[^{}]*\}/g
const timeOfObject = /"(?:T|time|fundingTime)":(\d+)/
const idOfObject = /"(?:a|id)":(\d+)/

/** Whether a body is a page of objects with at least one in it. */
export const isPageOfObjects = (body: string): boolean => body.startsWith('[{')

/** The page as a fault of this kind leaves it; as it is where the kind changes no rows. */
export function garbledObjects(
  kind: FaultKind,
  rule: FaultRule | null,
  body: string,
  query: URLSearchParams,
): string {
  const rows = body.match(objects) ?? []
  return `[${garbledRows(kind, rule, rows, query).join()}]`
}

function garbledRows(
  kind: FaultKind,
  rule: FaultRule | null,
  rows: readonly string[],
  query: URLSearchParams,
): readonly string[] {
  const middle = Math.floor(rows.length / 2)
  const row = rows[middle]
  if (row === undefined) return rows
  switch (kind) {
    case 'wrong-types':
      return rows.with(middle, wrongTypes(row))
    case 'doubled-rows':
      return rows.toSpliced(middle, 0, row)
    case 'unordered-rows':
      return rows.length < 2 ? rows : [...rows.slice(1), ...rows.slice(0, 1)]
    case 'foreign-rows':
      return withForeignRow(rows, query)
    case 'missing-rows':
      return rows.filter((each) => !isIn(rule, Number(timeOfObject.exec(each)?.[1])))
    default:
      return rows
  }
}

/** Decimals without quotes, whole numbers with them. */
const wrongTypes = (row: string): string =>
  row.replace(/:(?:"(-?[\d.]+)"|(-?\d+))/g, (_whole, text?: string, number?: string) =>
    text === undefined ? `:"${number}"` : `:${text}`,
  )

/** A row from before the request, in front: of a lower id than fromId, or of a time before startTime. */
function withForeignRow(rows: readonly string[], query: URLSearchParams): readonly string[] {
  const [first] = rows
  const fromId = query.get('fromId')
  const startTime = query.get('startTime')
  if (first === undefined) return rows
  if (fromId !== null && BigInt(fromId) > 0n)
    return [withNumber(first, idOfObject, BigInt(fromId) - 1n), ...rows]
  if (startTime !== null) return [withNumber(first, timeOfObject, BigInt(startTime) - 1n), ...rows]
  return rows
}

const withNumber = (row: string, pattern: RegExp, value: bigint): string =>
  row.replace(pattern, (whole, digits: string) => whole.slice(0, -digits.length) + value)

const isIn = (rule: FaultRule | null, timeMs: number): boolean =>
  timeMs >= (rule?.fromMs ?? -Infinity) && timeMs < (rule?.toMs ?? Infinity)

// A strict reader of what Prometheus reads: text of version 0.0.4. What is not well formed is thrown.

export type Sample = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export type Family = {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samples: readonly Sample[]
}

type Growing = { name: string; type: Family['type']; help: string; samples: Sample[] }

const sampleShape = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const labelShape = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/gy

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  let end = 0
  for (const match of text.matchAll(labelShape)) {
    const [whole, name = '', value = ''] = match
    if (name in labels) throw new Error(`label ${name} twice: ${text}`)
    labels[name] = value.replaceAll('\\n', '\n').replaceAll('\\"', '"').replaceAll('\\\\', '\\')
    end = (match.index ?? 0) + whole.length
  }
  if (end !== text.length) throw new Error(`no labels: ${text}`)
  return labels
}

function numberOf(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (!/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw new Error(`no number: ${text}`)
  return Number(text)
}

/** The families of metrics in `text`, by name. Throws where it is not what Prometheus reads. */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const families = new Map<string, Growing>()
  const seen = new Set<string>()
  let current: Growing | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    const help = /^# HELP (\S+) (.+)$/.exec(line)
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line)
    if (help) {
      if (families.has(help[1] ?? '')) throw new Error(`${help[1]} is described twice`)
      current = { name: help[1] ?? '', type: 'gauge', help: help[2] ?? '', samples: [] }
      families.set(current.name, current)
    } else if (type) {
      if (!current || current.name !== type[1]) throw new Error(`a type without its help: ${line}`)
      current.type = type[2] as Family['type']
    } else {
      const [, name = '', labels = '', value = ''] = sampleShape.exec(line) ?? []
      const family = name.replace(current?.type === 'histogram' ? /_(bucket|sum|count)$/ : /$^/, '')
      if (!current || family !== current.name) throw new Error(`no sample of ${current?.name}: ${line}`)
      if (seen.has(`${name}{${labels}}`)) throw new Error(`twice: ${line}`)
      seen.add(`${name}{${labels}}`)
      current.samples.push({ name, labels: labelsOf(labels), value: numberOf(value) })
    }
  }
  for (const family of families.values()) if (family.type === 'histogram') checkHistogram(family)
  return families
}

/** Buckets that add up: each holds what the one before it holds, and the last holds all. */
function checkHistogram({ name, samples }: Family): void {
  const rest = ({ le: _, ...labels }: Readonly<Record<string, string>>): string => JSON.stringify(labels)
  const counts = new Map(
    samples.filter((one) => one.name === `${name}_count`).map((one) => [rest(one.labels), one]),
  )
  const last = new Map<string, { readonly le: number; readonly value: number }>()
  for (const one of samples.filter(({ name: own }) => own === `${name}_bucket`)) {
    const before = last.get(rest(one.labels)) ?? { le: Number.NEGATIVE_INFINITY, value: 0 }
    const le = numberOf(one.labels.le ?? '')
    if (le <= before.le || one.value < before.value) throw new Error(`${name}: buckets out of order`)
    last.set(rest(one.labels), { le, value: one.value })
  }
  for (const [labels, count] of counts) {
    const { le, value } = last.get(labels) ?? { le: 0, value: -1 }
    if (le !== Number.POSITIVE_INFINITY || value !== count.value)
      throw new Error(`${name}: its buckets do not add up`)
  }
}

/** The value of the one sample with these labels (others may be there too); undefined where there is none. */
export function sampleValue(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''))
  const found = (family?.samples ?? []).filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  if (found.length > 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`)
  return found[0]?.value
}

// deploy/kubernetes: every overlay renders, every object is what Kubernetes' own schemas allow, names meet,
// pods have no rights, and each schedule begins once in every period.
import { describe, expect, test } from 'bun:test'
import { Cron } from 'croner'
import { advance, floorToPeriod } from '../../src/core/calendar.ts'
import { type Period, periods } from '../../src/core/series.ts'
import { containerOf, flawsOf, overlays, podOf, render, whyNoKubectl } from '../rig/kubernetes.ts'

const reason = whyNoKubectl()
if (reason && process.env.CI) throw new Error(`deploy/kubernetes must be tested in CI, but ${reason}`)
if (reason) console.warn(`deploy/kubernetes is not tested: ${reason}`)

const rendered = new Map(overlays.map((path) => [path, reason ? [] : render(path)]))
const base = rendered.get('base') ?? []
const all = [...rendered.values()].flat()
const pods = all.flatMap((object) => podOf(object) ?? [])
const kindsOf = (path: string): readonly string[] => (rendered.get(path) ?? []).map(({ kind }) => kind)

/** The starts of a cron expression in `[startMs, endMs)`. */
function startsOf(schedule: string, startMs: number, endMs: number): readonly number[] {
  const cron = new Cron(schedule, { timezone: 'UTC', mode: '5-part' })
  const starts: number[] = []
  for (let next = cron.nextRun(new Date(startMs - 1)); next && next.getTime() < endMs; ) {
    starts.push(next.getTime())
    next = cron.nextRun(next)
  }
  return starts
}

/** The places of `period` in which a schedule does not begin exactly once, over a leap February. */
function placesMissed(schedule: string, period: Period): readonly string[] {
  const endMs = Date.parse('2024-03-03T00:00Z')
  const counts = new Map<number, number>()
  const firstMs = Date.parse('2024-02-26T00:00Z')
  for (let at = firstMs; at < endMs; at = advance(period, at, 1)) counts.set(at, 0)
  for (const startMs of startsOf(schedule, firstMs, endMs)) {
    const place = floorToPeriod(period, startMs)
    counts.set(place, (counts.get(place) ?? 0) + 1)
  }
  return [...counts].flatMap(([at, count]) =>
    count === 1 ? [] : [`${new Date(at).toISOString()}: ${count}`],
  )
}

describe.skipIf(reason !== null)('deploy/kubernetes', () => {
  test('every object is what the schemas of Kubernetes allow', () => {
    expect(all.flatMap(flawsOf)).toEqual([])
    expect(all.length).toBeGreaterThan(40)
  })

  test('the schemas see a breach: an unknown field, a wrong type, an unknown kind', () => {
    const [job] = base.filter(({ kind }) => kind === 'CronJob')
    if (!job) throw new Error('no CronJob')
    const breaches = [
      { ...job, spec: { ...job.spec, schedul: '* * * * *' } },
      { ...job, spec: { ...job.spec, timeZone: 1 } },
      { ...job, kind: 'CronTab' },
    ]
    for (const breach of breaches) expect(flawsOf(breach as never)).not.toEqual([])
  })

  test('the overlays leave out or add what they say', () => {
    const jobs = ['m5', 'm15', 'm30', 'h1', 'd1'].map((name) => `klines-${name}-production`)
    const names = base.filter(({ kind }) => kind === 'CronJob').map(({ metadata }) => metadata.name)
    expect(names.toSorted()).toEqual(
      [...jobs, 'funding-production', 'trades-production', 'klines-gap-filler'].toSorted(),
    )
    expect(kindsOf('base')).toContain('Deployment')
    expect(kindsOf('base')).toContain('PodDisruptionBudget')
    const served = (rendered.get('overlays/serving') ?? []).filter(({ kind }) => kind === 'CronJob')
    // What serves fetches klines, funding rates and gaps; trades need a job of their own.
    expect(served.map(({ metadata }) => metadata.name)).toEqual(['trades-production'])
    for (const path of ['overlays/scheduled', 'overlays/scheduled-postgresql'])
      expect(kindsOf(path).filter((kind) => /Deployment|Service$|Budget/.test(kind))).toEqual([])
    expect(kindsOf('overlays/service-monitor')).toContain('ServiceMonitor')
    expect(kindsOf('overlays/backfill')).toEqual(['Job'])
    const stores = ['postgresql', 'mongodb', 'scheduled-postgresql'].map(
      (name) => rendered.get(`overlays/${name}`)?.find(({ kind }) => kind === 'ConfigMap')?.data?.DB_ADAPTER,
    )
    expect(stores).toEqual(['postgresql', 'mongodb', 'postgresql'])
  })

  test('everything is in one namespace, has the label, and uses names that are there', () => {
    for (const object of all) {
      const place = object.kind === 'Namespace' ? object.metadata.name : object.metadata.namespace
      expect([object.metadata.name, place]).toEqual([object.metadata.name, 'petrosa-apps'])
      expect(object.metadata.labels.app).toBe('binance-data-extractor')
    }
    const account = base.find(({ kind }) => kind === 'ServiceAccount')?.metadata.name
    for (const { spec, metadata } of pods) {
      expect(spec.serviceAccountName).toBe(account ?? '')
      expect(metadata.labels.app).toBe('binance-data-extractor')
    }
    const secrets = pods.flatMap((pod) =>
      containerOf(pod).env.map(({ valueFrom }) => valueFrom?.secretKeyRef),
    )
    const named = new Set(secrets.flatMap((secret) => secret?.name ?? []))
    expect([...named]).toEqual(['petrosa-sensitive-credentials'])
  })

  test('what serves, and nothing else, is selected by its Service, its budget and its policy', () => {
    const labels = { app: 'binance-data-extractor', component: 'serving' }
    const find = (kind: string) => base.find((object) => object.kind === kind)
    expect(find('Service')?.spec.selector).toEqual(labels)
    expect(find('PodDisruptionBudget')?.spec.selector).toEqual({ matchLabels: labels })
    const deployment = find('Deployment')
    const pod = deployment ? podOf(deployment) : null
    expect(pod?.metadata.labels).toEqual(labels)
    expect(pods.filter(({ metadata }) => metadata.labels.component === 'serving').length).toBeGreaterThan(1)
    expect(
      base.filter(({ kind }) => kind === 'CronJob').map((job) => podOf(job)?.metadata.labels),
    ).not.toContainEqual(labels)
    const port = pod ? containerOf(pod).ports?.[0] : null
    expect(find('Service')?.spec.ports.map(({ targetPort }) => targetPort)).toEqual([port?.name ?? ''])
    expect(find('Service')?.metadata.annotations?.['prometheus.io/port']).toBe(String(port?.containerPort))
  })

  test('no pod has rights, a token, or anything to write to but /tmp; each has its limits', () => {
    for (const pod of pods) {
      const { imagePullPolicy, resources, securityContext } = containerOf(pod)
      expect(imagePullPolicy).toBe('IfNotPresent')
      expect(pod.spec.automountServiceAccountToken).toBe(false)
      expect(pod.spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(Object.keys(resources.requests)).toEqual(Object.keys(resources.limits))
      // The program needs nine seconds at most to stop.
      expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(9)
    }
  })

  test('each job of a period begins once in every period, in UTC, and never twice at a time', () => {
    const jobs = base.filter(({ kind }) => kind === 'CronJob')
    for (const { metadata, spec } of jobs) {
      const args = spec.jobTemplate?.spec.template.spec.containers[0]?.args ?? []
      const period = periods.find((name) => name === args[args.indexOf('--period') + 1])
      const due = period ?? (metadata.name === 'klines-gap-filler' ? '1d' : '1h')
      expect([metadata.name, placesMissed(spec.schedule, due)]).toEqual([metadata.name, []])
      expect([spec.timeZone, spec.concurrencyPolicy]).toEqual(['Etc/UTC', 'Forbid'])
    }
  })

  test('the schedules of the Python extractor, which missed most periods, would be seen', () => {
    expect(placesMissed('*/15 0,12 * * *', '15m').length).toBeGreaterThan(500)
    expect(placesMissed('0 */2 * * *', '1h').length).toBeGreaterThan(50)
  })

  test('a backfill has as many parts as pods', () => {
    const [job] = rendered.get('overlays/backfill') ?? []
    const pod = job ? podOf(job) : null
    const shards = pod ? containerOf(pod).env.find(({ name }) => name === 'SHARDS')?.value : null
    expect(shards).toBe(String(job?.spec.completions))
  })
})

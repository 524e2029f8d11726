// deploy/compose.yaml: what the schema of compose files allows, every file and service that it names is
// there, Prometheus asks every petrosa, and Grafana is given the dashboard.
import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Ajv from 'ajv'
import { parse } from 'yaml'
import { storeKinds } from '../../src/core/store.ts'
import { composePath, petrosaServices, readCompose } from '../rig/compose.ts'
import { project } from '../rig/sources.ts'

const folder = dirname(composePath)
const compose = await readCompose()
const petrosa = petrosaServices(compose)
const yaml = async (name: string) => parse(await Bun.file(join(folder, 'compose', name)).text())
const schema = await Bun.file(join(project, 'test', 'fixtures', 'compose-spec.json')).json()
const validate = new Ajv({ strict: false, logger: false, validateFormats: false }).compile(schema)

describe('deploy/compose.yaml', () => {
  test('is what the schema of compose files allows', () => {
    expect([validate(compose), validate.errors]).toEqual([true, null])
    const [name = '', service] = petrosa[0] ?? []
    expect(validate({ ...compose, services: { [name]: { ...service, comand: ['serve'] } } })).toBe(false)
  })

  test('has petrosa with every store, each with a port of its own, and no rights', () => {
    expect(petrosa.map(([, { environment }]) => environment?.DB_ADAPTER).toSorted()).toEqual(
      storeKinds.toSorted(),
    )
    expect(new Set(petrosa.flatMap(([, { ports }]) => ports)).size).toBe(petrosa.length)
    for (const [, service] of petrosa)
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], command: ['serve'] })
    // Nothing but this machine reaches a port.
    const ports = Object.values(compose.services).flatMap(({ ports = [] }) => ports)
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
  })

  test('names files, volumes, services and images that are there', () => {
    for (const [name, { depends_on: needs = {}, image, profiles, volumes = [] }] of Object.entries(
      compose.services,
    )) {
      expect([name, image]).toEqual([name, expect.stringMatching(/:(latest|[\w.-]*\d[\w.-]*)$/)])
      for (const [other, { condition }] of Object.entries(needs)) {
        expect(compose.services[other]?.profiles).toEqual(profiles)
        expect([other, condition, compose.services[other]?.healthcheck !== undefined]).toEqual([
          other,
          'service_healthy',
          true,
        ])
      }
      for (const [source = ''] of volumes.map((volume) => volume.split(':')))
        expect([
          source,
          source.startsWith('.') ? existsSync(join(folder, source)) : source in compose.volumes,
        ]).toEqual([source, true])
    }
  })

  test('each address leads to the database of the same profile', () => {
    for (const [name, { environment = {}, depends_on: needs = {} }] of petrosa) {
      const address = Object.entries(environment).find(([variable]) => variable.endsWith('_URI'))?.[1]
      if (address === undefined) continue
      const host = new URL(address.replace(/^\w+:/, 'http:')).hostname
      expect([name, host]).toEqual([name, Object.keys(needs)[0] ?? ''])
    }
  })

  test('Prometheus asks every petrosa and has the alerts, Grafana the dashboard', async () => {
    const { rule_files: rules, scrape_configs: scrapes } = await yaml('prometheus.yaml')
    const targets = scrapes.flatMap((scrape: { static_configs: { targets: string[] }[] }) =>
      scrape.static_configs.flatMap((one) => one.targets),
    )
    expect(targets.toSorted()).toEqual(petrosa.map(([name]) => `${name}:8080`).toSorted())
    const mounted = Object.values(compose.services).flatMap(({ volumes = [] }) =>
      volumes.map((one) => one.split(':')[1]),
    )
    expect(mounted).toEqual(expect.arrayContaining(rules))
    const { providers } = await yaml('dashboards.yaml')
    expect(mounted.filter((path) => path?.startsWith(`${providers[0].options.path}/`))).toHaveLength(1)
    const { datasources } = await yaml('datasources.yaml')
    expect(datasources[0].url).toBe('http://prometheus:9090')
  })
})

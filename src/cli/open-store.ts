// Opens the store that the settings choose. Its address comes from --db-uri or the store's own variable.
import type { Store, StoreKind } from '../core/store.ts'
import { UserError } from '../errors.ts'
import type { Settings } from '../settings/table.ts'
import { stores } from '../stores/all.ts'
import { type CommandContext, need } from './command.ts'

const uriSettings = {
  sqlite: 'sqlitePath',
  postgresql: 'postgresqlUri',
  mysql: 'mysqlUri',
  mongodb: 'mongodbUri',
} as const satisfies Record<StoreKind, keyof Settings>

/** Opens the chosen store. Throws UserError when it has no address, or what opening it throws. */
export async function openStore(context: CommandContext, readOnly: boolean): Promise<Store> {
  const { settings, world } = context
  const kind = need(settings, 'db')
  const entry = stores.find((candidate) => candidate.kind === kind)
  if (!entry)
    throw new UserError(
      `the store ${kind} is not in this version`,
      `use ${stores.map((one) => one.kind).join(', ')}`,
    )
  const uri = settings.dbUri ?? settings[uriSettings[kind]]
  if (!uri) throw new UserError(`no address for the ${kind} store`, `set ${entry.variable}, or --db-uri`)
  return entry.open({ uri, readOnly, batchRows: settings.batchSize }, world)
}

/** Runs `work` with the chosen store and closes it, whatever happens. */
export async function withStore<T>(
  context: CommandContext,
  readOnly: boolean,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openStore(context, readOnly)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

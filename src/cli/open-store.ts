// Opens the stores that the settings name. An address comes from --db-uri or the store's own variable, and
// its scheme has to fit the store: a database's address must never become the name of a file.
import type { Store, StoreKind } from '../core/store.ts'
import { UserError } from '../errors.ts'
import type { Settings } from '../settings/table.ts'
import { kindOfUri, refuseForeignAddress, refuseMemory } from '../stores/address.ts'
import { type StoreEntry, stores } from '../stores/all.ts'
import { type CommandContext, need } from './command.ts'
import { watchedStore } from './watched-store.ts'

const uriSettings = {
  sqlite: 'sqlitePath',
  postgresql: 'postgresqlUri',
  mysql: 'mysqlUri',
  mongodb: 'mongodbUri',
} as const satisfies Record<StoreKind, keyof Settings>

/** A store that the settings name, and where it is. */
export type StoreAddress = { readonly entry: StoreEntry; readonly uri: string }

/** The store that the settings choose. Throws UserError when it has no address, or one of another kind. */
export function chosenStore(context: Pick<CommandContext, 'settings' | 'origins'>): StoreAddress {
  const { settings, origins } = context
  const byUri = settings.dbUri === null ? null : kindOfUri(settings.dbUri)
  const kind = origins.db === 'default' && byUri !== null ? byUri : need(settings, 'db')
  const entry = entryOf(kind)
  const uri = settings.dbUri ?? settings[uriSettings[kind]]
  if (!uri) throw new UserError(`no address for the ${kind} store`, `set ${entry.variable}, or --db-uri`)
  refuseForeignAddress(kind, uri, `check ${entry.variable} or --db-uri, and --db`)
  refuseMemory(kind, uri)
  return { entry, uri }
}

/** The chosen store first, then every further one that has an address. */
export function configuredStores(context: CommandContext): StoreAddress[] {
  const chosen = chosenStore(context)
  const others = stores.flatMap((entry) => {
    const name = uriSettings[entry.kind]
    const uri = context.settings[name]
    return entry.kind !== chosen.entry.kind && uri && context.origins[name] !== 'default'
      ? [{ entry, uri }]
      : []
  })
  return [chosen, ...others]
}

/**
 * Runs `work` with a store and closes it, whatever happens. `address`: the chosen one where none is given.
 */
export async function withStore<T>(
  context: CommandContext,
  readOnly: boolean,
  work: (store: Store) => Promise<T>,
  address: StoreAddress = chosenStore(context),
): Promise<T> {
  const store = await openStore(context, readOnly, address)
  const watched = watchedStore(store, context.world, context.tell, () => undefined)
  try {
    return await work(watched)
  } finally {
    await context.trace('close store', {}, () => store.close())
  }
}

/** Opens a store; whoever does so closes it. */
export function openStore(
  { settings, tell, trace, world }: CommandContext,
  readOnly: boolean,
  { entry, uri }: StoreAddress,
): Promise<Store> {
  const options = {
    readOnly,
    batchRows: settings.batchSize,
    hypertables: settings.hypertables === true,
    // A mistyped name makes another database, which somebody should hear of.
    madeDatabase: (place: string) =>
      tell({ type: 'note', message: `made the database of the ${place}, which did not exist` }),
  }
  return trace('open store', {}, () => entry.open({ uri, ...options }, world))
}

function entryOf(kind: StoreKind): StoreEntry {
  const entry = stores.find((candidate) => candidate.kind === kind)
  if (entry) return entry
  throw new UserError(
    `the store ${kind} is not in this version`,
    `use ${stores.map((one) => one.kind).join(', ')}`,
  )
}

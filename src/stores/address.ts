// Which store an address belongs to, by its scheme: a database's address must never become a file's name.
import { type StoreKind, storeKinds } from '../core/store.ts'
import { UserError } from '../errors.ts'
import { sqlitePath } from './sqlite/address.ts'

const schemes: Readonly<Record<StoreKind, RegExp>> = {
  sqlite: /^(sqlite|file):/i,
  postgresql: /^postgres(ql)?(\+\w+)?:\/\//i,
  mysql: /^(mysql|mariadb)(\+\w+)?:\/\//i,
  mongodb: /^mongodb(\+srv)?:\/\//i,
}

/**
 * The kind of store that an address belongs to by its scheme; null for a path. Throws UserError for a foreign
 * scheme.
 */
export function kindOfUri(uri: string): StoreKind | null {
  const kind = storeKinds.find((candidate) => schemes[candidate].test(uri))
  if (kind) return kind
  const foreign = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]
  if (foreign === undefined) return null
  throw new UserError(
    `no store has addresses that begin with ${foreign}://`,
    'see: petrosa help klines, under --db-uri',
  )
}

/** Throws UserError, with `advice`, where an address is none of a store of `kind`. */
export function refuseForeignAddress(kind: StoreKind, uri: string, advice: string): void {
  const meant = kindOfUri(uri)
  if (meant === kind || (meant === null && kind === 'sqlite')) return
  const said =
    meant === null ? `no address of a ${kind} store` : `the address of a ${meant} store, not of ${kind}`
  throw new UserError(`the store's address is ${said}`, advice)
}

/**
 * Throws UserError for SQLite's database in memory: it ends with the command, and all that was fetched with
 * it. A program that uses petrosa as a library may have one.
 */
export function refuseMemory(kind: StoreKind, uri: string): void {
  if (kind !== 'sqlite' || sqlitePath(uri) !== ':memory:') return
  throw new UserError(
    'a database in memory keeps nothing: it ends with the command',
    'write the path of a file, for example --db-uri ./petrosa.db; a file of that name is ./:memory:',
  )
}

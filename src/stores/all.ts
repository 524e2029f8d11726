// Every store, once: the setting, the contract suite and the README follow from this list. Drivers load when
// a store is opened.
import type { Clock } from '../core/retry.ts'
import type { Store, StoreKind, StoreOptions } from '../core/store.ts'

export type StoreEntry = {
  readonly kind: StoreKind
  /** The variable that holds the URI. */
  readonly variable: string
  open(options: StoreOptions, clock: Clock): Promise<Store>
}

export const stores: readonly StoreEntry[] = [
  {
    kind: 'sqlite',
    variable: 'SQLITE_PATH',
    open: async (options, clock) => (await import('./sqlite/store.ts')).openSqlite(options, clock),
  },
  {
    kind: 'postgresql',
    variable: 'POSTGRESQL_URI',
    open: async (options, clock) => (await import('./postgresql/store.ts')).openPostgresql(options, clock),
  },
  {
    kind: 'mysql',
    variable: 'MYSQL_URI',
    open: async (options, clock) => (await import('./mysql/store.ts')).openMysql(options, clock),
  },
  {
    kind: 'mongodb',
    variable: 'MONGODB_URI',
    open: async (options, clock) => (await import('./mongodb/store.ts')).openMongodb(options, clock),
  },
]

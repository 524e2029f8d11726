// A database behind a wire that can be cut: the program is led through a proxy, the test looks past it.
import type { BinaryDatabase, Place } from './binary-databases.ts'
import { withAccount } from './poor-user.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

export type WiredDatabase = {
  /** The database itself. */
  readonly place: Place
  /** What the program is told: the way through the proxy. */
  readonly flags: readonly string[]
  readonly proxy: TcpProxy
}

const ports: Readonly<Record<string, number>> = { postgresql: 5_432, mysql: 3_306, mongodb: 27_017 }

/** A fresh database on a server, and a wire to it. */
export async function wiredDatabase(database: BinaryDatabase, folder: string): Promise<WiredDatabase> {
  const kind = database.server?.kind
  if (!kind) throw new Error(`${database.label} has no wire`)
  const place = await database.place(folder)
  const [, host = '127.0.0.1', port = ''] = /:\/\/(?:[^@/]*@)?([^:/,?]+)(?::(\d+))?/.exec(place.uri) ?? []
  const proxy = await startTcpProxy(host, Number(port || ports[kind]))
  const through = withAccount(place.uri, { host: '127.0.0.1', port: proxy.port })
  // A replica set would lead its client past the wire.
  const uri = kind === 'mongodb' ? `${through.replace(/\?.*$/, '')}?directConnection=true` : through
  return { place, flags: ['--db', kind, '--db-uri', uri], proxy }
}

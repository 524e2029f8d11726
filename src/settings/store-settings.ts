// The settings of the stores: which one, where it is, and how it is written.
import { storeKinds } from '../core/store.ts'
import { setting } from './setting.ts'
import { anyText, oneOf, onOff, wholeNumber } from './values.ts'

const MOST_BATCH_ROWS = 1_000_000

export const storeSettings = {
  db: setting({
    flag: 'db',
    aliases: ['db-adapter'],
    variable: 'DB_ADAPTER',
    read: oneOf(storeKinds, { mariadb: 'mysql' }),
    fallback: 'sqlite',
    value: 'STORE',
    help: 'the store: sqlite, postgresql, mysql (or mariadb), mongodb',
  }),
  dbUri: setting({
    flag: 'db-uri',
    variable: null,
    read: anyText,
    fallback: null,
    fallbackHelp: "the store's own variable",
    value: 'URI',
    help: 'where the store is; better in its variable, since a command line is no secret',
    secret: true,
  }),
  sqlitePath: setting({
    flag: null,
    variable: 'SQLITE_PATH',
    read: anyText,
    fallback: './petrosa.db',
    value: 'PATH',
    help: 'the file of the sqlite store',
  }),
  postgresqlUri: setting({
    flag: null,
    variable: 'POSTGRESQL_URI',
    read: anyText,
    fallback: null,
    value: 'URI',
    help: 'the postgresql store: postgres://user:password@host:5432/database',
    secret: true,
  }),
  mysqlUri: setting({
    flag: null,
    variable: 'MYSQL_URI',
    read: anyText,
    fallback: null,
    value: 'URI',
    help: 'the mysql store: mysql://user:password@host:3306/database',
    secret: true,
  }),
  mongodbUri: setting({
    flag: null,
    variable: 'MONGODB_URI',
    read: anyText,
    fallback: null,
    value: 'URI',
    help: 'the mongodb store: mongodb://user:password@host:27017/database (binance when none is named)',
    secret: true,
  }),
  hypertables: setting({
    flag: 'hypertables',
    variable: 'HYPERTABLES',
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'postgresql with TimescaleDB: make the tables hypertables',
  }),
  batchSize: setting({
    flag: 'batch-size',
    variable: 'DB_BATCH_SIZE',
    read: wholeNumber(1, MOST_BATCH_ROWS),
    fallback: null,
    fallbackHelp: 'chosen by the store',
    value: 'ROWS',
    help: 'rows a write, at most',
  }),
}

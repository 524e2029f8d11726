// The settings of serving: when, where, and what is open to whom.
import { setting } from './setting.ts'
import { anyText, headerToken, numberOrOff, onOff, wholeNumber } from './values.ts'

const LAST_PORT = 65_535
const MOST_LEASE_SECONDS = 3_600

export const serveSettings = {
  serve: setting({
    flag: 'serve',
    variable: 'SERVE',
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'stay up: repeat on a schedule, and answer HTTP',
  }),
  schedule: setting({
    flag: 'schedule',
    variable: 'SCHEDULE',
    read: anyText,
    fallback: null,
    fallbackHelp: 'a few seconds after each period closes',
    value: 'CRON',
    help: 'when to repeat, in UTC: a cron expression, with seconds where it has six fields',
  }),
  host: setting({
    flag: 'host',
    variable: 'HOST',
    read: anyText,
    fallback: '0.0.0.0',
    value: 'ADDRESS',
    help: 'the address to listen on while serving',
  }),
  port: setting({
    flag: 'port',
    variable: 'PORT',
    read: wholeNumber(0, LAST_PORT),
    fallback: '8080',
    value: 'PORT',
    help: 'the port to listen on while serving; 0 takes a free one',
  }),
  leaseSeconds: setting({
    flag: null,
    variable: 'LEASE_SECONDS',
    read: numberOrOff(MOST_LEASE_SECONDS),
    fallback: '30',
    value: 'SECONDS',
    help:
      'while serving on a server: after so long without a sign of life the series of a replica go to ' +
      'the others; 0: every replica fetches everything',
  }),
  apiToken: setting({
    flag: null,
    variable: 'API_TOKEN',
    read: headerToken,
    fallback: null,
    fallbackHelp: 'none',
    value: 'TOKEN',
    help: 'the bearer token of the routes that change something; without it they do not exist',
    secret: true,
  }),
  metricsPerSymbol: setting({
    flag: null,
    variable: 'METRICS_PER_SYMBOL',
    read: onOff,
    fallback: 'false',
    value: null,
    help: 'adds the symbol to the labels of the metrics',
  }),
}

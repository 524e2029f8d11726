// The local exchange as a process of its own, for the demo, the benchmark and the tests that kill things.
// Its options are one JSON argument, or the path of a file that holds them; it prints one line of JSON when
// it listens, and ends with its standard input or on SIGTERM, so that no test can leave one behind.
import { type ExchangeOptions, startExchange } from './exchange.ts'
import { isScenario, scenarios } from './scenario.ts'

/**
 * Options as given to a process: a named scenario may stand for its symbols, its clock too where none is
 * given.
 */
export type ProcessOptions = Omit<ExchangeOptions, 'symbols' | 'control'> & {
  readonly symbols?: ExchangeOptions['symbols']
  readonly scenario?: string
}

/** What the process prints when it listens. */
export type Listening = { readonly url: string; readonly pid: number }

async function readOptions(argument: string | undefined): Promise<ExchangeOptions> {
  if (!argument) throw new Error('usage: exchange-process.ts OPTIONS (JSON, or the path of a JSON file)')
  const text = argument.trimStart().startsWith('{') ? argument : await Bun.file(argument).text()
  const { scenario, ...options } = JSON.parse(text) as ProcessOptions
  if (scenario === undefined) return { symbols: [], ...options, control: true }
  if (!isScenario(scenario))
    throw new Error(`no scenario ${scenario}; there are ${Object.keys(scenarios).join(', ')}`)
  const { symbols, nowMs } = scenarios[scenario]
  return { symbols, clock: { startMs: nowMs }, ...options, control: true }
}

async function main(): Promise<void> {
  const exchange = await startExchange(await readOptions(process.argv[2]))
  const listening: Listening = { url: exchange.url, pid: process.pid }
  const end = (): void => void exchange.stop().then(() => process.exit(0))
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  process.stdin.on('end', end)
  process.stdin.on('close', end)
  process.stdin.resume()
  process.stdout.write(`${JSON.stringify(listening)}\n`)
}

if (import.meta.main) await main()

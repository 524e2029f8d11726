// petrosa check: tries configuration, exchange, archives and store, says what works and what to do about what
// does not. Changes nothing, except with --prepare, which makes the schema.
import { reachArchives } from '../binance/archive-source.ts'
import type { Client } from '../binance/client.ts'
import { fetchListings } from '../binance/symbols.ts'
import type { Finding, Store } from '../core/store.ts'
import { allTables } from '../datasets/all.ts'
import {
  type ExitCode,
  exitCodeOf,
  PetrosaError,
  StoppedError,
  UnavailableError,
  worstExitCode,
} from '../errors.ts'
import { duration, thousands } from '../observe/progress.ts'
import { resolveSettings } from '../settings/resolve.ts'
import { settingEntries } from '../settings/table.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { marketOf, openClient } from './exchange.ts'
import { configuredStores, type StoreAddress, withStore } from './open-store.ts'

/** A clock that is this far off shows in every log line; what is stored does not depend on it. */
const CLOCK_OFF_MS = 2_000

/** Something to be looked at. What is optional may be out of reach: others have what it has. */
type Try = {
  readonly name: string
  readonly isOptional?: boolean
  readonly check: () => Promise<readonly Finding[]>
}

/** Runs the command: every check, also after one that failed. */
export async function runCheck(context: CommandContext): Promise<CommandResult> {
  const checks: Finding[] = [...(await checkConfiguration(context))]
  const codes: ExitCode[] = checks.every(({ ok }) => ok) ? [] : [2]
  const source = need(context.settings, 'source')
  const client = openClient(context)
  const tries: readonly Try[] = [
    ...(source === 'archive' ? [] : [{ name: 'exchange', check: () => checkExchange(context, client) }]),
    ...(source === 'rest'
      ? []
      : [{ name: 'archives', isOptional: source === 'auto', check: () => checkArchives(context) }]),
    ...configuredStores(context).map((address) => ({
      name: `store ${address.entry.kind}`,
      check: () => checkStore(context, address),
    })),
  ]
  for (const { name, check, isOptional = false } of tries) {
    try {
      const findings = await check()
      checks.push(...findings)
      // What a check finds wrong without throwing is for the user to change.
      if (findings.some((finding) => !finding.ok)) codes.push(2)
    } catch (error) {
      if (!(error instanceof PetrosaError) || error instanceof StoppedError) throw error
      // What others do too is told, and is no reason not to go on.
      const isMissed = !(isOptional && error instanceof UnavailableError)
      if (isMissed) codes.push(exitCodeOf(error))
      const advice = isMissed ? error.advice : `${error.advice}; until then all rows come from the API`
      checks.push({ name, ok: false, detail: error.message, advice })
    }
  }
  const spent = { requests: client.requests, weight: client.weight, archives: 0 }
  return { fields: { checks }, spent, text: checksText(checks), exitCode: worstExitCode(codes) }
}

/** What the variables and --config say of every setting, also of those that only other commands have. */
async function checkConfiguration({ settings, world }: CommandContext): Promise<readonly Finding[]> {
  const name = 'configuration'
  const flags = new Map(settings.config === null ? [] : [['config' as const, settings.config]])
  const found: Finding[] = []
  for (const [setting] of settingEntries) {
    try {
      await resolveSettings(world, flags, [setting])
    } catch (error) {
      if (!(error instanceof PetrosaError)) throw error
      const advice = error.advice || 'correct it, or leave it out: the default is in petrosa help COMMAND'
      found.push({ name, ok: false, detail: error.message, advice })
    }
  }
  if (found.length > 0) return found
  return [{ name, ok: true, detail: 'every setting makes sense', advice: '' }]
}

async function checkExchange(context: CommandContext, client: Client): Promise<Finding[]> {
  const { world } = context
  const market = marketOf(context)
  const startedMs = world.monotonicMs()
  await client.syncClock(market)
  const tookMs = Math.round(world.monotonicMs() - startedMs)
  const offMs = Math.round(world.nowMs() - client.nowMs(market))
  const listings = await fetchListings(client, market, null)
  const budget = client.budget(market)
  const trading = [...listings.values()].filter((listing) => listing.trading).length
  return [
    {
      name: `exchange ${market}`,
      ok: true,
      detail: `answers in ${tookMs} ms, ${thousands(trading)} symbols trade`,
      advice: '',
    },
    {
      name: `request weight ${market}`,
      ok: true,
      detail: `${thousands(budget.used)} of ${thousands(budget.limit)} used this minute, by all on this IP`,
      advice: '',
    },
    {
      name: 'clock',
      ok: true,
      detail:
        Math.abs(offMs) < CLOCK_OFF_MS
          ? 'agrees with the exchange'
          : `${duration(Math.abs(offMs) / 1_000)} ${offMs > 0 ? 'ahead of' : 'behind'} the exchange's`,
      advice:
        Math.abs(offMs) < CLOCK_OFF_MS
          ? ''
          : "log times are this machine's; what is stored follows the exchange",
    },
  ]
}

async function checkArchives({ settings, tell, world }: CommandContext): Promise<Finding[]> {
  const urls = { files: need(settings, 'archiveUrl'), listing: need(settings, 'archiveListingUrl') }
  const startedMs = world.monotonicMs()
  await reachArchives(world, { urls, tell })
  const tookMs = Math.round(world.monotonicMs() - startedMs)
  return [{ name: 'archives', ok: true, detail: `files and listing answer in ${tookMs} ms`, advice: '' }]
}

/**
 * Every store that has an address, the chosen one first; one that fails does not keep the others from being
 * tried.
 */
async function checkStore(context: CommandContext, address: StoreAddress): Promise<readonly Finding[]> {
  const prepare = context.settings.prepare === true
  const check = async (store: Store): Promise<readonly Finding[]> => {
    if (prepare) await store.prepare(allTables)
    return store.check(allTables)
  }
  return withStore(context, !prepare, check, address)
}

function checksText(checks: readonly Finding[]): string {
  return checks
    .map(
      ({ name, ok, detail, advice }) =>
        `${ok ? 'ok  ' : 'FAIL'}  ${name}: ${detail}${advice ? `\n      ${advice}` : ''}\n`,
    )
    .join('')
}

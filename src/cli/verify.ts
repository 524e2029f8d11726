// petrosa verify: checks what is stored, and repairs it. What it finds is told with its series and time;
// without --sample, --archives and --repair no exchange is needed.
import type { Client } from '../binance/client.ts'
import { restSource } from '../binance/rest.ts'
import type { Summary } from '../core/events.ts'
import { markets, type Series } from '../core/series.ts'
import type { Store } from '../core/store.ts'
import { republished } from '../core/verification/archive-check.ts'
import { candlePairs } from '../core/verification/candle-pairs.ts'
import { type AskedRange, behind, rangeOf } from '../core/verification/range.ts'
import { VerifyRun, type VerifySeries } from '../core/verification/verify-run.ts'
import { datasetNamed } from '../datasets/all.ts'
import { type ExitCode, errorLine, exitCodeOf, exitCodes, PetrosaError, worstExitCode } from '../errors.ts'
import { type CommandContext, type CommandResult, need } from './command.ts'
import { openArchives, openClient } from './exchange.ts'
import { atMs, refuseBackwards } from './fetch.ts'
import { withStore } from './open-store.ts'
import { storedSeries } from './stored-series.ts'
import { type ArchiveLook, verifyResult } from './verify-result.ts'

/** Seeds have 32 bits. */
const SEEDS = 2 ** 32

/** Runs the command. */
export async function runVerify(context: CommandContext): Promise<CommandResult> {
  const { settings, world } = context
  refuseBackwards(settings.start, settings.end, null)
  const repair = settings.repair === true
  return withStore(context, !repair, async (store) => {
    const { series: known, isEmpty } = await storedSeries(context, store)
    const client = settings.sample !== null || repair ? await openFor(context, known) : null
    const nowMs = (series: Series): number => client?.nowMs(series.market) ?? world.nowMs()
    const series = await seriesOf(context, store, known, client, nowMs)
    if (repair) await store.prepare([...new Set(series.map(({ table }) => table))])
    const seed = settings.seed ?? Math.floor(world.random() * SEEDS)
    const sample = settings.sample === null ? null : { share: settings.sample, seed }
    const run = new VerifyRun({
      series,
      sample,
      repair,
      workers: need(settings, 'maxWorkers'),
      signal: world.signal,
      tell: context.tell,
    })
    begin(context, series)
    await run.stored()
    const { findings } = run.outcome
    if (settings.end === null) {
      for (const one of series) {
        const note = behind({ ...one, holding: null }, one.range, nowMs(one.series))
        if (note) findings.add({ ...note, series: one.series, repaired: false })
      }
    }
    const { failure, archives } = await againstExchange(context, store, run, series)
    const summary = summaryOf(context, run, series.length, client, failure)
    context.tell({ type: 'pass-ended', summary })
    return verifyResult({ summary, outcome: run.outcome, sample, archives, isEmpty, repair })
  })
}

/** The client, with the clock of every market that has something stored. Throws what reading it throws. */
async function openFor(context: CommandContext, known: readonly Series[]): Promise<Client> {
  const client = openClient(context)
  for (const market of markets) if (known.some((one) => one.market === market)) await client.syncClock(market)
  return client
}

/** What there is of each series, and who can be asked about it. */
async function seriesOf(
  context: CommandContext,
  store: Store,
  known: readonly Series[],
  client: Client | null,
  nowMs: (series: Series) => number,
): Promise<VerifySeries[]> {
  const { settings, world } = context
  const ledgers = await store.ledger(known)
  const found: VerifySeries[] = []
  for (const [i, series] of known.entries()) {
    world.signal.throwIfAborted()
    const dataset = datasetNamed(series.dataset)
    if (!dataset) continue
    const table = dataset.table(series)
    const holding = await store.holding(series, table)
    const { period } = series
    const ledger = ledgers[i] ?? []
    const asked: AskedRange = {
      startMs: atMs(settings.start, nowMs(series)),
      endMs: atMs(settings.end, nowMs(series)),
    }
    const range = rangeOf({ period, holding, ledger }, asked)
    if (!range) continue
    const isWhole = settings.start === null && settings.end === null
    const rows = isWhole ? (holding?.rows ?? 0) : ((await store.counts(series, table, [range]))[0] ?? 0)
    const source = client ? restSource(client, dataset, series.market) : null
    found.push({ store, series, dataset, table, period, range, rows, ledger, source })
  }
  return found
}

function begin({ command, tell }: CommandContext, series: readonly VerifySeries[]): void {
  const rows = new Map(series.map((one) => [one.series, one.rows]))
  const firstMs = series.reduce(
    (least, { range }) => Math.min(least, range.startMs),
    Number.POSITIVE_INFINITY,
  )
  tell({
    type: 'pass-started',
    command,
    series: series.map((one) => one.series),
    startMs: series.length === 0 ? null : firstMs,
  })
  // Candles are read once more beside the larger ones that they make.
  const again = candlePairs(series).reduce((sum, { smaller }) => sum + (rows.get(smaller.series) ?? 0), 0)
  const rowsToDo = series.reduce((sum, one) => sum + one.rows, again)
  tell({ type: 'pass-planned', seriesToDo: series.length, rowsToDo, requestsToDo: 0 })
}

type Exchanged = { readonly failure: PetrosaError | null; readonly archives: ArchiveLook | null }

/** What needs the exchange. An error of it ends this part only: what was found so far is told. */
async function againstExchange(
  context: CommandContext,
  store: Store,
  run: VerifyRun,
  series: readonly VerifySeries[],
): Promise<Exchanged> {
  const { settings, world } = context
  let archives: ArchiveLook | null = null
  try {
    await run.sample()
    if (settings.repair) await run.repair()
    if (settings.checkArchives) archives = await lookAtArchives(context, store, run, series)
    return { failure: null, archives }
  } catch (error) {
    if (world.signal.aborted || !(error instanceof PetrosaError)) throw error
    return { failure: error, archives }
  }
}

async function lookAtArchives(
  context: CommandContext,
  store: Store,
  run: VerifyRun,
  series: readonly VerifySeries[],
): Promise<ArchiveLook> {
  const { settings, world } = context
  const archives = openArchives(context)
  const remembered = await store.archives(series.map((one) => one.series))
  let checked = 0
  for (const [i, one] of series.entries()) {
    const records = remembered[i] ?? []
    const workers = need(settings, 'maxWorkers')
    const found = await republished({ archives, series: one.series, records, workers, signal: world.signal })
    for (const finding of found) run.outcome.findings.add(finding)
    checked += records.length
  }
  return { checked }
}

function summaryOf(
  context: CommandContext,
  { outcome }: VerifyRun,
  series: number,
  client: Client | null,
  failure: PetrosaError | null,
): Summary {
  const { asked, findings } = outcome
  const codes: ExitCode[] = failure ? [exitCodeOf(failure)] : []
  if (findings.unrepaired > 0 || asked.unsettled.length > 0) codes.push(exitCodes.open)
  return {
    command: context.command,
    startedAtMs: context.startedAtMs,
    durationMs: context.world.monotonicMs() - context.startedMs,
    series,
    rowsFetched: asked.rows,
    rowsWritten: asked.written,
    rowsChanged: asked.changed,
    requests: client?.requests ?? 0,
    weight: client?.weight ?? 0,
    archives: 0,
    unsettled: asked.unsettled,
    errors: failure ? [errorLine(failure)] : [],
    exitCode: worstExitCode(codes),
  }
}

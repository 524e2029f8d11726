// Which symbols a user means, and what is asked of the exchange to find out.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Client } from '../../src/binance/client.ts'
import {
  archivedListing,
  chooseSymbols,
  fetchListings,
  namedOnly,
  pairListings,
  patternTest,
  type SymbolChoice,
} from '../../src/binance/symbols.ts'
import type { Listing } from '../../src/core/source.ts'
import { UserError } from '../../src/errors.ts'
import { listing } from '../rig/memory-source.ts'
import { type Scripted, scriptedNetwork } from '../rig/scripted-network.ts'
import { runsFor } from '../rig/seed.ts'
import { virtualClock } from '../rig/virtual-clock.ts'
import { testWorld } from '../rig/world.ts'

const runs = runsFor('test/unit/symbols.test.ts')

describe('patterns', () => {
  test('a star stands for anything, also nothing; every other character for itself', () => {
    const fits: readonly [string, string, boolean][] = [
      ['*USDT', 'BTCUSDT', true],
      ['*USDT', 'USDT', true],
      ['*USDT', 'USDTBTC', false],
      ['BTC*', 'BTCUSDT', true],
      ['B*U*T', 'BTCUSDT', true],
      ['*', '', true],
      ['BTCUSDT', 'BTCUSDT', true],
      ['BTCUSDT', 'BTCUSDT_240628', false],
      ['BTC.SDT', 'BTCUSDT', false],
      ['B+', 'BB', false],
      ['[A-Z]*', 'BTC', false],
      ['(*', '(x', true],
      ['BTC$', 'BTC$', true],
      ['1000*', '1000PEPEUSDT', true],
      ['币安*', '币安人生USDT', true],
      ['btc*', 'BTCUSDT', false],
      ['all', 'WHATEVER', true],
    ]
    for (const [pattern, name, due] of fits)
      expect([pattern, name, patternTest(pattern)(name)]).toEqual([pattern, name, due])
  })

  test('as a naive matcher says, whatever the characters', () => {
    const naive = (pattern: string, name: string): boolean => {
      if (pattern === '') return name === ''
      if (pattern.startsWith('*')) {
        return naive(pattern.slice(1), name) || (name !== '' && naive(pattern, name.slice(1)))
      }
      return name !== '' && pattern[0] === name[0] && naive(pattern.slice(1), name.slice(1))
    }
    const text = fc.string({ unit: fc.constantFrom(...'AB*.+?^{}$()|[]\\-/1_'), maxLength: 7 })
    const name = fc.string({ unit: fc.constantFrom(...'AB.+?^{}$()|[]\\-/1_'), maxLength: 7 })
    const property = fc.property(text, name, (pattern, given) => {
      fc.pre(pattern !== 'all')
      expect(patternTest(pattern)(given)).toBe(naive(pattern, given))
    })
    fc.assert(property, runs)
  })
})

const known: ReadonlyMap<string, Listing> = new Map(
  [
    listing('ETHUSDT'),
    listing('BTCUSDT'),
    listing('LUNAUSDT', { trading: false }),
    listing('ETHBTC', { quote: 'BTC' }),
    listing('BTCUPUSDT'),
    ...['BTCUSDT_210326', 'ICPUSDTSETTLED', 'BTCUSD_PERP'].map((name) => archivedListing(name, false)),
  ].map((one) => [one.symbol, one]),
)
const choose = (facts: Partial<SymbolChoice>): string[] =>
  chooseSymbols(
    { symbols: ['all'], quote: null, exclude: [], status: 'trading', ...facts },
    'spot',
    known,
  ).map(({ symbol }) => symbol)
const refusal = (facts: Partial<SymbolChoice>): unknown => {
  try {
    return choose(facts)
  } catch (error) {
    return error
  }
}

describe('choosing', () => {
  test('names in the order asked for, patterns in theirs, each symbol once', () => {
    expect(choose({ symbols: ['ETHUSDT', 'BTC*', 'BTCUSDT', 'ETHUSDT'] })).toEqual([
      'ETHUSDT',
      'BTCUPUSDT',
      'BTCUSDT',
    ])
  })

  test('patterns find what trades, or all that is listed; a name finds either', () => {
    expect(choose({ symbols: ['L*', 'ETHBTC'] })).toEqual(['ETHBTC'])
    expect(choose({ symbols: ['L*'], status: 'all' })).toEqual(['LUNAUSDT'])
    expect(choose({ symbols: ['LUNAUSDT'] })).toEqual(['LUNAUSDT'])
    expect(choose({})).toHaveLength(4)
    expect(choose({ status: 'all' })).toHaveLength(8)
  })

  test('quote and exclude narrow what was chosen', () => {
    expect(choose({ quote: 'BTC' })).toEqual(['ETHBTC'])
    // What only archives know has its quote asset in its name.
    expect(choose({ quote: 'USD', status: 'all' })).toEqual(['BTCUSD_PERP'])
    expect(choose({ symbols: ['BTC*', 'ICP*'], quote: 'USDT', status: 'all' })).toEqual([
      ...['BTCUPUSDT', 'BTCUSDT', 'BTCUSDT_210326', 'ICPUSDTSETTLED'],
    ])
    expect(choose({ exclude: ['*UP*', 'ETHBTC'] })).toEqual(['BTCUSDT', 'ETHUSDT'])
  })

  test('an unknown name is refused with the nearest ones, even where others would do', () => {
    const error = refusal({ symbols: ['BTCUSDT', 'BTCUSD', 'NOTHINGLIKEIT'] })
    expect(error).toBeInstanceOf(UserError)
    expect(String(error)).toContain('unknown symbols on spot: BTCUSD (did you mean BTCUSDT')
    expect(String(error)).toEndWith('NOTHINGLIKEIT')
    expect(error).toMatchObject({ advice: 'see all with: petrosa symbols --market spot' })
  })

  test('nothing found is refused, with what was looked for', () => {
    expect(refusal({ symbols: ['XYZ*'], quote: 'USDT' })).toMatchObject({
      exitCode: 2,
      message: 'no symbol of spot fits XYZ* with quote asset USDT',
    })
    expect(refusal({ exclude: ['all'] })).toMatchObject({ exitCode: 2 })
  })

  test('names alone need no list; one pattern does', () => {
    const choice: SymbolChoice = { symbols: ['A', 'B'], quote: null, exclude: [], status: 'all' }
    expect(namedOnly(choice)).toEqual(['A', 'B'])
    expect(namedOnly({ ...choice, symbols: ['A', 'B*'] })).toBeNull()
    expect(namedOnly({ ...choice, symbols: ['all'] })).toBeNull()
  })
})

const spotInfo = JSON.stringify({
  timezone: 'UTC',
  rateLimits: [
    { rateLimitType: 'RAW_REQUESTS', interval: 'MINUTE', intervalNum: 5, limit: 61_000 },
    { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 1_234 },
  ],
  symbols: [
    { symbol: 'BTCUSDT', status: 'TRADING', baseAsset: 'BTC', quoteAsset: 'USDT', more: [1] },
    { symbol: 'LUNAUSDT', status: 'BREAK', baseAsset: 'LUNA', quoteAsset: 'USDT' },
  ],
})
const futuresInfo = JSON.stringify({
  rateLimits: [{ rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 2_400 }],
  symbols: [
    {
      symbol: 'BTCUSDT',
      status: 'TRADING',
      baseAsset: 'BTC',
      quoteAsset: 'USDT',
      onboardDate: 1_569_398_400_000,
      deliveryDate: 4_133_404_800_000,
    },
    {
      symbol: 'BTCUSDT_240628',
      contractStatus: 'SETTLING',
      baseAsset: 'BTC',
      quoteAsset: 'USDT',
      onboardDate: 1_703_000_000_000,
      deliveryDate: 1_719_561_600_000,
    },
  ],
})

function ask(market: 'spot' | 'um', symbols: readonly string[] | null, answers: readonly Scripted[]) {
  const clock = virtualClock()
  const network = scriptedNetwork(clock, (_, number) => answers[number - 1] ?? answers.at(-1) ?? {})
  const urls = { spot: 'https://spot.test', um: 'https://um.test', cm: 'https://cm.test' }
  const client = new Client(testWorld({ ...clock, fetch: network.fetch }), {
    urls,
    apiKey: null,
    weightShare: 0.9,
    tell: () => {},
  })
  return { client, network, listings: () => clock.run(fetchListings(client, market, symbols)) }
}

describe('asking the exchange', () => {
  test('names are asked for alone on spot; the limit of the weight is learned on the way', async () => {
    const { client, network, listings } = ask('spot', ['BTCUSDT', 'LUNAUSDT'], [{ body: spotInfo }])
    const found = await listings()
    expect(network.calls.map(({ url }) => url.searchParams.get('symbols'))).toEqual([
      '["BTCUSDT","LUNAUSDT"]',
    ])
    expect([...found.values()]).toMatchObject([
      {
        symbol: 'BTCUSDT',
        trading: true,
        status: 'TRADING',
        base: 'BTC',
        quote: 'USDT',
        listedAtMs: null,
        endsAtMs: null,
      },
      { symbol: 'LUNAUSDT', trading: false, status: 'BREAK' },
    ])
    expect(client.budget('spot').limit).toBe(1_234)
    expect(client.weight).toBe(20)
  })

  test('an unknown name makes it ask for the whole list, so that the nearest can be told', async () => {
    const refused: Scripted = { status: 400, body: '{"code":-1121,"msg":"Invalid symbol."}' }
    const { network, listings } = ask('spot', ['BTCUSD'], [refused, { body: spotInfo }])
    expect((await listings()).size).toBe(2)
    expect(network.calls.map(({ url }) => url.search === '')).toEqual([false, true])
  })

  test('the whole list: without names, with more than a hundred, and on futures always', async () => {
    const many = Array.from({ length: 101 }, (_, i) => `S${i}USDT`)
    for (const [market, names] of [
      ['spot', null],
      ['spot', many],
      ['spot', []],
      ['um', ['BTCUSDT']],
    ] as const) {
      const { network, listings } = ask(market, names, [{ body: market === 'spot' ? spotInfo : futuresInfo }])
      await listings()
      expect(network.calls.map(({ url }) => url.search)).toEqual([''])
    }
    const hundred = ask('spot', many.slice(1), [{ body: spotInfo }])
    await hundred.listings()
    expect(hundred.network.calls[0]?.url.search).not.toBe('')
  })

  test('a perpetual has no end, a contract with a delivery date has', async () => {
    const found = await ask('um', null, [{ body: futuresInfo }]).listings()
    expect(found.get('BTCUSDT')).toMatchObject({
      listedAtMs: 1_569_398_400_000,
      endsAtMs: null,
      trading: true,
    })
    expect(found.get('BTCUSDT_240628')).toMatchObject({
      endsAtMs: 1_719_561_600_000,
      trading: false,
      status: 'SETTLING',
    })
  })

  test('no list, but an exchange that tells the time: not available, and not asked for all', async () => {
    const down: Scripted = { status: 503, body: '' }
    const time: Scripted = { body: '{"serverTime":1}' }
    for (const answer of [down, { body: '<html></html>' }, { body: '[]' }]) {
      const answers = [...Array.from({ length: 8 }, () => answer), time, down]
      const { network, listings } = ask('spot', ['BTCUSDT'], answers)
      const error = await listings().catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        exitCode: 75,
        message: expect.stringMatching(/does not tell its symbols: .*spot\.test/),
        advice: 'run the same command again later',
      })
      expect(network.calls.map(({ url }) => url.search === '')).toEqual([...Array(8).fill(false), true])
    }
  })

  test('what is no list is asked for again, then refused; missing limits are no loss', async () => {
    const { network, listings } = ask('um', null, [{ body: '{"symbols":[{"name":"x"}]}' }])
    await expect(listings()).rejects.toThrow('the exchange is not available')
    expect(network.calls.length).toBeGreaterThan(1)
    const bare = ask('um', null, [{ body: '{"symbols":[]}' }])
    expect((await bare.listings()).size).toBe(0)
    expect(bare.client.budget('um').limit).toBe(2_400)
  })
})

describe('pairs', () => {
  const END_MS = Date.UTC(2024, 2, 29, 8)
  const contract = (symbol: string, facts: Partial<Listing>): [string, Listing] => [
    symbol,
    listing(symbol, { pair: 'BTCUSD', ...facts }),
  ]
  const pairOf = (...contracts: readonly (readonly [string, Listing])[]): Partial<Listing> | undefined =>
    pairListings(new Map(contracts)).get('BTCUSD')

  test('end with the last of their contracts, and begin with the first', () => {
    const ended = contract('BTCUSD_PERP', {
      trading: false,
      status: 'SETTLING',
      endsAtMs: END_MS,
      listedAtMs: 9,
    })
    const later = contract('BTCUSD_240628', { endsAtMs: END_MS + 1, listedAtMs: 5 })
    const goesOn = contract('BTCUSD_PERP', { endsAtMs: null })
    expect(pairOf(ended)).toMatchObject({ symbol: 'BTCUSD', trading: false, endsAtMs: END_MS })
    for (const order of [[ended, later] as const, [later, ended] as const])
      expect(pairOf(...order)).toMatchObject({ trading: true, endsAtMs: END_MS + 1, listedAtMs: 5 })
    expect(pairOf(goesOn, later)).toMatchObject({ trading: true, endsAtMs: null })
    expect(pairOf(later, goesOn)).toMatchObject({ trading: true, endsAtMs: null })
  })
})

// The candle chart of one series, by lightweight-charts. Places without a candle stay empty, so that a gap
// is seen. Prices are numbers here, since they are only drawn; what is exact stays in the store.
import {
  CandlestickSeries,
  createChart,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  type UTCTimestamp,
} from 'lightweight-charts'
import { byId, setText } from './dom.ts'
import { ask } from './news.ts'
import { counted, minute } from './words.ts'

type Kline = {
  readonly open_time: string
  readonly open_price: string
  readonly high_price: string
  readonly low_price: string
  readonly close_price: string
  readonly volume: string
}

/** Places of a chart at most, those without a candle too. */
const MOST_PLACES = 5_000

const lengths: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

const color = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim()

export class CandleChart {
  #chart: IChartApi | null = null
  #candles: ISeriesApi<'Candlestick'> | null = null
  #volumes: ISeriesApi<'Histogram'> | null = null
  /** The series that was asked for last: an older answer is not drawn over it. */
  #wanted: string | null = null
  #isFitted = false

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paint())
  }

  /** Draws the newest candles of a series, or says why there are none. */
  async show(series: string): Promise<void> {
    const isOther = this.#wanted !== series
    this.#wanted = series
    if (isOther) this.#isFitted = false
    const [market = '', dataset = '', symbol = '', period = ''] = series.split('/')
    if (dataset !== 'klines') return this.#none('Charts are drawn of klines only.')
    try {
      const query = new URLSearchParams({ market, symbol, period })
      const { klines } = await ask<{ klines: readonly Kline[] }>(`/api/klines?${query}`)
      if (this.#wanted === series) this.#draw(series, period, klines)
    } catch (error) {
      if (this.#wanted === series)
        this.#none(`The candles cannot be read: ${error instanceof Error ? error.message : error}`)
    }
  }

  #none(text: string): void {
    byId('chart').hidden = true
    setText(byId('chart-text'), text)
  }

  #draw(series: string, period: string, klines: readonly Kline[]): void {
    const [first, last] = [klines[0], klines.at(-1)]
    if (!first || !last) {
      this.#none('No candle of late is stored.')
      return
    }
    const target = byId('chart')
    target.hidden = false
    if (!this.#chart) this.#open(target)
    const text =
      `${counted(klines.length, 'candle')} from ${minute(first.open_time)} to ${minute(last.open_time)}, ` +
      `last close ${Number(last.close_price)}`
    target.setAttribute('aria-label', `Candles of ${series}: ${text}`)
    setText(byId('chart-text'), text)
    const places = withHoles(klines, period)
    this.#candles?.applyOptions({ priceFormat: formatOf(last.close_price) })
    this.#candles?.setData(
      places.map(({ kline, time }) =>
        kline
          ? {
              time,
              open: Number(kline.open_price),
              high: Number(kline.high_price),
              low: Number(kline.low_price),
              close: Number(kline.close_price),
            }
          : { time },
      ),
    )
    this.#volumes?.setData(
      places.map(({ kline, time }) => (kline ? { time, value: Number(kline.volume) } : { time })),
    )
    const from = Math.max(0, places.length - 150)
    if (!this.#isFitted) this.#chart?.timeScale().setVisibleLogicalRange({ from, to: places.length + 2 })
    this.#isFitted = true
    target.dataset.candles = String(klines.length)
  }

  #open(target: HTMLElement): void {
    // The mark of the library would bring its own style, which the policy of the page forbids; the footer
    // has the notice instead.
    this.#chart = createChart(target, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 11, panes: { enableResize: false } },
      timeScale: { timeVisible: true, secondsVisible: false },
      rightPriceScale: { borderVisible: false },
    })
    this.#candles = this.#chart.addSeries(CandlestickSeries, { borderVisible: false })
    this.#volumes = this.#chart.addSeries(HistogramSeries, {
      priceFormat: { type: 'volume' },
      priceScaleId: '',
      lastValueVisible: false,
      priceLineVisible: false,
    })
    this.#volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } })
    this.#paint()
  }

  #paint(): void {
    const [text, lines, up, down] = [color('--quiet'), color('--line'), color('--rows'), color('--open')]
    this.#chart?.applyOptions({
      layout: { background: { color: color('--panel') }, textColor: text },
      grid: { vertLines: { color: lines }, horzLines: { color: lines } },
      timeScale: { borderColor: lines },
    })
    this.#candles?.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down })
    this.#volumes?.applyOptions({ color: `${color('--told')}66` })
  }
}

/** As many digits after the point as the price has. */
function formatOf(price: string): { type: 'price'; precision: number; minMove: number } {
  const precision = Math.min(12, Math.max(2, price.split('.')[1]?.length ?? 0))
  return { type: 'price', precision, minMove: 10 ** -precision }
}

type Place = { readonly time: UTCTimestamp; readonly kline: Kline | null }

/** Every place between the first candle and the last, with what is there. */
function withHoles(klines: readonly Kline[], period: string): Place[] {
  const length = Number.parseInt(period, 10) * (period.endsWith('M') ? 0 : (lengths[period.slice(-1)] ?? 0))
  const places: Place[] = []
  for (const kline of klines) {
    const time = Date.parse(kline.open_time) / 1_000
    const before = places.at(-1)?.time
    for (let at = before === undefined ? time : before + length; length > 0 && at < time; at += length)
      if (places.length < MOST_PLACES) places.push({ time: at as UTCTimestamp, kline: null })
    places.push({ time: time as UTCTimestamp, kline })
  }
  return places
}

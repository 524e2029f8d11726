// The exchange's own clock: the machine's, one that started at another time and runs on, or one that tests
// set by hand.

export type ClockOption = 'real' | { readonly startMs: number } | { readonly manualMs: number }

export type ExchangeClock = {
  nowMs(): number
  /** Sets the time. A clock that runs goes on from there; a manual one stands still. */
  setNowMs(nowMs: number): void
}

/** A clock as `option` asks for. */
export function exchangeClock(option: ClockOption): ExchangeClock {
  if (option !== 'real' && 'manualMs' in option) {
    let standsAtMs = option.manualMs
    return {
      nowMs: () => standsAtMs,
      setNowMs(nowMs) {
        standsAtMs = nowMs
      },
    }
  }
  let aheadMs = option === 'real' ? 0 : option.startMs - Date.now()
  return {
    nowMs: () => Date.now() + aheadMs,
    setNowMs(nowMs) {
      aheadMs = nowMs - Date.now()
    },
  }
}

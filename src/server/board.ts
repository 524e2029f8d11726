// How far the pass of a job is, by its events; and what came of the one before.
import type { PetrosaEvent } from '../core/events.ts'
import type { Json, PassBoard } from './served.ts'

export type Board = {
  readonly tell: (event: PetrosaEvent) => void
  /** A pass begins at `atMs`, epoch ms. */
  begin(atMs: number): void
  /** It has ended; `summary` as section 4 writes it. */
  end(summary: Json): void
  readonly pass: () => PassBoard
  readonly lastPass: () => Json | null
}

const noRows = { rowsWritten: 0, rowsDone: 0, rowsPlanned: null }

/** A board without a pass. */
export function openBoard(): Board {
  let pass: PassBoard = { running: false, startedAtMs: null, seriesDone: 0, seriesTotal: 0, ...noRows }
  let lastPass: Json | null = null
  return {
    begin(atMs) {
      pass = { running: true, startedAtMs: atMs, seriesDone: 0, seriesTotal: 0, ...noRows }
    },
    tell(event) {
      if (event.type === 'pass-started') pass = { ...pass, seriesTotal: event.series.length }
      // What needs nothing is done.
      else if (event.type === 'pass-planned')
        pass = { ...pass, seriesDone: pass.seriesTotal - event.seriesToDo, rowsPlanned: event.rowsToDo }
      else if (event.type === 'series-done') pass = { ...pass, seriesDone: pass.seriesDone + 1 }
      else if (event.type === 'batch-written')
        pass = {
          ...pass,
          rowsWritten: pass.rowsWritten + event.written,
          rowsDone: pass.rowsDone + event.rows,
        }
    },
    end(summary) {
      pass = { ...pass, running: false }
      lastPass = summary
    },
    pass: () => pass,
    lastPass: () => lastPass,
  }
}

// Differences between what is stored and what the exchange has, as findings in words.
import type { Dataset, Rows, Table } from '../dataset.ts'
import type { LedgerRow } from '../ledger.ts'
import type { Difference } from './compare-rows.ts'
import type { Found } from './findings.ts'
import { cellsText, keyText, spanOf, valuesText } from './words.ts'

/** What a difference is told of. */
export type DifferenceContext = {
  readonly dataset: Dataset
  readonly table: Table
  readonly ledger: readonly LedgerRow[]
  readonly stored: Rows
  readonly answered: Rows
  /** Whether the exchange's rows were put in the place of what they contradict. */
  readonly repaired: boolean
}

export type ExchangeFinding = Found & { readonly repaired: boolean }

/** A difference as a finding; where only a value is lacking, a note. */
export function differenceFinding(context: DifferenceContext, difference: Difference): ExchangeFinding {
  const { answered, ledger, repaired, stored, table } = context
  switch (difference.kind) {
    case 'lacking': {
      const row = difference.answered
      const expected = nameText(context, answered, row) + valuesText(table, answered, row)
      const span = spanOf(table, answered, row)
      return { check: 'exchange', severity: 'error', span, stored: null, expected, repaired }
    }
    case 'extra': {
      const row = difference.stored
      const span = spanOf(table, stored, row)
      const values = nameText(context, stored, row) + valuesText(table, stored, row)
      const words = { stored: values + sourceText(ledger, span.startMs), expected: null }
      return { check: 'exchange', severity: 'error', span, ...words, repaired: false }
    }
    case 'differs': {
      const row = difference.stored
      const span = spanOf(table, stored, row)
      const values = nameText(context, stored, row) + cellsText(table, stored, row, difference.columns)
      const theirs = cellsText(table, answered, difference.answered, difference.columns)
      const words = { stored: values + sourceText(ledger, span.startMs), expected: `${theirs} (REST)` }
      const severity = difference.onlyLess ? 'note' : 'error'
      return { check: 'exchange', severity, span, ...words, repaired }
    }
  }
}

/** The key of a row where its time does not name it. */
function nameText({ dataset, table }: DifferenceContext, rows: Rows, row: number): string {
  return dataset.order === 'calendar' ? '' : `${keyText(table, rows, row)}: `
}

/** Where a stored row came from, as far as the ledger knows: archives and REST differ on a few old days. */
function sourceText(ledger: readonly LedgerRow[], timeMs: number): string {
  const row = ledger.find((one) => one.verdict === 'rows' && one.startMs <= timeMs && timeMs < one.endMs)
  if (row?.source === 'archive') return ' (from an archive)'
  return row?.source === 'rest' ? ' (from REST)' : ''
}

// The contract of core/store.ts, as cases that every store must pass. A store that is listed in
// src/stores/all.ts is run through all of them; nothing here knows one kind of database from another.
import { describe } from 'bun:test'
import type { TestDatabase } from '../rig/test-database.ts'
import { archiveCases } from './archive-cases.ts'
import { concurrencyCases } from './concurrency-cases.ts'
import { decimalCases, identityCases } from './exactness-cases.ts'
import { keyCases } from './key-cases.ts'
import { leaseCases } from './lease-cases.ts'
import { ledgerCases } from './ledger-cases.ts'
import { migrationCases } from './migration-cases.ts'
import { modelCases } from './model-cases.ts'
import { absenceCases, batchCases, readOnlyCases, schemaCases } from './opening-cases.ts'
import { processCases, timeZoneCases } from './process-cases.ts'
import { foreignValueCases, knownSeriesCases, spanCases } from './reading-cases.ts'
import { replacedCases } from './replaced-cases.ts'
import { type Subject, shareStore } from './subject.ts'
import { atomicityCases, precedenceCases, repetitionCases } from './writing-cases.ts'

const groups: Readonly<Record<string, (subject: Subject) => void>> = {
  'exact values': decimalCases,
  'names and times': identityCases,
  'rows written again': repetitionCases,
  'who replaces whom': precedenceCases,
  'all or nothing': atomicityCases,
  'the ledger': ledgerCases,
  leases: leaseCases,
  'archives that were taken': archiveCases,
  'rows that were replaced': replacedCases,
  'rows in spans': spanCases,
  'along the key': keyCases,
  'values that somebody wrote': foreignValueCases,
  'known series': knownSeriesCases,
  'opened to read': readOnlyCases,
  'the schema': schemaCases,
  'a schema of before': migrationCases,
  'the batch size': batchCases,
  'closed or gone': absenceCases,
  'many at once': concurrencyCases,
  'other processes': processCases,
  'other time zones': timeZoneCases,
  'the model': modelCases,
}

/** Registers every case of the contract for one database, under `name`. */
export function storeContract(name: string, database: TestDatabase): void {
  describe(name, () => {
    const subject = shareStore(database)
    for (const [group, register] of Object.entries(groups)) describe(group, () => register(subject))
  })
}

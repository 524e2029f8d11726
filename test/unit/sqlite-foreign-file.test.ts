// Reading a file that another account may write at any moment: what was read while it changed is told to
// nobody, what is there afterwards is read, and damage is believed only of a file that nobody touches.
import { Database } from 'bun:sqlite'
import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isBusy } from '../../src/stores/sqlite/errors.ts'
import { isChanging, openForeign } from '../../src/stores/sqlite/foreign-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'petrosa-foreign-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
/** Longer than a file counts as just written, and than an error of one that was is doubted. */
const [QUIET_MS, SETTLED_MS] = [150, 1_100]

let path = ''
let files = 0
beforeEach(() => {
  files += 1
  path = join(folder, `${files}.db`)
})

/** Another program's connection; without a log beside the file once it is closed. */
function writer(): Database {
  const database = new Database(path, { create: true, readwrite: true })
  database.run('PRAGMA journal_mode = WAL')
  database.run('CREATE TABLE IF NOT EXISTS t (n INTEGER)')
  return database
}

function add(n: number): void {
  const database = writer()
  database.run('INSERT INTO t VALUES (?)', [n])
  database.close()
}

const opens: boolean[] = []
const open = (hasLocks: boolean): Database => {
  opens.push(hasLocks)
  return hasLocks
    ? new Database(path, { readonly: true })
    : // Flags of SQLite: read only, and the path is an address.
      new Database(`file:${path}?immutable=1`, 0x1 | 0x40)
}
const numbers = (database: Database): unknown[] => database.query('SELECT n FROM t').values().flat()

function thrownBy(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

async function quiet(): Promise<ReturnType<typeof openForeign>> {
  add(1)
  await Bun.sleep(QUIET_MS)
  opens.length = 0
  return openForeign(path, open)
}

describe('a file that others may write', () => {
  test('that nobody writes is read without locks, and opened once', async () => {
    const file = await quiet()
    expect([file.look(numbers), file.look(numbers)]).toEqual([[1], [1]])
    expect(opens).toEqual([false])
    file.close()
  })

  test('what was read while it was written is told to nobody; then it is read anew', async () => {
    const file = await quiet()
    const error = thrownBy(() =>
      file.look((database) => {
        add(2)
        return numbers(database)
      }),
    )
    expect([isChanging(error), isBusy(error)]).toEqual([true, true])
    await Bun.sleep(QUIET_MS)
    expect(file.look(numbers)).toEqual([1, 2])
    expect(opens).toEqual([false, false])
    file.close()
  })

  test('what failed while it was written is no damage', async () => {
    const file = await quiet()
    const error = thrownBy(() =>
      file.look(() => {
        add(2)
        throw new Error('table t is not ours')
      }),
    )
    expect(isChanging(error)).toBe(true)
    file.close()
  })

  test('that a writer has open is read with locks, and with what is only in its log', async () => {
    const file = await quiet()
    const other = writer()
    other.run('INSERT INTO t VALUES (2)')
    expect(file.look(numbers)).toEqual([1, 2])
    expect(opens).toEqual([false, true])
    // With locks a write does no harm: the next look sees it, and nothing is opened anew.
    file.look(() => other.run('INSERT INTO t VALUES (3)'))
    expect(file.look(numbers)).toEqual([1, 2, 3])
    expect(opens).toEqual([false, true])
    other.close()
    file.close()
  })

  test('that was written this moment is waited for: the next write might look the same', () => {
    add(1)
    expect(isChanging(thrownBy(() => openForeign(path, open)))).toBe(true)
  })

  test('that is damaged, or none of ours, is so once it is left alone', async () => {
    writeFileSync(path, 'all my notes\n'.repeat(999))
    await Bun.sleep(QUIET_MS)
    const read = (hasLocks: boolean): Database => {
      const database = open(hasLocks)
      numbers(database)
      return database
    }
    expect(isChanging(thrownBy(() => openForeign(path, read)))).toBe(true)
    await Bun.sleep(SETTLED_MS)
    expect(thrownBy(() => openForeign(path, read))).toMatchObject({ code: 'SQLITE_NOTADB' })
  })
})

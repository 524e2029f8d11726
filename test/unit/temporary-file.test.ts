// Temporary files on a real disk: nothing of them is ever seen in the folder, and where none can be made, the
// message says what to set.
import { expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DiskFullError, UserError } from '../../src/errors.ts'
import { openTemporaryIn, temporaryFailure } from '../../src/world.ts'

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'petrosa-test-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('gives back what was written, in any order, and leaves no name behind', async () => {
  await inFolder(async (folder) => {
    const file = await openTemporaryIn(folder)
    expect(readdirSync(folder)).toEqual([])
    await file.write(Buffer.from('world'), 6)
    await file.write(Buffer.from('hello '), 0)
    expect(Buffer.from(await file.read(0, 11)).toString()).toBe('hello world')
    expect(Buffer.from(await file.read(4, 3)).toString()).toBe('o w')
    await expect(file.read(8, 4)).rejects.toThrow('ends before byte 12')
    await file.close()
    await file.close()
    expect(readdirSync(folder)).toEqual([])
  })
})

test('is refused by name where the folder is not there or may not be written to', async () => {
  await inFolder(async (folder) => {
    const missing = join(folder, 'missing')
    const error = await openTemporaryIn(missing).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(UserError)
    expect(error).toMatchObject({
      message: `no temporary file can be kept in ${missing} (ENOENT)`,
      advice: expect.stringContaining('TMPDIR'),
    })
  })
})

test("a disk that is full is nobody's mistake: the same command may work later", () => {
  for (const code of ['ENOSPC', 'EDQUOT']) {
    const error = temporaryFailure('/tmp', Object.assign(new Error('no space'), { code }))
    expect(error).toBeInstanceOf(DiskFullError)
    expect(error).toMatchObject({ exitCode: 75, advice: expect.stringContaining('make room') })
  }
  const denied = temporaryFailure('/tmp', Object.assign(new Error('denied'), { code: 'EACCES' }))
  expect(denied).toMatchObject({ exitCode: 2 })
})

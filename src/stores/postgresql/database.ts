// Makes a missing database, where the user may.
import { UserError } from '../../errors.ts'
import { type Address, placeText } from './address.ts'
import { codeOf, quoted } from './errors.ts'
import { openSession } from './session.ts'

/** The databases to sign in to when one's own is missing; a server has at least one of them. */
const maintenanceDatabases = ['postgres', 'template1'] as const

/**
 * Makes the database of `address`; false where another process was faster. Throws UserError where the user
 * may not, and what the server says.
 */
export async function createDatabase(address: Address): Promise<boolean> {
  let last: unknown = null
  for (const database of maintenanceDatabases) {
    try {
      const session = await openSession({ ...address, database })
      try {
        // template0, since nobody can be signed in to it; text must hold every symbol there is, so UTF8.
        await session.run(`CREATE DATABASE ${quoted(address.database)} TEMPLATE template0 ENCODING 'UTF8'`)
      } finally {
        await session.end()
      }
      return true
    } catch (error) {
      // Another process was faster: 42P04, or 23505 on the catalogue.
      if (codeOf(error) === '42P04' || codeOf(error) === '23505') return false
      last = error
      if (codeOf(error) !== '3D000') break
    }
  }
  if (codeOf(last) !== '42501' && codeOf(last) !== '3D000') throw last
  throw new UserError(
    `the ${placeText(address)} does not exist, and this user may not make it`,
    `let an administrator run: CREATE DATABASE ${quoted(address.database)} ENCODING 'UTF8' ` +
      `OWNER ${quoted(address.user ?? 'petrosa')}`,
    { cause: last },
  )
}

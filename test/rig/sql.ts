// What the test databases of the two SQL servers have in common. Their drivers come with the stores, so they
// are loaded by name when a database is made, and only the little that is used of them is typed here.

/** One connection past the store: runs a statement and gives its rows. */
export type SqlConnection = {
  query(text: string): Promise<readonly Record<string, unknown>[]>
  close(): Promise<void>
}

/** A package that may not be there yet. Throws what the import throws. */
export async function loadDriver<T>(name: string): Promise<T> {
  return (await import(name)) as T
}

/** `uri` with another database in its path. */
export function withDatabase(uri: string, name: string): string {
  const changed = new URL(uri)
  changed.pathname = `/${name}`
  return changed.href
}

/** `text` as an SQL string without escapes; symbols of tests hold no backslash. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Connects, runs `work` and disconnects, whatever comes of it. */
export async function onConnection<T>(
  connecting: Promise<SqlConnection>,
  work: (connection: SqlConnection) => Promise<T>,
): Promise<T> {
  const connection = await connecting
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}

// Reads an answer's body up to a limit, whatever the answer claims of its length, and never leaves one
// unread: an unread body holds its connection.

/**
 * The bytes of a body. Rejects with `tooLarge()` when it has more than `mostBytes`, or with what the network
 * throws.
 */
export async function readBody(
  response: Response,
  mostBytes: number,
  tooLarge: () => Error,
): Promise<Uint8Array> {
  const announced = Number(response.headers.get('content-length') ?? Number.NaN)
  const plain = response.headers.get('content-encoding') === null
  if (plain && announced <= mostBytes) {
    const bytes = new Uint8Array(await response.arrayBuffer())
    if (bytes.length < announced)
      throw new Error(`the answer was cut: ${bytes.length} of ${announced} bytes came`)
    return bytes
  }
  if (announced > mostBytes) {
    await response.body?.cancel()
    throw tooLarge()
  }
  const chunks: Uint8Array[] = []
  let length = 0
  if (response.body) {
    for await (const chunk of response.body) {
      length += chunk.length
      if (length > mostBytes) throw tooLarge()
      chunks.push(chunk)
    }
  }
  return Buffer.concat(chunks, length)
}

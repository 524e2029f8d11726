// Reads protobuf messages by hand, as far as OTLP needs it: fields by number, in order, with no word on what
// they mean. Independent of the packages that wrote them.

/** A field as it stands on the wire: a number (varint, fixed) or bytes. */
export type Field = { readonly number: number; readonly value: bigint | Uint8Array }

const [VARINT, FIXED_64, BYTES, FIXED_32] = [0, 1, 2, 5] as const

/** The fields of a message. Throws for what is no protobuf. */
export function fieldsOf(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fields: Field[] = []
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
      if (shift > 63n) throw new Error('a number without an end')
    }
  }
  const fixed = (length: 4 | 8): bigint => {
    const value = length === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true))
    at += length
    return value
  }
  while (at < bytes.length) {
    const key = Number(varint())
    const number = key >> 3
    switch (key & 7) {
      case VARINT:
        fields.push({ number, value: varint() })
        break
      case FIXED_64:
        fields.push({ number, value: fixed(8) })
        break
      case FIXED_32:
        fields.push({ number, value: fixed(4) })
        break
      case BYTES: {
        const length = Number(varint())
        if (at + length > bytes.length) throw new Error('a field longer than its message')
        fields.push({ number, value: bytes.subarray(at, at + length) })
        at += length
        break
      }
      default:
        throw new Error(`wire type ${key & 7}`)
    }
  }
  return fields
}

/** The bytes of every field with this number. */
export function messages(fields: readonly Field[], number: number): Uint8Array[] {
  return fields.flatMap((field) =>
    field.number === number && field.value instanceof Uint8Array ? [field.value] : [],
  )
}

/** A field as a number; 0 where it is not there, as protobuf has it. */
export function numberOf(fields: readonly Field[], number: number): bigint {
  const found = fields.find((field) => field.number === number)?.value
  return typeof found === 'bigint' ? found : 0n
}

/** A field as text. */
export function textOf(fields: readonly Field[], number: number): string {
  return new TextDecoder().decode(messages(fields, number)[0] ?? new Uint8Array())
}

/** A field of bytes, in hexadecimal. */
export function hexOf(fields: readonly Field[], number: number): string {
  return Buffer.from(messages(fields, number)[0] ?? new Uint8Array()).toString('hex')
}

/** A fixed64 field as the double that it is. */
export function doubleOf(fields: readonly Field[], number: number): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, numberOf(fields, number))
  return view.getFloat64(0)
}

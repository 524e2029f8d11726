// The one piece of the driver that is not part of its public interface: see insert-bytes.ts.
declare module 'mongodb/lib/cmap/commands.js' {
  /** Documents of a command that go over the wire as they are, behind it. */
  export class DocumentSequence {
    constructor(field: string)
    push(document: object, bytes: Uint8Array): number
  }
}

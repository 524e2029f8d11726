// Gives memory back at once. The collector would come to it in its own time, and lets several times as much
// pile up where pages follow each other fast (measured).

/** Whether a view is all of its memory: a view of a part may share it with who knows what. */
export function isWhole({ buffer, byteLength }: ArrayBufferView): boolean {
  return byteLength === buffer.byteLength
}

/** Empties views, and all that stands in the same memory: nobody may look at them any more. */
export function freeMemory(views: readonly ArrayBufferView[]): void {
  // One that is empty may stand in memory of others, or of one that was emptied before it.
  for (const { buffer, byteLength } of views)
    if (byteLength > 0 && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

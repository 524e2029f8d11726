// Gives memory back at once. The collector would come to it in its own time, and lets several times as much
// pile up where pages follow each other fast (measured).

/** Empties views, and all that stands in the same memory: nobody may look at them any more. */
export function freeMemory(views: readonly ArrayBufferView[]): void {
  // One that is empty may stand in memory of others, or of one that was emptied before it.
  for (const { buffer, byteLength } of views)
    if (byteLength > 0 && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

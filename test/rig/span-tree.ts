// The spans of a trace as a tree, and how much of the time of one of them those below it account for.
import type { SentSpan } from './otlp-messages.ts'

/** The spans right below another one, in order of time. */
export function childrenOf(spans: readonly SentSpan[], parent: SentSpan): SentSpan[] {
  return spans.filter(({ parentId }) => parentId === parent.id).sort((a, b) => a.startMs - b.startMs)
}

/** All spans below another one. */
export function below(spans: readonly SentSpan[], parent: SentSpan): SentSpan[] {
  return childrenOf(spans, parent).flatMap((child) => [child, ...below(spans, child)])
}

/** The part (0 to 1) of the time of `whole` during which at least one of `parts` ran. */
export function share(whole: SentSpan, parts: readonly SentSpan[]): number {
  let atMs = whole.startMs
  let coveredMs = 0
  for (const { startMs, endMs } of [...parts].sort((a, b) => a.startMs - b.startMs)) {
    const [fromMs, untilMs] = [Math.max(atMs, startMs), Math.min(endMs, whole.endMs)]
    if (untilMs <= fromMs) continue
    coveredMs += untilMs - fromMs
    atMs = untilMs
  }
  return coveredMs / (whole.endMs - whole.startMs)
}

/** The tree for people: a line a span, with its time in ms, beginning with how long after the first. */
export function treeText(
  spans: readonly SentSpan[],
  root: SentSpan,
  fromMs = root.startMs,
  depth = 0,
): string {
  const after = (root.startMs - fromMs).toFixed(1).padStart(9)
  const took = (root.endMs - root.startMs).toFixed(1).padStart(9)
  const about = ['petrosa.series', 'url.path', 'petrosa.rows']
    .map((name) => root.attributes[name])
    .filter((value) => value !== undefined)
  const line = `${after} ${took}  ${'  '.repeat(depth)}${root.name} ${about.join(' ')}`.trimEnd()
  const lines = childrenOf(spans, root).map((child) => treeText(spans, child, fromMs, depth + 1))
  return [line, ...lines].join('\n')
}

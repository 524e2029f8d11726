// A plain page with what /api/status tells, for people: no script, no style, nothing that is loaded.
import type { Json } from './served.ts'

export type Page = {
  readonly html: string
  /** Its Content-Security-Policy. */
  readonly policy: string
}

/** The page of a status (answers.ts) and the gaps. */
export function statusPage(status: Json, gaps: readonly Json[]): Page {
  const { series, jobs, ...facts } = status
  const body = [
    '<h1>petrosa</h1>',
    table(
      'now',
      Object.entries(facts).map(([name, value]) => ({ name, value })),
    ),
    table('jobs', rowsOf(jobs)),
    table('series', rowsOf(series)),
    table('gaps', gaps),
  ].join('\n')
  const html =
    '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>petrosa</title>' +
    '<meta name="viewport" content="width=device-width, initial-scale=1"></head>\n' +
    `<body>\n${body}\n</body>\n</html>\n`
  return { html, policy: "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'" }
}

const rowsOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : [])

function table(caption: string, rows: readonly Json[]): string {
  const names = Object.keys(rows[0] ?? {})
  const cells = (tag: string, values: readonly unknown[]): string =>
    values.map((value) => `<${tag}>${escaped(textOf(value))}</${tag}>`).join('')
  return [
    `<table><caption>${caption}: ${rows.length}</caption>`,
    `<thead><tr>${cells('th', names)}</tr></thead>`,
    '<tbody>',
    ...rows.map(
      (row) =>
        `<tr>${cells(
          'td',
          names.map((name) => row[name]),
        )}</tr>`,
    ),
    '</tbody></table>',
  ].join('\n')
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => entities[sign] ?? sign)

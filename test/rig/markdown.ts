// Reads a manual in Markdown as far as its test needs it: fenced blocks, shell commands, links, headings.

export type ShellCommand = {
  readonly text: string
  readonly words: readonly string[]
  /** Variables that are set for this command alone. */
  readonly env: Readonly<Record<string, string>>
}

/** The contents of the fenced blocks of a language, in order. */
export function codeBlocks(markdown: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms')
  return [...markdown.matchAll(fence)].map(([, block = '']) => block)
}

/** Every command of the blocks of shell, continued lines joined, comments left out. */
export function shellCommands(markdown: string): ShellCommand[] {
  return codeBlocks(markdown, 'sh')
    .flatMap((block) => block.replace(/\\\n\s*/g, '').split('\n'))
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map(shellCommand)
}

/** Splits as a shell does, without expansion: quotes of both kinds, nothing else that a manual needs. */
function shellCommand(text: string): ShellCommand {
  const all = [...text.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replace(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
  )
  const first = all.findIndex((word) => !/^[A-Z_]+=/.test(word))
  const env = Object.fromEntries(
    all.slice(0, Math.max(0, first)).map((word) => {
      const at = word.indexOf('=')
      return [word.slice(0, at), word.slice(at + 1)]
    }),
  )
  return { text, words: all.slice(Math.max(0, first)), env }
}

/** Where links lead, in order. */
export function links(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
}

/** The anchors of the headings. */
export function headings(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  )
}

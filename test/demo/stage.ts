// How the demo speaks: numbered steps, sentences indented below them, commands with a dollar sign. Bold only
// where somebody looks at a terminal.
const COLUMNS = 80

const bold = (text: string): string =>
  process.stdout.isTTY && !process.env.NO_COLOR ? `\u001B[1m${text}\u001B[0m` : text

let steps = 0

/** A line on standard output; resolves when it has left, so that it stands before what a child prints. */
export function say(line: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()))
}

/** The head of the next step. */
export function step(title: string): Promise<void> {
  steps += 1
  return say(`\n${bold(`${steps}. ${title}`)}`)
}

/** A sentence of explanation. */
export function tell(sentence: string): Promise<void> {
  return say(`   ${sentence}`)
}

/** A command line as one would type it, broken before a flag where it is too long for the terminal. */
export function shown(command: string): Promise<void> {
  let line = '   $'
  const lines: string[] = []
  for (const part of command.split(/ (?=--)/)) {
    if (`${line} ${part}`.length > COLUMNS - 2) {
      lines.push(`${line} \\`)
      line = `      ${part}`
    } else line = `${line} ${part}`
  }
  return say(bold([...lines, line].join('\n')))
}

// Reads a Dockerfile and a .dockerignore as far as ours go. What it does not know it refuses, so that a step
// that nobody replays cannot slip in.

export type Instruction = {
  readonly word: string
  /** What follows the word and its flags, continuation lines joined. */
  readonly rest: string
  /** `--from=builder` reads as from: builder. */
  readonly flags: Readonly<Record<string, string>>
}

export type Stage = {
  readonly name: string
  readonly image: string
  readonly instructions: readonly Instruction[]
}

const known = [
  ...['ARG', 'CMD', 'COPY', 'ENTRYPOINT', 'ENV', 'EXPOSE', 'LABEL'],
  ...['RUN', 'USER', 'VOLUME', 'WORKDIR'],
]

function readInstruction(line: string): Instruction {
  const [word = '', ...parts] = line.split(/\s+/)
  const flags: Record<string, string> = {}
  while (parts[0]?.startsWith('--')) {
    const [name = '', value = ''] = parts.shift()?.slice(2).split('=') ?? []
    flags[name] = value
  }
  return { word: word.toUpperCase(), rest: parts.join(' '), flags }
}

/** The stages of a Dockerfile, in order. Throws at an instruction that nothing here replays. */
export function readDockerfile(text: string): readonly Stage[] {
  const lines = text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const stages: (Stage & { instructions: Instruction[] })[] = []
  for (const line of lines) {
    const instruction = readInstruction(line)
    if (instruction.word === 'FROM') {
      const [image = '', , name = ''] = instruction.rest.split(' ')
      stages.push({ name, image, instructions: [] })
    } else if (known.includes(instruction.word)) {
      stages.at(-1)?.instructions.push(instruction)
    } else {
      throw new Error(`the Dockerfile uses ${instruction.word}, which test/rig/container.ts cannot replay`)
    }
  }
  return stages
}

/** The last instruction of a kind in a stage: the one that holds in the finished image. */
export function lastOf(stage: Stage, word: string): string | null {
  return stage.instructions.findLast((instruction) => instruction.word === word)?.rest ?? null
}

/**
 * The words of an instruction in its JSON form. Throws for the shell form, which needs a shell in the image.
 */
export function jsonWords(text: string | null): readonly string[] {
  return text === null ? [] : (JSON.parse(text) as readonly string[])
}

/**
 * Whether a path of the project reaches the build: the last pattern that matches it or a folder above it
 * wins.
 */
export function reachesBuild(dockerignore: string, path: string): boolean {
  const patterns = dockerignore.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const parts = path.split('/')
  const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
  let reaches = true
  for (const pattern of patterns) {
    const glob = new Bun.Glob(pattern.replace(/^!/, ''))
    if (prefixes.some((prefix) => glob.match(prefix))) reaches = pattern.startsWith('!')
  }
  return reaches
}

// What `petrosa run` hands to whatever it runs, made without the program around it.
import { commands } from '../../src/cli/all.ts'
import type { CommandContext } from '../../src/cli/command.ts'
import { parseFlags } from '../../src/cli/flags.ts'
import type { Tell } from '../../src/core/events.ts'
import { untraced } from '../../src/core/trace.ts'
import { resolveSettings } from '../../src/settings/resolve.ts'
import type { World } from '../../src/world.ts'

/** The context of `petrosa run WORDS` in a world. */
export async function runContext(
  world: World,
  words: readonly string[],
  tell: Tell,
): Promise<CommandContext> {
  const command = commands.find(({ name }) => name === 'run')
  if (!command) throw new Error('no command run')
  const flags = await parseFlags(command, words)
  const resolveAgain: CommandContext['resolveAgain'] = () => resolveSettings(world, flags, command.settings)
  return {
    ...(await resolveAgain()),
    ...{
      world,
      command: 'run',
      startedAtMs: world.nowMs(),
      startedMs: world.monotonicMs(),
      tell,
      resolveAgain,
    },
    listen: () => undefined,
    setLogLevel: () => undefined,
    trace: untraced,
  }
}

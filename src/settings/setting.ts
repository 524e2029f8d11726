// What is known of a setting: the shape of a row of the table.
import type { Reader } from './values.ts'

export type Setting<T> = {
  /** The flag without its dashes; null for what is set by variable or --config only. */
  readonly flag: string | null
  readonly aliases?: readonly string[]
  readonly variable: string | null
  readonly read: Reader<T>
  /** The default as a user would write it; null where there is none. */
  readonly fallback: string | null
  /** What stands in the help instead of the default, where the default is no fixed text. */
  readonly fallbackHelp?: string
  /** How the help names the value; null for a switch. */
  readonly value: string | null
  readonly help: string
  /** Never shown, not even in a refusal. */
  readonly secret?: true
}

/** Says what a setting is; gives it back with its type. */
export function setting<T>(definition: Setting<T>): Setting<T> {
  return definition
}

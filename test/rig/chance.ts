// What happens and what does not in simulated lives: all of it follows from one number.
import { seededRandom } from './seed.ts'

export type Chance = {
  /** Whether something of this probability (0 to 1) happens. */
  happens(probability: number): boolean
  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number
  one<T>(choices: readonly [T, ...T[]]): T
}

/** Chance that depends on the seed alone. */
export function chanceOf(seed: number): Chance {
  const random = seededRandom(seed)
  const whole = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  return {
    happens: (probability) => random() < probability,
    whole,
    one: (choices) => choices[whole(0, choices.length - 1)] ?? choices[0],
  }
}

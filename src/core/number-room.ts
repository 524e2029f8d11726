// Arrays of numbers that have their room from the start.

/**
 * Room for `length` whole numbers, all to be replaced. Filled with a fraction, so that it holds doubles: an
 * array that grows, or changes what it holds, takes longer than reading the numbers (measured).
 */
export const numberRoom = (length: number): number[] => new Array<number>(length).fill(0.5)

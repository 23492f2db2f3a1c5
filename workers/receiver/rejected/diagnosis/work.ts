/**
 * Work that is counted before it is done: the clock of a Worker stands still while code runs, so no time can bound
 * it. A unit is about a microsecond of a machine of today.
 */
export class Work {
  #left: number;
  /** Something was left undone for want of it. */
  exhausted = false;

  constructor(units: number) {
    this.#left = units;
  }

  get left(): number {
    return this.#left;
  }

  /** Whether there is enough left for this, which is then spent. */
  affords(units: number): boolean {
    if (units > this.#left) {
      this.exhausted = true;
      return false;
    }
    this.#left -= units;
    return true;
  }
}

/** For a byte that the engine itself reads, writes or compares, and for one that a loop of ours does. */
export const BYTE_WORK = 0.0007;
export const SCAN_WORK = 0.003;
/** For a place where the engine itself writes one text for another. */
export const REPLACE_WORK = 0.06;
/** For a character that a function of its own writes otherwise. */
export const ESCAPE_WORK = 0.14;

/** How many characters of a text are so, by their codes. */
export function countOf(text: string, is: (code: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (is(text.charCodeAt(i))) count++;
  return count;
}

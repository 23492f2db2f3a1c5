/**
 * Budget of work, which is counted before it is done: the clock of a Worker stands still while code runs, so no time can
 * bound it. A unit is about a microsecond on a machine of today.
 */
export class Work {
  #left: number;
  /** True once something was left undone for want of units. */
  exhausted = false;

  constructor(units: number) {
    this.#left = units;
  }

  get left(): number {
    return this.#left;
  }

  /** Returns whether so many units are left, and spends none. */
  has(units: number): boolean {
    const enough = units <= this.#left;
    if (!enough) this.exhausted = true;
    return enough;
  }

  /** Spends the units and returns true, if so many are left. */
  affords(units: number): boolean {
    if (!this.has(units)) return false;
    this.#left -= units;
    return true;
  }
}

/** Units for a byte that the engine itself reads, writes or compares, and for a byte in a loop of ours. */
export const BYTE_WORK = 0.0007;
export const SCAN_WORK = 0.003;
/** Units for a place where the engine itself replaces one text by another. */
export const REPLACE_WORK = 0.06;
/** Units for a character that a function of ours replaces. */
export const ESCAPE_WORK = 0.14;

/** Returns how many characters of a text satisfy `is`, by their codes. */
export function countOf(text: string, is: (code: number) => boolean): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) if (is(text.charCodeAt(i))) count++;
  return count;
}

/**
 * A sieve of the texts of many events: it tells, without any of them, that none holds a text that is searched for. Most
 * segments of a log are left out of a search so, and never read. Pure.
 *
 * The sieve has a bit for each run of four ASCII characters, by a hash. A text that holds another has all of its runs.
 * So a search misses nothing; now and then it reads a segment in vain.
 */

/** Characters of a run. Shorter texts cannot be sieved. */
const RUN = 4;

/** The first byte of a sieve, which changes with the hash or the folding below. Others tell nothing. */
const SIEVE_VERSION = 1;

/** Bits of a hash, and of the largest sieve: for the ids and signatures of a full segment. */
const HASH_BITS = 18;
const LARGEST_BYTES = 2 ** HASH_BITS / 8;
/** A sieve of few texts is halved to this size, or until more than this part of its bits are set. */
const SMALLEST_BYTES = 64;
const SPARSE = 0.4;

/** Stands for every character that is not ASCII, and ends a run. */
const NO_CHARACTER = 255;

/** Returns a character as all match it that a search without regard to case takes for it. */
function folded(code: number): number {
  if (code < 128) return code >= 65 && code <= 90 ? code + 32 : code;
  // The long s and the Kelvin sign are the only others that match an ASCII letter.
  if (code === 0x17f) return 115;
  return code === 0x212a ? 107 : NO_CHARACTER;
}

/** Calls `each` with the hash of every run of a text. */
function hashRuns(text: string, each: (hash: number) => void): void {
  let [run, length] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = folded(text.charCodeAt(at));
    length = code === NO_CHARACTER ? 0 : length + 1;
    run = (run << 8) | code;
    if (length >= RUN) each(Math.imul(run, 0x9e3779b1) >>> (32 - HASH_BITS));
  }
}

/** Makes the sieve of all texts that are added. */
export class SieveBuilder {
  readonly #bits = new Uint8Array(LARGEST_BYTES);
  #ones = 0;

  add(text: string): void {
    const bits = this.#bits;
    hashRuns(text, (hash) => {
      const [at, bit] = [hash >>> 3, 1 << (hash & 7)];
      const byte = bits[at] ?? 0;
      if ((byte & bit) !== 0) return;
      bits[at] = byte | bit;
      this.#ones++;
    });
  }

  sieve(): Uint8Array<ArrayBuffer> {
    let size = LARGEST_BYTES;
    while (size > SMALLEST_BYTES && this.#ones <= SPARSE * 8 * size) size /= 2;
    const sieve = new Uint8Array(1 + size);
    sieve[0] = SIEVE_VERSION;
    for (let at = 0; at < LARGEST_BYTES; at++) {
      const place = 1 + (at & (size - 1));
      sieve[place] = (sieve[place] ?? 0) | (this.#bits[at] ?? 0);
    }
    return sieve;
  }
}

/** Returns the hashes by which a sieve tells that no text holds `q`; none where it cannot tell. */
export function hashesOf(q: string): number[] {
  const hashes = new Set<number>();
  hashRuns(q, (hash) => hashes.add(hash));
  return [...hashes];
}

/** Returns false where none of a sieve's texts can hold the text with these hashes. */
export function mayHold(sieve: Uint8Array, hashes: readonly number[]): boolean {
  const size = sieve.byteLength - 1;
  if (sieve[0] !== SIEVE_VERSION || size <= 0 || (size & (size - 1)) !== 0) return true;
  return hashes.every((hash) => {
    const bit = hash & (8 * size - 1);
    return ((sieve[1 + (bit >>> 3)] ?? 0) >> (bit & 7)) & 1;
  });
}

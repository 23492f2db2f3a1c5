import { BoundedMap } from "../../../shared/bounded-map.ts";
import type { Repeated } from "../event/record.ts";

/**
 * Counts of repetitions: these are not logged, but they must not vanish. The counts stand in memory, and are saved as one
 * row now and then. No storage.
 */

/** Events that are remembered; the one whose last repetition is oldest goes first. So the row stays below 128 KiB. */
export const MAX_REPEATED = 2000;

/** Repetitions as they are saved: of each event its seq, how many came, and when the last one did, in unix milliseconds. */
export type SavedRepetitions = {
  list: readonly (readonly [seq: number, times: number, at: number])[];
  savedAt: number;
};

/** Repetitions by the seq of the event that they repeat. */
export class Repetitions {
  readonly #bySeq = new BoundedMap<number, Repeated>(MAX_REPEATED);
  /** Time of the last save, in unix milliseconds. */
  savedAt = 0;

  /** Counts one more repetition of an event. */
  add(seq: number, now: number): void {
    const times = (this.#bySeq.get(seq)?.times ?? 0) + 1;
    this.#bySeq.set(seq, { times, lastAt: new Date(now).toISOString() });
  }

  get bySeq(): ReadonlyMap<number, Repeated> {
    return this.#bySeq.entries;
  }

  /** Returns what to save: without events whose last repetition came before `expired`, as they are past themselves. */
  save(now: number, expired: number): SavedRepetitions {
    this.savedAt = now;
    const all = [...this.bySeq].map(([seq, { times, lastAt }]) => [seq, times, Date.parse(lastAt)] as const);
    return { list: all.filter(([, , at]) => at >= expired), savedAt: now };
  }

  /** Takes what `save` returned; null when nothing was ever saved. */
  load(saved: SavedRepetitions | null): void {
    for (const [seq, times, at] of saved?.list ?? []) {
      this.#bySeq.set(seq, { times, lastAt: new Date(at).toISOString() });
    }
    this.savedAt = saved?.savedAt ?? 0;
  }
}

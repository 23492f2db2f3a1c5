/**
 * A large fan-out wakes one endpoint at a time, this far apart: a thousand objects at once would stand before
 * every publish. While nobody publishes, nobody waits.
 */
const SPACING_MS = { publishing: 30, quiet: 4 };
/** How long after an event others are expected. */
const PUBLISHING_MS = 1000;

/** The places in the row of those that take turns. All times unix ms. */
export class Pace {
  #headSeen = 0;
  #publishedAt = 0;
  #nextTurn = 0;

  /** Takes note of where the log's head is. */
  see(head: number, now: number): void {
    if (head > this.#headSeen) this.#publishedAt = now;
    this.#headSeen = head;
  }

  /** Milliseconds until the next place in the row, which is then taken. */
  turn(now: number): number {
    const publishing = now - this.#publishedAt < PUBLISHING_MS;
    this.#nextTurn = Math.max(now, this.#nextTurn) + (publishing ? SPACING_MS.publishing : SPACING_MS.quiet);
    return this.#nextTurn - now;
  }
}

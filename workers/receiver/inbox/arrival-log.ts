import { logEvent } from "../../../shared/log-event.ts";
import type { Arrival } from "../event/arrival.ts";
import type { Accepted } from "./accept.ts";

/**
 * Lines about arrivals in the Worker's own log, which are limited, and paid for. When few arrive, the Worker writes one for
 * each; of a rush, the Inbox writes one a second for all.
 */

/** Arrivals of one second that have a line each. */
const LINES_A_SECOND = 5;
/** A summary waits no longer. Its timer keeps the object in memory, which a rush has just used anyway. */
const SUMMARY_MS = 1000;

/** Arrivals of up to a second. The seqs are those of stored events and of the events that were repeated. */
type Summary = {
  count: number;
  duplicates: number;
  firstSeq: number;
  lastSeq: number;
  sources: Record<string, number>;
};

export class ArrivalLog {
  #windowEnd = 0;
  #lines = 0;
  #summary: Summary | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** Takes the outcomes of one commit, in the order of `arrivals`; marks as reported those that need no line any more. */
  add(arrivals: readonly Arrival[], accepted: Accepted[], now: number): Accepted[] {
    // A clock that was set back must not stretch a window.
    if (now >= this.#windowEnd || now < this.#windowEnd - SUMMARY_MS) {
      this.#windowEnd = now + SUMMARY_MS;
      this.#lines = 0;
    }
    this.#lines += accepted.length;
    if (this.#lines <= LINES_A_SECOND && this.#summary === null) return accepted;
    return accepted.map((each, index) => {
      if (!each.stored) return each;
      this.#count(each, arrivals[index]?.source ?? "");
      return { ...each, reported: true };
    });
  }

  /** Writes the summary that waits, if there is one. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const summary = this.#summary;
    this.#timer = null;
    this.#summary = null;
    if (summary !== null) logEvent("events.received", summary);
  }

  #count({ seq, duplicate }: Extract<Accepted, { stored: true }>, source: string): void {
    this.#timer ??= setTimeout(() => this.flush(), SUMMARY_MS);
    this.#summary ??= { count: 0, duplicates: 0, firstSeq: seq, lastSeq: seq, sources: {} };
    const summary = this.#summary;
    summary.count += 1;
    if (duplicate) summary.duplicates += 1;
    summary.firstSeq = Math.min(summary.firstSeq, seq);
    summary.lastSeq = Math.max(summary.lastSeq, seq);
    summary.sources[source] = (summary.sources[source] ?? 0) + 1;
  }
}

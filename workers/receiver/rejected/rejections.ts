import { type HeaderList, maskedAnew } from "../event/headers.ts";
import { type RequestLine, UNKNOWN_LINE } from "../event/request-line.ts";
import type { HandshakeReason, RejectReason } from "../verify/schemes/rules.ts";
import type { Diagnosis } from "./diagnosis/diagnosis.ts";

/** The rejected requests of a log, the newest of each source: why a webhook does not arrive. Pure. */

/** Reasons that requests are rejected for before their body was read to the end. */
export const UNREAD_REASONS = ["unknown_source", "method_not_allowed", "body_too_large", "body_timeout"] as const;
export type UnreadReason = (typeof UNREAD_REASONS)[number];

/**
 * A rejected request as it is kept. `source`: null where its path names none, or its method suits none; `bytes`: the
 * body's length, null if not read to its end; `at` in unix milliseconds.
 */
export type Rejection = RequestLine & {
  at: number;
  source: string | null;
  reason: RejectReason | HandshakeReason | UnreadReason | "configuration_error";
  diagnosis: Diagnosis | null;
  headers: HeaderList;
  bytes: number | null;
};

/** Number of rejected requests of each source since the log began, kept or not; under "" those of no source. */
export type RejectionCounts = Readonly<Record<string, number>>;

/** The key of requests that belong to no source; no source has such a name. */
export const NO_SOURCE = "";

function nameOf({ source }: Rejection): string {
  return source ?? NO_SOURCE;
}

export const KEPT_PER_SOURCE = 100;
/** Sources that are kept at once must fit into one row; a row of a Durable Object holds 2 MB. */
const SAVED_BYTES = 256 * 1024;
const MAX_REJECTED_SOURCES = 50;

type SavedRejections = { kept: Rejection[]; counts: RejectionCounts; savedAt: number };

/** Rejections that are kept in memory, and saved as one row. */
export class Rejections {
  #kept: Rejection[] = [];
  readonly #counts = new Map<string, number>();
  /** Time of the last `save`, in unix milliseconds. */
  savedAt = 0;

  /** Adds one, and counts `unseen` more of its source that are not kept. */
  add(rejection: Rejection, unseen: number): void {
    const { source } = rejection;
    const name = nameOf(rejection);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1 + unseen);
    this.#kept.unshift(rejection);
    const ofSource = this.#kept.filter((each) => each.source === source);
    const surplus = ofSource[KEPT_PER_SOURCE];
    if (surplus !== undefined) this.#kept.splice(this.#kept.indexOf(surplus), 1);
    if (this.#counts.size > MAX_REJECTED_SOURCES) this.#forget();
  }

  /** Returns those of one source, or of all (null), the newest first. */
  list(source: string | null): Rejection[] {
    return this.#kept.filter((each) => source === null || each.source === source);
  }

  counts(): RejectionCounts {
    return Object.fromEntries(this.#counts);
  }

  /** Returns one row's worth: the newest of each source in turn, as far as they fit, so that no flood hides the others. */
  save(now: number): string {
    this.savedAt = now;
    const bySource = Map.groupBy(this.#kept, ({ source }) => source);
    const inTurn = Array.from({ length: KEPT_PER_SOURCE }, (_, index) => index).flatMap((index) =>
      [...bySource.values()].flatMap((list) => list[index] ?? []),
    );
    const kept = new Set<Rejection>();
    let bytes = 0;
    for (const rejection of inTurn) {
      bytes += JSON.stringify(rejection).length;
      if (bytes > SAVED_BYTES) break;
      kept.add(rejection);
    }
    const inOrder = this.#kept.filter((rejection) => kept.has(rejection));
    return JSON.stringify({ kept: inOrder, counts: this.counts(), savedAt: now } satisfies SavedRejections);
  }

  /** Takes what `save` returned; null when nothing was ever saved. */
  load(text: string | null): void {
    if (text === null) return;
    const { kept, counts, savedAt } = JSON.parse(text) as SavedRejections;
    // Before their first lines were kept, too, they lacked these.
    this.#kept = kept.map((rejection) => maskedAnew({ ...UNKNOWN_LINE, ...rejection }));
    this.savedAt = savedAt;
    for (const [source, count] of Object.entries(counts)) this.#counts.set(source, count);
  }

  /** Forgets the source that was silent for the longest. */
  #forget(): void {
    const silent = [...this.#counts.keys()].find((name) => !this.#kept.some((each) => nameOf(each) === name));
    const [last] = this.#kept.slice(-1);
    const oldest = silent ?? (last === undefined ? undefined : nameOf(last));
    if (oldest === undefined) return;
    this.#counts.delete(oldest);
    this.#kept = this.#kept.filter((rejection) => nameOf(rejection) !== oldest);
  }
}

import { BoundedMap } from "../../../shared/bounded-map.ts";
import { HOUR_MS } from "../../../shared/time.ts";
import { maskedAnew } from "../event/headers.ts";
import { UNKNOWN_LINE } from "../event/request-line.ts";
import { ORIGINAL_MS, type OriginalRequest, sizeOfOriginal } from "./original.ts";
import type { Rejection } from "./rejection.ts";
import { isProven, surplusOf } from "./surplus.ts";

/** The rejected requests of a log, the newest of each source: why a webhook does not arrive. Pure. */

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
/** Characters of all requests that can be taken in, which stand in the same row. */
export const MAX_ORIGINALS = 768 * 1024;

/** Hours of a day. */
const DAY_HOURS = 24;

function hourSince1970(at: number): number {
  return Math.floor(at / HOUR_MS);
}

/** The event that a rejected request became. */
export type TakenAs = { log: string; seq: number };

/** A name for a rejection (null before rejections had names), and the event it became once it was taken in. */
type Fate = { id: string | null; taken: TakenAs | null };

/** `takeableUntil`: the request itself is kept until then (unix milliseconds), null when it is not. */
export type ListedRejection = Rejection & Fate & { takeableUntil: number | null };

/** A rejected request to take in; `original` is null when it is not kept, or no longer. */
export type KeptRejection = Rejection & Fate & { original: OriginalRequest | null };

type SavedRejections = {
  kept: (Rejection & Fate)[];
  counts: RejectionCounts;
  originals?: Record<string, OriginalRequest>;
  hours?: Record<string, number>;
  savedAt: number;
};

/** Rejections that are kept in memory, and saved as one row. */
export class Rejections {
  #kept: KeptRejection[] = [];
  readonly #counts = new Map<string, number>();
  /** Rejected requests of the last day by the hour, counted from 1970. */
  readonly #hours = new BoundedMap<number, number>(DAY_HOURS);
  /** Time of the last `save`, in unix milliseconds. */
  savedAt = 0;

  /** Adds one, and counts `unseen` more of its source that are not kept. */
  add(rejection: Rejection, unseen: number, as: { id?: string; original?: OriginalRequest | null } = {}): void {
    const { source } = rejection;
    const name = nameOf(rejection);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1 + unseen);
    const hour = hourSince1970(rejection.at);
    this.#hours.set(hour, (this.#hours.get(hour) ?? 0) + 1 + unseen);
    this.#kept.unshift({ ...rejection, id: as.id ?? null, original: as.original ?? null, taken: null });
    const ofSource = this.#kept.filter((each) => each.source === source);
    const surplus = ofSource.length > KEPT_PER_SOURCE ? surplusOf(ofSource, () => 1) : undefined;
    if (surplus !== undefined) this.#kept.splice(this.#kept.indexOf(surplus), 1);
    if (this.#counts.size > MAX_REJECTED_SOURCES) this.#forget();
    this.#limitOriginals();
  }

  /** Returns the one called `id`, or null. */
  find(id: string): KeptRejection | null {
    return this.#kept.find((each) => each.id === id) ?? null;
  }

  /** Notes that one was taken in; its request is forgotten, as the log has it now. */
  take(id: string, taken: TakenAs): void {
    const rejection = this.find(id);
    if (rejection !== null) Object.assign(rejection, { taken, original: null });
  }

  /** Returns when the first of the kept requests is to be forgotten; null when none is kept. */
  get forgetAt(): number | null {
    const oldest = this.#kept.findLast(({ original }) => original !== null);
    return oldest === undefined ? null : oldest.at + ORIGINAL_MS;
  }

  /** Forgets the requests that were kept long enough. */
  forgetOriginals(now: number): void {
    for (const each of this.#kept) if (each.at + ORIGINAL_MS <= now) each.original = null;
  }

  /** Forgets requests beyond their place, of the source that takes most of it. */
  #limitOriginals(): void {
    const size = ({ original }: KeptRejection) => sizeOfOriginal(original);
    const total = (list: readonly KeptRejection[]) => list.reduce((sum, each) => sum + size(each), 0);
    while (total(this.#kept) > MAX_ORIGINALS) {
      const sources = [...Map.groupBy(this.#kept, ({ source }) => source).values()];
      const surplus = surplusOf(sources.sort((a, b) => total(b) - total(a))[0] ?? [], size);
      if (surplus === undefined) return;
      surplus.original = null;
    }
  }

  /** Returns those of one source, or of all (null), the newest first. */
  list(source: string | null): ListedRejection[] {
    return this.#kept
      .filter((each) => source === null || each.source === source)
      .map(({ original, ...each }) => ({ ...each, takeableUntil: original && each.at + ORIGINAL_MS }));
  }

  counts(): RejectionCounts {
    return Object.fromEntries(this.#counts);
  }

  /** Counts those of the last day, to the hour, kept or not. */
  lastDay(now: number): number {
    const since = hourSince1970(now) - DAY_HOURS;
    return [...this.#hours.entries].reduce((sum, [hour, count]) => (hour > since ? sum + count : sum), 0);
  }

  /**
   * Returns one row's worth: of each source in turn, the proven ones first and then the newest, as far as they fit, so
   * that no flood hides the others.
   */
  save(now: number): string {
    this.savedAt = now;
    this.forgetOriginals(now);
    const proven = Map.groupBy(this.#kept, isProven);
    const bySource = Map.groupBy([...(proven.get(true) ?? []), ...(proven.get(false) ?? [])], ({ source }) => source);
    const inTurn = Array.from({ length: KEPT_PER_SOURCE }, (_, index) => index).flatMap((index) =>
      [...bySource.values()].flatMap((list) => list[index] ?? []),
    );
    const saved = new Set<KeptRejection>();
    let bytes = 0;
    for (const rejection of inTurn) {
      bytes += JSON.stringify({ ...rejection, original: null }).length;
      if (bytes > SAVED_BYTES) break;
      saved.add(rejection);
    }
    const inOrder = this.#kept.filter((rejection) => saved.has(rejection));
    const originals = inOrder.flatMap(({ id, original }) => (id && original ? [[id, original] as const] : []));
    return JSON.stringify({
      kept: inOrder.map(({ original, ...rejection }) => rejection),
      counts: this.counts(),
      originals: Object.fromEntries(originals),
      hours: Object.fromEntries(this.#hours.entries),
      savedAt: now,
    } satisfies SavedRejections);
  }

  /** Takes what `save` returned; null when nothing was ever saved. */
  load(text: string | null): void {
    if (text === null) return;
    const { kept, counts, savedAt, originals = {}, hours = {} } = JSON.parse(text) as SavedRejections;
    // Earlier versions kept no first lines, and no names.
    this.#kept = kept.map((rejection) => {
      const { id = null, taken = null } = rejection;
      const original = originals[id ?? ""] ?? null;
      return { ...maskedAnew({ ...UNKNOWN_LINE, ...rejection }), id, taken, original };
    });
    this.savedAt = savedAt;
    for (const [hour, count] of Object.entries(hours)) this.#hours.set(Number(hour), count);
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

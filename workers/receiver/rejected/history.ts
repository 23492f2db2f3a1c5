import { DAY_MS, HOUR_MS } from "../../../shared/time.ts";
import type { Diagnosis } from "./diagnosis/diagnosis.ts";
import type { Rejection } from "./rejection.ts";

/**
 * The last time that each source verified an event of this log, as the source is configured now. It tells a wrong secret
 * from a forgery, which no cryptography can. Pure; times in unix milliseconds.
 */

/** Last proof by a source: the fingerprint of the configuration that verified, when, and the time that the tables know. */
type Proven = { fingerprint: string; at: number; savedAt: number };

/** Last proofs by source. `complete`: kept since the log's first event, so a source that is missing verified none. */
export type Verified = { complete: boolean; sources: Readonly<Record<string, Proven>> };

/** An event that was verified, and the configuration that did it; `fingerprint` null where nothing proves the event. */
export type Proof = { source: string; fingerprint: string | null };

/** Time of a source's last verified event, null for none as it is configured now; `known` false where the log cannot say. */
type History = { known: false } | { known: true; lastAt: number | null };

/** A source costs a row at most so often: until the object is dropped from memory, memory knows better. */
export const SAVE_EVERY_MS = HOUR_MS;
/** Nobody reads these times closer than to the second. */
const EXACT_TO_MS = 1000;
/** Sources that are remembered, those that verified last; a configuration holds fewer. */
const MAX_PROVEN_SOURCES = 200;

/** Returns the history with more events, verified at `now`. `save`: the change is worth a row. */
export function withVerified(
  before: Verified,
  proofs: readonly Proof[],
  now: number,
): { after: Verified; save: boolean } {
  const fresh = new Map<string, string>();
  for (const { source, fingerprint } of proofs) {
    if (fingerprint !== null && !isRecent(before, { source, fingerprint }, now)) fresh.set(source, fingerprint);
  }
  if (fresh.size === 0) return { after: before, save: false };
  const sources = new Map(Object.entries(before.sources));
  let save = false;
  for (const [source, fingerprint] of fresh) {
    const saved = savedAt(before, { source, fingerprint });
    const due = saved === null || saved + SAVE_EVERY_MS <= now;
    sources.set(source, { fingerprint, at: now, savedAt: due ? now : saved });
    save ||= due;
  }
  return { after: newest(before.complete, sources), save };
}

/** Returns a source's history under its configuration of now. */
export function historyOf({ complete, sources }: Verified, { source, fingerprint }: Proof): History {
  const proven = provenIn(sources, source);
  if (fingerprint === null || (proven === undefined && !complete)) return { known: false };
  return { known: true, lastAt: proven?.fingerprint === fingerprint ? proven.at : null };
}

/** Returns the diagnosis; one that no proof was found for is refined by the history, which is evidence, not proof. */
export function withHistory({ diagnosis, reason, at }: Rejection, history: History): Diagnosis | null {
  if (diagnosis === null || !history.known) return diagnosis;
  const { lastAt } = history;
  // A cause that was not tried is possible: the history is told, and proves nothing.
  if (diagnosis.code === "partly_tried") {
    const fact = lastAt === null ? NEVER : provenText(at - lastAt);
    return { ...diagnosis, text: `${diagnosis.text}; ${fact}` };
  }
  if (diagnosis.code !== "unknown_key") return diagnosis;
  if (lastAt !== null) {
    const text = `${provenText(at - lastAt)}: this request is a forgery, unless the sender's secret has changed since, or the request was altered on the way in a manner that was not tried`;
    return { code: "forged", text };
  }
  // A request signed with another secret would hold a signature of the right form.
  return reason === "signature_malformed"
    ? {
        code: "wrong_scheme",
        text: `${NEVER}, and this request holds no signature that its scheme would take: most likely the sender uses another scheme`,
      }
    : { code: "wrong_secret", text: `${NEVER}: most likely the sender uses another secret` };
}

/** "Ever" would be too much: only the last configuration that verified is kept, and this one may be older. */
const NEVER = "no event of this log was verified since this source is configured as it is now";

function provenText(before: number): string {
  return `this source's secret verified an event ${spanText(before)} before`;
}

function isRecent({ sources }: Verified, { source, fingerprint }: Proof, now: number): boolean {
  const proven = provenIn(sources, source);
  return proven?.fingerprint === fingerprint && now - proven.at < EXACT_TO_MS;
}

function savedAt({ sources }: Verified, { source, fingerprint }: Proof): number | null {
  const proven = provenIn(sources, source);
  return proven?.fingerprint === fingerprint ? proven.savedAt : null;
}

function provenIn(sources: Verified["sources"], source: string): Proven | undefined {
  return Object.hasOwn(sources, source) ? sources[source] : undefined;
}

function newest(complete: boolean, sources: ReadonlyMap<string, Proven>): Verified {
  const kept = [...sources].sort(([, a], [, b]) => b.at - a.at).slice(0, MAX_PROVEN_SOURCES);
  return { complete: complete && kept.length === sources.size, sources: Object.fromEntries(kept) };
}

const SPAN_UNITS = [
  { name: "days", ms: DAY_MS },
  { name: "h", ms: HOUR_MS },
  { name: "min", ms: 60_000 },
];

/** Returns a span of time in the largest unit of which it has two or more. */
function spanText(ms: number): string {
  const unit = SPAN_UNITS.find((each) => ms >= 2 * each.ms) ?? { name: "s", ms: 1000 };
  return `${Math.max(Math.floor(ms / unit.ms), 0)} ${unit.name}`;
}

import { HOUR_MS, MINUTE_MS } from "../../../../shared/time.ts";
import type { SeqRange, Unread } from "../../event/page.ts";

/**
 * The rules for parts of the log that cannot be read: from when on readers pass a part and name it, and when the Inbox
 * looks at it again. Pure; times in unix milliseconds.
 */

/**
 * A part that could not be read: when that was tried first and last, and how many tries are counted. `answered`: at each
 * of them storage answered that the part is not there, or is damaged.
 */
export type NotedUnread = Unread & { since: number; at: number; tries: number };

/** Tries count once in this time, or in a quarter of the trouble's age if that is longer. */
const APART = { part: 4, least: 20_000, most: HOUR_MS };
/** So many tries over so long make a part missing. A KV that does not answer at all gets longer: it may be an outage. */
const LASTING = { tries: 4, answeredMs: MINUTE_MS, silentMs: HOUR_MS };
/** A part beyond so many is not noted: its readers get 503. Parts that are missing and adjoin count as one. */
const MOST_NOTED = 500;

/** Returns whether readers pass the part and name it, rather than come back for it. */
export function isMissing({ since, at, tries, answered }: NotedUnread): boolean {
  return tries >= LASTING.tries && at - since >= (answered ? LASTING.answeredMs : LASTING.silentMs);
}

/** Returns those of the parts that lie within one that is missing. */
export function missingAmong(noted: readonly NotedUnread[], parts: readonly SeqRange[]): SeqRange[] {
  const missing = noted.filter(isMissing);
  return parts.filter(({ from, to }) => missing.some((part) => part.from <= from && to <= part.to));
}

/** Returns when the next try at a part counts. */
export function nextTry({ since, at }: NotedUnread): number {
  return at + Math.min(Math.max((at - since) / APART.part, APART.least), APART.most);
}

/** Returns the notes after some parts could not be read at `now`, and others could; the same list when nothing changes. */
export function withReads(
  noted: readonly NotedUnread[],
  { unread, read }: { unread: readonly Unread[]; read: readonly SeqRange[] },
  now: number,
): readonly NotedUnread[] {
  const healed = subtract(read, unread);
  const kept = healed.some((part) => overlaps(noted, part)) ? subtract(noted, healed) : noted;
  const tried = unread.reduce((list, part) => withTry(list, part, now), kept);
  return tried === noted ? noted : joined(tried);
}

function withTry(noted: readonly NotedUnread[], part: Unread, now: number): readonly NotedUnread[] {
  const known = noted.find(({ from, to }) => from <= part.from && part.to <= to);
  if (known === undefined) {
    if (noted.length >= MOST_NOTED) return noted;
    return [...noted, { ...part, since: now, at: now, tries: 1 }];
  }
  // A clock that went back begins the wait anew.
  if (now >= known.at && now < nextTry(known)) return noted;
  const since = Math.min(known.since, now);
  const answered = known.answered && part.answered;
  return noted.map((each) => (each === known ? { ...known, since, at: now, tries: known.tries + 1, answered } : each));
}

/** Joins missing parts that adjoin. */
function joined(noted: readonly NotedUnread[]): NotedUnread[] {
  const list: NotedUnread[] = [];
  for (const part of noted.toSorted((a, b) => a.from - b.from)) {
    const before = list.at(-1);
    if (before !== undefined && before.to + 1 === part.from && isMissing(before) && isMissing(part)) {
      const [since, at] = [Math.min(before.since, part.since), Math.max(before.at, part.at)];
      const answered = before.answered && part.answered;
      list[list.length - 1] = {
        ...before,
        to: part.to,
        since,
        at,
        tries: Math.max(before.tries, part.tries),
        answered,
      };
    } else list.push(part);
  }
  return list;
}

/** Returns whether any of the parts has a seq in common with another. */
export function overlaps(parts: readonly SeqRange[], { from, to }: SeqRange): boolean {
  return parts.some((part) => part.from <= to && from <= part.to);
}

/** Returns the parts without what lies in any of `taken`. */
export function subtract<Part extends SeqRange>(parts: readonly Part[], taken: readonly SeqRange[]): Part[] {
  return taken.reduce<Part[]>(
    (left, { from, to }) =>
      left.flatMap((part) => {
        if (part.to < from || to < part.from) return [part];
        const sides = [
          { ...part, to: from - 1 },
          { ...part, from: to + 1 },
        ];
        return sides.filter((side) => side.from <= side.to);
      }),
    [...parts],
  );
}

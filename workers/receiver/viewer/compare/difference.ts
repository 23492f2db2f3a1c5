import type { HeaderList } from "../../event/headers.ts";
import type { Json, Member } from "../parts/json.ts";

/** Differences between two events: members of their JSON, and headers. Pure. */

/** Place of a value: names of members and numbers of items, from the outside in. */
export type Steps = readonly (string | number)[];

/** One value that differs, as it was sent; null where an event has none there. */
export type Change = { steps: Steps; before: string | null; after: string | null };

/** The values that differ, and the number of those that do not; a container with other members is not counted itself. */
export type JsonDifference = { changes: Change[]; same: number };

/** A header of one event or both. */
export type HeaderPair = { name: string; before: string | null; after: string | null };

/**
 * Returns the difference between two JSON texts. Members are paired by their names, in whatever order they stand, and
 * items of arrays by their numbers. Strings are the same if they mean the same; numbers if they are written the same.
 */
export function jsonDifference(before: Json, after: Json): JsonDifference {
  const found: JsonDifference = { changes: [], same: 0 };
  compare([], before, after, found);
  return found;
}

function compare(steps: Steps, before: Json, after: Json, found: JsonDifference): void {
  if ("open" in before && "open" in after && before.open === after.open) {
    const pairs = paired(before.members, after.members, stepOf);
    if (pairs.length === 0) found.same += 1;
    for (const { step, pair } of pairs) compareMembers([...steps, step], pair, found);
  } else if (meaningOf(before) === meaningOf(after)) found.same += 1;
  else found.changes.push({ steps, before: writtenJson(before), after: writtenJson(after) });
}

type Pair<Item> = { before: Item | null; after: Item | null };

function compareMembers(steps: Steps, { before, after }: Pair<Member>, found: JsonDifference): void {
  if (before !== null && after !== null) compare(steps, before.value, after.value, found);
  else {
    const [old, fresh] = [before, after].map((member) => (member === null ? null : writtenJson(member.value)));
    found.changes.push({ steps, before: old ?? null, after: fresh ?? null });
  }
}

function stepOf({ key }: Member, index: number): string | number {
  return key === null ? index : String(JSON.parse(key));
}

/** Pairs the items of two lists by their step, the first with the first of those that share one. */
function paired<Item>(
  before: readonly Item[],
  after: readonly Item[],
  step: (item: Item, index: number) => string | number,
) {
  const rest = Map.groupBy(
    after.map((item, index) => ({ step: step(item, index), item })),
    (each) => each.step,
  );
  const pairs: { step: string | number; pair: Pair<Item> }[] = before.map((item, index) => {
    const at = step(item, index);
    return { step: at, pair: { before: item, after: rest.get(at)?.shift()?.item ?? null } };
  });
  for (const added of rest.values()) {
    for (const { step, item } of added) pairs.push({ step, pair: { before: null, after: item } });
  }
  return pairs;
}

/** Returns a text that two values share if they mean the same. */
function meaningOf(json: Json): string {
  if (!("text" in json)) return writtenJson(json);
  return json.text.startsWith('"') ? JSON.stringify(JSON.parse(json.text)) : json.text;
}

/** Returns a value as text without white space around its tokens. */
export function writtenJson(json: Json): string {
  if ("text" in json) return json.text;
  const members = json.members.map(({ key, value }) => (key === null ? "" : `${key}:`) + writtenJson(value));
  return json.open + members.join(",") + (json.open === "{" ? "}" : "]");
}

/** Names that a path writes without brackets: RFC 9535, section 2.5.1.1. */
const SHORTHAND = /^[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*$/;

/** Returns a place as a JSONPath (RFC 9535). */
export function jsonPath(steps: Steps): string {
  const parts = steps.map((step) => {
    if (typeof step === "number") return `[${step}]`;
    return SHORTHAND.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
  });
  return `$${parts.join("")}`;
}

/** Returns the headers of both events, paired by name. */
export function headerPairs(before: HeaderList, after: HeaderList): HeaderPair[] {
  return paired(before, after, ([name]) => name.toLowerCase()).map(({ step, pair }) => ({
    name: String(step),
    before: pair.before?.[1] ?? null,
    after: pair.after?.[1] ?? null,
  }));
}

/** The part of a text that differs from another one, and the parts around it that both share. */
export type Parted = { start: string; middle: string; end: string };

/** Returns both texts, each parted where they differ; no character is divided. */
export function partedTexts(before: string, after: string): [Parted, Parted] {
  const [a, b] = [[...before], [...after]];
  const shorter = Math.min(a.length, b.length);
  let start = 0;
  while (start < shorter && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shorter - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const parted = (all: string[]) => ({
    start: all.slice(0, start).join(""),
    middle: all.slice(start, all.length - end).join(""),
    end: all.slice(all.length - end).join(""),
  });
  return [parted(a), parted(b)];
}

import { describe, expect, it } from "vitest";
import { isCleared, mergeTombstones, type Tombstone } from "../../../workers/receiver/event/tombstone.ts";

const whole = (seq: number): Tombstone => ({ source: null, seq });
const of = (source: string, seq: number): Tombstone => ({ source, seq });

describe("isCleared", () => {
  const cases: [tombstones: Tombstone[], source: string, seq: number, cleared: boolean][] = [
    [[], "a", 1, false],
    [[whole(5)], "a", 5, true],
    [[whole(5)], "a", 6, false],
    [[of("a", 5)], "a", 5, true],
    [[of("a", 5)], "b", 5, false],
    [[of("a", 5)], "a", 6, false],
    [[whole(3), of("a", 5)], "a", 4, true],
    [[whole(3), of("a", 5)], "b", 3, true],
    [[of("__proto__", 5)], "__proto__", 5, true],
  ];
  it.each(cases)("%j of %s, %i: %s", (tombstones, source, seq, cleared) => {
    expect(isCleared(tombstones, { source, seq })).toBe(cleared);
  });
});

describe("mergeTombstones", () => {
  const cases: [name: string, lists: Tombstone[][], merged: Tombstone[]][] = [
    ["nothing", [[], []], []],
    ["one a source, the furthest", [[of("a", 5)], [of("a", 3), of("b", 1)]], [of("a", 5), of("b", 1)]],
    ["a whole log covers what is not beyond it", [[of("a", 5), of("b", 6)], [whole(5)]], [of("b", 6), whole(5)]],
    ["the furthest of the whole log", [[whole(5)], [whole(4)]], [whole(5)]],
  ];
  it.each(cases)("%s", (_name, lists, merged) => expect(mergeTombstones(...lists)).toEqual(merged));
});

import { describe, expect, it } from "vitest";
import { isCleared, mergeTombstones, type Tombstone } from "../../../workers/receiver/event/tombstone.ts";
import { clearedIn } from "../../../workers/receiver/inbox/state/rules.ts";

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

describe("clearedIn", () => {
  const segment = { firstSeq: 1, lastSeq: 10, epoch: "e", n: 10 };
  const counts = { a: 7, b: 3 };
  const cases: [
    name: string,
    tombstones: Tombstone[],
    counts: Record<string, number> | null,
    cleared: number | null,
  ][] = [
    ["none", [], counts, 0],
    ["all of it", [whole(10)], counts, 10],
    ["all of it, unknown", [whole(10)], null, 10],
    ["one source", [of("a", 10)], counts, 7],
    ["a source it does not hold", [of("c", 10)], counts, 0],
    ["both sources", [of("a", 10), of("b", 12)], counts, 10],
    ["one source, unknown", [of("a", 10)], null, null],
    ["a tombstone before its end", [whole(9), of("a", 9)], counts, 0],
  ];
  it.each(cases)("%s", (_name, tombstones, given, cleared) => {
    expect(clearedIn(tombstones, { ...segment, counts: given })).toBe(cleared);
  });
});

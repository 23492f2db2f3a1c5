import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Change,
  headerPairs,
  jsonDifference,
  jsonPath,
  partedTexts,
} from "../../../workers/receiver/viewer/compare/difference.ts";
import { type Json, readJsonText } from "../../../workers/receiver/viewer/parts/json.ts";

const json = (text: string): Json => {
  const found = readJsonText(text);
  if (found === null || found === "long") throw new Error(`not JSON: ${text}`);
  return found;
};
const difference = (before: string, after: string) => {
  const { changes, same } = jsonDifference(json(before), json(after));
  return { changes: changes.map(({ steps, ...change }) => [jsonPath(steps), change.before, change.after]), same };
};

/** Makes the changes on a value that JSON.parse made. Items are taken away from the end on, as arrays are paired by number. */
function applied(value: unknown, changes: readonly Change[]): unknown {
  const top = { top: structuredClone(value) };
  for (const { steps, after } of changes
    .toReversed()
    .sort((a, b) => Number(a.after === null) - Number(b.after === null))) {
    const path = ["top", ...steps];
    let place = top as unknown as Record<string | number, unknown>;
    for (const step of path.slice(0, -1)) place = place[step] as typeof place;
    const last = path.at(-1) ?? "";
    if (after !== null)
      Object.defineProperty(place, last, {
        value: JSON.parse(after),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    else if (Array.isArray(place)) place.length = Math.min(place.length, Number(last));
    else delete place[last];
  }
  return top.top;
}

describe("jsonDifference", () => {
  it.each<[name: string, before: string, after: string, changes: unknown[], same: number]>([
    ["nothing, in another order", '{"a":1,"b":[true]}', '{ "b": [true], "a": 1 }', [], 2],
    ["strings by their meaning", '{"a":"\\u0041\\/"}', '{"a":"A/"}', [], 1],
    [
      "numbers as they were written",
      "[1,9007199254740993]",
      "[1.0,9007199254740992]",
      [
        ["$[0]", "1", "1.0"],
        ["$[1]", "9007199254740993", "9007199254740992"],
      ],
      0,
    ],
    [
      "members that came and went",
      '{"a":{"x":1},"k":0}',
      '{"k":0,"b c":[2]}',
      [
        ["$.a", '{"x":1}', null],
        ['$["b c"]', null, "[2]"],
      ],
      1,
    ],
    ["another kind of value", '{"a":[]}', '{"a":{}}', [["$.a", "[]", "{}"]], 0],
    [
      "a longer array",
      "[1,2]",
      "[1,3,4]",
      [
        ["$[1]", "2", "3"],
        ["$[2]", null, "4"],
      ],
      1,
    ],
    ["repeated members, each with its own", '{"a":1,"a":2}', '{"a":1,"a":3}', [["$.a", "2", "3"]], 1],
    ["names of prototypes", '{"__proto__":1}', '{"__proto__":2}', [["$.__proto__", "1", "2"]], 0],
    ["empty containers", '{"a":{},"b":[]}', '{"a":{},"b":[]}', [], 2],
  ])("tells %s", (_name, before, after, changes, same) => {
    expect(difference(before, after)).toEqual({ changes, same });
  });

  const value = fc.jsonValue({ maxDepth: 3 });
  it("is nothing between equal values, and made on one gives the other", () => {
    fc.assert(
      fc.property(value, value, (before, after) => {
        const [a, b] = [JSON.stringify(before), JSON.stringify(after)];
        expect(jsonDifference(json(a), json(a)).changes).toEqual([]);
        const { changes } = jsonDifference(json(a), json(b));
        expect(JSON.parse(JSON.stringify(applied(JSON.parse(a), changes)))).toEqual(JSON.parse(b));
      }),
    );
  });

  it("is the same the other way round", () => {
    const ordered = ({ changes, same }: ReturnType<typeof jsonDifference>) => ({
      same,
      changes: changes.map(({ steps, before, after }) => JSON.stringify([steps, before, after])).sort(),
    });
    fc.assert(
      fc.property(value, value, (before, after) => {
        const [a, b] = [json(JSON.stringify(before)), json(JSON.stringify(after))];
        const back = jsonDifference(b, a);
        const turned = {
          ...back,
          changes: back.changes.map((change) => ({ ...change, before: change.after, after: change.before })),
        };
        expect(ordered(turned)).toEqual(ordered(jsonDifference(a, b)));
      }),
    );
  });
});

describe("headerPairs", () => {
  it("pairs by name, the first with the first", () => {
    const pairs = headerPairs(
      [
        ["a", "1"],
        ["b", "2"],
        ["a", "3"],
      ],
      [
        ["A", "1"],
        ["c", "4"],
      ],
    );
    expect(pairs).toEqual([
      { name: "a", before: "1", after: "1" },
      { name: "b", before: "2", after: null },
      { name: "a", before: "3", after: null },
      { name: "c", before: null, after: "4" },
    ]);
  });
});

describe("partedTexts", () => {
  it("parts both texts where they differ, and divides no character", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "\u{1f600}", "\u{1f601}"), maxLength: 8 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const [a, b] = partedTexts(before, after);
        expect([a.start + a.middle + a.end, b.start + b.middle + b.end]).toEqual([before, after]);
        expect([a.start, a.end]).toEqual([b.start, b.end]);
        expect(a.middle === b.middle).toBe(before === after);
        expect(Object.values(a).every((part) => part.isWellFormed())).toBe(true);
      }),
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isDeeper, jsonParts } from "../../shared/json-text.ts";

describe("isDeeper", () => {
  it.each([
    ["[]", 0, true],
    ["[]", 1, false],
    ['{"a":[[1]]}', 2, true],
    ['{"a":[[1]]}', 3, false],
    ['["[[[[", "\\"[["]', 1, false],
    ["[[[[[[", 5, true],
    ['"never ended [[', 0, false],
  ])("%s beyond %i: %s", (text, limit, deeper) => expect(isDeeper(text, limit)).toBe(deeper));

  it("agrees with the depth of any value", () => {
    const depth = (value: unknown): number =>
      typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
    fc.assert(
      fc.property(fc.json(), fc.nat(6), (text, limit) => {
        expect(isDeeper(text, limit)).toBe(text.length > limit && depth(JSON.parse(text)) > limit);
      }),
    );
  });
});

describe("jsonParts", () => {
  it.each([
    ["[]", []],
    ["{ }", []],
    [
      "[1, [2,3] ]",
      [
        { key: null, text: "1" },
        { key: null, text: "[2,3]" },
      ],
    ],
    [
      '{"a":1,"a":2}',
      [
        { key: "a", text: "1" },
        { key: "a", text: "2" },
      ],
    ],
    ['{"\\u0061":"x,:]\\""}', [{ key: "a", text: '"x,:]\\""' }]],
  ])("of %s", (text, parts) => expect(jsonParts(text)).toEqual(parts));

  it("holds each member and element of any value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(typeof value === "object" && value !== null);
        const parts = jsonParts(JSON.stringify(value, null, 1));
        expect(parts.map(({ key, text }) => [key, JSON.parse(text)])).toEqual(
          Array.isArray(value)
            ? JSON.parse(JSON.stringify(value)).map((each: unknown) => [null, each])
            : Object.entries(JSON.parse(JSON.stringify(value))),
        );
      }),
    );
  });
});

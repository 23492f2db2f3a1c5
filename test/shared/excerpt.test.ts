import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { excerptOf } from "../../shared/excerpt.ts";

describe("excerptOf", () => {
  const long = "x".repeat(100);
  it.each<[name: string, text: string, excerpt: object | null]>([
    ["a short text whole", "aBc", { before: "a", text: "B", after: "c" }],
    ["a long text cut", `${long}b${long}`, { before: `…${"x".repeat(40)}`, text: "b", after: `${"x".repeat(40)}…` }],
    ["nothing without a match", "ac", null],
  ])("returns %s", (_name, text, excerpt) => expect(excerptOf(text, /b/iu)).toEqual(excerpt));

  it("returns a part of the text, and divides no character", () => {
    const plain = fc.string({ unit: "grapheme", maxLength: 120 }).filter((text) => !/[|…]/.test(text));
    fc.assert(
      fc.property(plain, plain, (text, after) => {
        const { before, ...rest } = excerptOf(`${text}|${after}`, /\|/u) ?? { before: "" };
        const parts = [before, ...Object.values(rest)];
        expect(parts.every((part) => part.isWellFormed())).toBe(true);
        expect(`${text}|${after}`).toContain(parts.join("").replace(/^…|…$/g, ""));
      }),
    );
  });
});

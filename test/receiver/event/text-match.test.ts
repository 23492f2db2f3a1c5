import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBase64, utf8 } from "../../../shared/bytes.ts";
import type { EventRecord } from "../../../workers/receiver/event/record.ts";
import { matchIn } from "../../../workers/receiver/event/text-match.ts";
import { holdsText, textSearch } from "../../../workers/receiver/event/text-search.ts";

const record = (more: Partial<EventRecord>): EventRecord => ({
  ...{ seq: 1, id: null, source: "a", type: null, receivedAt: "2040-01-01T00:00:00.000Z", bytes: 0 },
  ...{ verification: "verified", method: "POST", path: "/webhook", query: null, headers: [], body: "" },
  ...more,
});

describe("matchIn", () => {
  const long = "x".repeat(100);
  it.each<[name: string, q: string, more: Partial<EventRecord>, match: object | null]>([
    ["a body", "B", { body: "abc" }, { place: "body", before: "a", text: "b", after: "c" }],
    ["a long body", "b", { body: `${long}b${long}` }, { before: `…${"x".repeat(40)}`, after: `${"x".repeat(40)}…` }],
    [
      "bytes",
      "order",
      { body: toBase64(new Uint8Array([255, ...utf8("order")])), encoding: "base64" },
      { place: "body", text: "order" },
    ],
    ["a URL", "?a=1", { query: "a=1" }, { place: "URL", before: "/webhook", text: "?a=1" }],
    ["a header", "x-a: b", { headers: [["x-a", "bc"]] }, { place: "headers", before: "", text: "x-a: b", after: "c" }],
    ["nothing", "z", { body: "abc" }, null],
  ])("finds a text in %s", (_name, q, more, match) => {
    const found = matchIn(textSearch(q), record(more));
    if (match === null) expect(found).toBeNull();
    else expect(found).toMatchObject(match);
  });

  it("finds whatever the search finds, and divides no character", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 120 });
    fc.assert(
      fc.property(text, text, fc.string({ unit: "grapheme", minLength: 1, maxLength: 3 }), (body, value, q) => {
        const given = record({ body, headers: [["x-a", value]] });
        const [search, match] = [textSearch(q), matchIn(textSearch(q), given)];
        expect(match !== null).toBe(holdsText(search, given));
        expect(Object.values(match ?? {}).every((part) => part.isWellFormed())).toBe(true);
      }),
    );
  });
});

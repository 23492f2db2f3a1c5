import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textSearch } from "../../../workers/receiver/event/text-search.ts";
import { hashesOf, mayHold, SieveBuilder } from "../../../workers/receiver/event/text-sieve.ts";
import { awkwardText } from "../support/logged.ts";

function sieveOf(...texts: string[]): Uint8Array {
  const builder = new SieveBuilder();
  for (const text of texts) builder.add(text);
  return builder.sieve();
}

/** Words of letters that fold, and long enough for a run. */
const words = fc.array(fc.constantFrom(..."aAbBkKsS0-ſKéß😀"), { maxLength: 12 }).map((parts) => parts.join(""));

describe("mayHold", () => {
  it("never denies a text that a search finds", () => {
    const texts = fc.array(fc.oneof(words, awkwardText), { maxLength: 5 });
    const property = fc.property(
      texts,
      fc.oneof(words, awkwardText),
      fc.nat(8),
      fc.nat(12),
      (made, q, from, length) => {
        const sieve = sieveOf(...made);
        for (const searched of [q, ...made.map((text) => text.slice(from, from + length))]) {
          const { shown } = textSearch(searched);
          if (made.some((text) => shown.test(text))) expect(mayHold(sieve, hashesOf(searched))).toBe(true);
        }
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });

  it("folds all characters that match an ASCII one", () => {
    const others = Array.from({ length: 0x11_00_00 - 0x80 }, (_, index) => String.fromCodePoint(0x80 + index));
    const matching = others.filter((character) => /[\0-\x7f]/iu.test(character));
    expect(matching).toEqual(["ſ", "\u212a"]);
    expect(mayHold(sieveOf("ab\u017fd"), hashesOf("absd"))).toBe(true);
    expect(mayHold(sieveOf("absd"), hashesOf("ab\u017fd"))).toBe(true);
    expect(mayHold(sieveOf("ab\u212ad"), hashesOf("abkd"))).toBe(true);
  });

  it.each([
    ["tells two texts apart", ["needle"], "straw", false],
    ["joins no two texts", ["nee", "dle"], "needle", false],
    ["has no regard to case", ["Needle"], "nEEDLE", true],
    ["holds what is short", ["abc"], "xyz", true],
    ["holds what is not ASCII", ["abc"], "éééé", true],
    ["tells by the ASCII part alone", ["é needle"], "ß needle", true],
    ["knows nothing in no text", [], "needle", false],
  ])("%s", (_name, texts, q, may) => expect(mayHold(sieveOf(...texts), hashesOf(q))).toBe(may));

  it.each([
    ["of another version", Uint8Array.of(2, ...new Uint8Array(64))],
    ["that is empty", new Uint8Array()],
    ["without bits", Uint8Array.of(1)],
    ["of a broken length", new Uint8Array(60).fill(1, 0, 1)],
  ])("denies nothing by a sieve %s", (_name, sieve) => expect(mayHold(sieve, hashesOf("needle"))).toBe(true));
});

describe("SieveBuilder", () => {
  const ids = (count: number) => Array.from({ length: count }, () => crypto.randomUUID() + btoa(crypto.randomUUID()));

  it.each([
    [0, 64],
    [1, 128],
    [500, 16_384],
    [5000, 32_768],
  ])("makes of the ids of %i events at most %i bytes", (count, most) => {
    expect(sieveOf(...ids(count)).byteLength).toBeLessThanOrEqual(1 + most);
  });

  it("denies nearly all words that a full segment does not hold", () => {
    const sieve = sieveOf(...ids(500));
    const held = ids(1000).filter((id) => mayHold(sieve, hashesOf(id.slice(0, 16))));
    expect(held.length).toBeLessThan(50);
  });
});

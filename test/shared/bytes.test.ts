import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, fromBase64, fromBase64Url, fromHex, fromUtf8, toBase64, toHex, utf8 } from "../../shared/bytes.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

/** The decoders that undo an encoder, and texts that each must refuse. */
const decoders = [
  {
    name: "fromBase64",
    decode: fromBase64,
    encode: toBase64,
    refused: ["A", "AA", "AA=", "AAA", "AB==", "AA==\n", " AA==", "A A==", "AA==AA==", "-_==", "AA==,", "é===", "===="],
  },
  {
    name: "fromBase64Url",
    decode: fromBase64Url,
    encode: (run: Uint8Array) => toBase64(run).replaceAll("+", "-").replaceAll("/", "_"),
    refused: ["A", "AB", "+/==", "AA ==", "A=A="],
  },
  { name: "fromHex", decode: fromHex, encode: toHex, refused: ["0", "0g", "0x00", "00 00", "é0", " 00"] },
];

for (const { name, decode, encode, refused } of decoders) {
  describe(name, () => {
    it("gives back the bytes that were encoded", () => {
      fc.assert(
        fc.property(fc.uint8Array(), (run) => {
          expect(decode(encode(run))).toEqual(new Uint8Array(run));
        }),
      );
    });
    it("takes no bytes for an empty text", () => expect(decode("")).toEqual(bytes()));
    it.each(refused)("is null for %j", (text) => expect(decode(text)).toBeNull());
    it("never throws", () => {
      fc.assert(
        fc.property(fc.string({ unit: "binary" }), (text) => {
          decode(text);
        }),
      );
    });
  });
}

describe("fromBase64Url", () => {
  it("takes a text without padding", () => expect(fromBase64Url("-_8")).toEqual(bytes(0xfb, 0xff)));
});

describe("fromHex", () => {
  it("takes either case", () => expect(fromHex("aBcD")).toEqual(bytes(0xab, 0xcd)));
});

describe("fromUtf8", () => {
  const cases: [name: string, run: Uint8Array, text: string | null][] = [
    ["keeps a byte-order mark", bytes(0xef, 0xbb, 0xbf, 0x7b), "\ufeff{"],
    ["keeps NUL and CRLF", bytes(0, 13, 10), "\0\r\n"],
    ["refuses a stray continuation byte", bytes(0x80), null],
    ["refuses a truncated character", bytes(0xe2, 0x82), null],
    ["refuses an overlong form", bytes(0xc0, 0x80), null],
    ["refuses an encoded surrogate", bytes(0xed, 0xa0, 0x80), null],
  ];
  it.each(cases)("%s", (_name, run, text) => expect(fromUtf8(run)).toBe(text));

  it("gives a text whose bytes are the same", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (run) => {
        const text = fromUtf8(run);
        if (text !== null) expect(utf8(text)).toEqual(new Uint8Array(run));
      }),
    );
  });
});

describe("concat", () => {
  it("joins runs in their order, empty ones too", () => {
    expect(concat(bytes(1), bytes(), bytes(2, 3))).toEqual(bytes(1, 2, 3));
    expect(concat()).toEqual(bytes());
  });
});

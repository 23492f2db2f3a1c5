import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareNumbers, ExactNumber, exactJson, isNumberText } from "../../../workers/sender/model/exact-number.ts";

const compared = (a: string, b: string) => {
  const [first, second] = [exactJson(a), exactJson(b)] as (number | ExactNumber)[];
  // Without the sign that a zero may have.
  return Math.sign(compareNumbers(first ?? 0, second ?? 0)) + 0;
};

describe("compareNumbers", () => {
  it.each([
    ["9007199254740993", "9007199254740992", 1],
    ["9007199254740993", "9007199254740993.0", 0],
    ["-9007199254740993", "-9007199254740992", -1],
    ["0.1", "0.10000000000000000001", -1],
    ["1e2", "100", 0],
    ["100", "1.00E+2", 0],
    ["1e400", "1e401", -1],
    ["1e-400", "0", 1],
    ["-1e-400", "0", -1],
    ["-0", "0", 0],
    ["0e5", "0.000000000000000000000", 0],
    ["12345678901234567890", "2", 1],
    ["-12345678901234567890", "2", -1],
    ["0.00000000000000000012", "0.0000000000000000012", -1],
    ["1e99999999999999999999", "5", 1],
  ])("%s against %s is %s", (a, b, expected) => {
    expect(compared(a, b)).toBe(expected);
    expect(compared(b, a)).toBe(expected === 0 ? 0 : -expected);
  });

  it("compares as whole numbers of any size, moved by any power of ten", () => {
    const anyDigits = fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n });
    fc.assert(
      fc.property(
        anyDigits,
        fc.oneof(anyDigits, fc.constant(0n)),
        fc.integer({ min: -30, max: 30 }),
        (a, gap, power) => {
          const b = a + gap;
          expect(compared(`${a}e${power}`, `${b}e${power}`)).toBe(a < b ? -1 : a > b ? 1 : 0);
          expect(compared(`${a}`, `${b}`)).toBe(a < b ? -1 : a > b ? 1 : 0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("exactJson", () => {
  it("keeps the digits that a double would lose, and nothing else", () => {
    const text = '{"a":9007199254740993,"b":[1.5,1e3],"c":"9007199254740993","d":42}';
    expect(exactJson(text)).toEqual({
      a: new ExactNumber("9007199254740993"),
      b: [1.5, new ExactNumber("1e3")],
      c: "9007199254740993",
      d: 42,
    });
  });

  it("is JSON.parse for JSON without such numbers", () => {
    const value = fc.jsonValue().filter((each) => !/\d[eE]|[\d.]{16}|-0/.test(JSON.stringify(each)));
    fc.assert(
      fc.property(value, (each) => {
        expect(exactJson(JSON.stringify(each))).toEqual(JSON.parse(JSON.stringify(each)));
      }),
    );
  });
});

describe("isNumberText", () => {
  it.each(["0", "-0.5", "9007199254740993", "1e9999", "1E-20", "10.00"])("takes %s", (text) => {
    expect(isNumberText(text)).toBe(true);
  });
  it.each(["", "-", "01", "1.", ".5", "1e", "1e10000", "+1", " 1", "NaN", "0x1", "1,0"])("refuses %s", (text) => {
    expect(isNumberText(text)).toBe(false);
  });
});

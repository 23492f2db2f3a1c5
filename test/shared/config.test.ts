import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ConfigReader,
  flagSetting,
  type Setting,
  shownNumber,
  tokenSetting,
  trustedUrlSetting,
  wholeSetting,
} from "../../shared/config.ts";

const ten = wholeSetting(1, { min: 0, max: 10 });
const text: Setting<string> = { fallback: null, bounds: "a text", read: (given) => given };

describe("ConfigReader", () => {
  it("reads what is there, and the fallback of what is not", () => {
    const env = { COUNT: "10", PLAIN: 3, ON: "true", PLAIN_ON: true, EMPTY: "", NAME: "x" };
    const days = wholeSetting(30, { min: 1, max: 40, unit: 1000 });
    const table = {
      ...{ COUNT: ten, PLAIN: ten, EMPTY: ten, ABSENT: days, NAME: text },
      ...{ ON: flagSetting, PLAIN_ON: flagSetting, OFF: flagSetting },
    };
    const reader = new ConfigReader(env);
    expect(reader.read(table)).toEqual({
      ...{ COUNT: 10, PLAIN: 3, EMPTY: 1, ABSENT: 30_000, NAME: "x" },
      ...{ ON: true, PLAIN_ON: true, OFF: false },
    });
    expect(() => reader.check()).not.toThrow();
  });

  it("names everything that is wrong at once, with its bounds and without a value", () => {
    const reader = new ConfigReader({ A: "", B: "1e3", C: "11", D: "-1", E: "TRUE", F: { hunter2: 1 } });
    reader.read({ A: text, B: ten, C: ten, D: ten, E: flagSetting, F: text });
    expect(() => reader.check()).toThrow(
      /^A is missing; B .*; C must be a whole number from 0 to 10; D .*; E must be true or false; F /,
    );
    expect(() => reader.check()).not.toThrow(/hunter2|1e3|11/);
  });
});

/** Returns what a text is read as, or its fault. */
function read(setting: Setting<unknown>, given: unknown): unknown {
  const reader = new ConfigReader({ IT: given });
  const { IT } = reader.read({ IT: setting });
  try {
    reader.check();
    return IT;
  } catch (error) {
    return String((error as Error).message);
  }
}

describe("a whole number", () => {
  it.each(["abc", "-1", "0.0001", "1.5", "1e1", "0x1", " 1", "1 ", "+1", "11", "NaN", "Infinity", "1,0", "1_0", "٣"])(
    "is not %j",
    (given) => expect(read(ten, given)).toBe("IT must be a whole number from 0 to 10"),
  );

  it("is itself within its bounds, and nothing else is anything", () => {
    const texts = fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String));
    fc.assert(
      fc.property(texts, (given) => {
        const isWhole = /^[0-9]+$/.test(given) && given.length <= 15 && Number(given) <= 10;
        const expected = given === "" ? 1 : isWhole ? Number(given) : "IT must be a whole number from 0 to 10";
        expect(read(ten, given)).toBe(expected);
      }),
    );
  });
});

describe("a token", () => {
  it.each([
    ["", "IT is missing"],
    ...["x".repeat(23), "x".repeat(1001), `${"x".repeat(24)} `, `${"x".repeat(24)}é`, `${"x".repeat(24)}\n`].map(
      (token) => [token, "IT must be 24 to 1000 visible ASCII characters"],
    ),
    ["-".repeat(24), "-".repeat(24)],
  ])("%j is %s", (token, expected) => expect(read(tokenSetting, token)).toBe(expected));
});

describe("a resolver", () => {
  it.each([
    "",
    "https://dns.example/dns-query",
    "https://dns.example:8443/resolve?x=1",
    "http://localhost:8053/",
    "http://[::1]/",
  ])("may be %j", (given) => expect(read(trustedUrlSetting, given)).toBe(given));

  it.each([
    ...["garbage", "dns.example", "ftp://dns.example", "http://dns.example/", "http://localhost.evil.example/"],
    ...["https://user:pass@dns.example/", "https://", "//dns.example", "file:///etc/hosts"],
  ])("is not %j", (given) => expect(read(trustedUrlSetting, given)).toMatch(/^IT must be an https URL/));
});

describe("shownNumber", () => {
  it.each([
    [0, "0"],
    [3650, "3650"],
    [10_000, "10,000"],
    [1_048_576, "1,048,576"],
  ])("%i is %s", (value, shown) => expect(shownNumber(value)).toBe(shown));
});

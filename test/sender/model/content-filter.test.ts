import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ContentFilter, filterData, meets, missOf } from "../../../workers/sender/model/content-filter.ts";

const DATA = `{"order":{"total":100,"id":9007199254740993,"note":null,"tags":["new","big"]},"country":"CH","paid":true,
  "a.b":{"c":1},"":5,"__proto__":{"x":1},"rate":0.1}`;
const data = filterData(DATA);

describe("meets", () => {
  it.each<[ContentFilter, boolean]>([
    [{ path: "country", equals: "CH" }, true],
    [{ path: "country", equals: "ch" }, false],
    [{ path: "paid", equals: true }, true],
    [{ path: "paid", equals: 1 }, false],
    [{ path: "order.note", equals: null }, true],
    [{ path: "order.nothing", equals: null }, false],
    [{ path: "order.total", equals: 100 }, true],
    [{ path: "order.total", equals: "100" }, false],
    [{ path: "order.total", equals: { number: "100.00" } }, true],
    [{ path: "order.id", equals: { number: "9007199254740993" } }, true],
    [{ path: "order.id", equals: { number: "9007199254740992" } }, false],
    [{ path: "order.id", gt: { number: "9007199254740992" } }, true],
    [{ path: "order.id", lt: { number: "9007199254740994" }, gte: 1 }, true],
    [{ path: "country", in: ["DE", "CH"] }, true],
    [{ path: "country", in: ["DE", "AT"] }, false],
    [{ path: "order.total", in: [1, 100] }, true],
    [{ path: "order.total", gte: 100 }, true],
    [{ path: "order.total", gt: 100 }, false],
    [{ path: "order.total", lte: 100 }, true],
    [{ path: "order.total", lt: 100 }, false],
    [{ path: "order.total", gte: 100, lt: 100.5 }, true],
    [{ path: "rate", gte: { number: "0.10000000000000000001" } }, false],
    [{ path: "country", gte: 0 }, false],
    [{ path: "country", prefix: "C" }, true],
    [{ path: "country", prefix: "H" }, false],
    [{ path: "order.total", prefix: "1" }, false],
    [{ path: "order.note", exists: true }, true],
    [{ path: "order.nothing", exists: true }, false],
    [{ path: "order.nothing", exists: false }, true],
    [{ path: "order.nothing.below", exists: false }, true],
    [{ path: "order.tags.1", equals: "big" }, true],
    [{ path: "order.tags.2", exists: true }, false],
    [{ path: "order.tags.length", exists: true }, false],
    [{ path: "country.length", exists: true }, false],
    [{ path: "toString", exists: true }, false],
    [{ path: "order.id.number", exists: true }, false],
    [{ path: ["__proto__", "x"], equals: 1 }, true],
    [{ path: ["a.b", "c"], equals: 1 }, true],
    [{ path: "a.b.c", equals: 1 }, false],
    [{ not: { path: "nothing", in: ["CH"] } }, true],
    [
      {
        all: [
          { path: "paid", equals: true },
          { path: "country", equals: "CH" },
        ],
      },
      true,
    ],
    [
      {
        all: [
          { path: "paid", equals: true },
          { path: "country", equals: "DE" },
        ],
      },
      false,
    ],
    [
      {
        any: [
          { path: "paid", equals: false },
          { path: "country", equals: "CH" },
        ],
      },
      true,
    ],
    [
      {
        any: [
          { path: "paid", equals: false },
          { path: "country", equals: "DE" },
        ],
      },
      false,
    ],
  ])("%j: %s", (filter, expected) => {
    expect(meets(filter, data)).toBe(expected);
    expect(meets({ not: filter }, data)).toBe(!expected);
    expect(missOf(filter, data) === null).toBe(expected);
  });

  it.each(["5", '"text"', "null", "[]", "true"])("takes data that is no object: %s", (text) => {
    expect(meets({ path: "a", exists: false }, filterData(text))).toBe(true);
    expect(meets({ path: "a", equals: 5 }, filterData(text))).toBe(false);
  });

  const leaf: fc.Arbitrary<ContentFilter> = fc.record({
    path: fc.constantFrom("a", "b", "a.b", "0"),
    equals: fc.constantFrom(1, 2, "x", null, true),
  });
  const { filter: anyFilter } = fc.letrec<{ filter: ContentFilter }>((tie) => ({
    filter: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.record({ all: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }) }),
      fc.record({ any: fc.array(tie("filter"), { minLength: 1, maxLength: 3 }) }),
      fc.record({ not: tie("filter") }),
    ),
  }));

  it("follows De Morgan, and names a condition exactly when it does not hold", () => {
    const value = fc.constantFrom(1, 2, "x", null, true);
    const anyData = fc.record({ a: fc.oneof(value, fc.record({ b: value })), b: value }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(anyFilter, { minLength: 1, maxLength: 3 }), anyData, (parts, each) => {
        const negated = { all: parts.map((not) => ({ not })) };
        expect(meets({ not: { any: parts } }, each)).toBe(meets(negated, each));
        expect(missOf({ any: parts }, each) === null).toBe(meets({ any: parts }, each));
        expect(missOf(negated, each) === null).toBe(meets(negated, each));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("missOf", () => {
  const country = { path: "country", equals: "DE" };
  const paid = { path: "paid", equals: true };
  it.each<[ContentFilter, string, ContentFilter, string | null]>([
    [country, "", country, '"CH"'],
    [{ all: [paid, country] }, "all[1]", country, '"CH"'],
    [{ all: [paid, { any: [country] }] }, "all[1].any[0]", country, '"CH"'],
    [{ not: paid }, "", { not: paid }, "true"],
    [{ all: [{ not: paid }] }, "all[0]", { not: paid }, "true"],
    [{ path: "no.where", gte: 1 }, "", { path: "no.where", gte: 1 }, null],
    [{ path: "order.id", lt: 5 }, "", { path: "order.id", lt: 5 }, "9007199254740993"],
  ])("of %j is at %j", (filter, at, condition, found) => {
    expect(missOf(filter, data)).toEqual({ at, condition, found });
  });

  it("cuts a long value", () => {
    const found = missOf({ path: "a", equals: 1 }, filterData(`{"a":"${"x".repeat(5000)}"}`))?.found;
    expect(found).toHaveLength(201);
  });
});

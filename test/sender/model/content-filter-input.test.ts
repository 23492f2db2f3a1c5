import { describe, expect, it } from "vitest";
import { parseContentFilter } from "../../../workers/sender/model/content-filter-input.ts";
import { exactJson } from "../../../workers/sender/model/exact-number.ts";

const leaf = { path: "a", equals: 1 };
const nested = (depth: number): object => (depth === 1 ? leaf : { not: nested(depth - 1) });

describe("parseContentFilter", () => {
  it.each([
    leaf,
    { path: ["a.b", "c"], in: ["x", 1, null, false], exists: true },
    { path: "a.0", gt: 1, gte: 1, lt: 0.5, lte: -5 },
    { path: "a", prefix: "" },
    { path: "a", equals: { number: "9007199254740993" } },
    { all: [leaf, { any: [leaf, { not: leaf }] }] },
    { all: Array.from({ length: 49 }, () => leaf) },
    nested(8),
  ])("takes %j", (filter) => {
    expect(parseContentFilter(filter)).toEqual({ ok: true, filter });
  });

  it("keeps a number that a double would change, as its text", () => {
    expect(parseContentFilter(exactJson('{"path":"a","gte":9007199254740993,"lt":1e20}'))).toEqual({
      ok: true,
      filter: { path: "a", gte: { number: "9007199254740993" }, lt: { number: "1e20" } },
    });
  });

  it.each([
    [5, 'filter must be an object: {"path": …}, {"all": […]}, {"any": […]} or {"not": …}'],
    [[], 'filter must be an object: {"path": …}, {"all": […]}, {"any": […]} or {"not": …}'],
    [{}, "filter.path must be 1 to 20 names with dots between them, or a list of names"],
    [{ path: "a" }, "filter needs a test beside path: exists, equals, in, prefix, gt, gte, lt, lte"],
    [{ path: "a", is: 1 }, "filter.is is not a test; there are exists, equals, in, prefix, gt, gte, lt, lte"],
    [{ path: "a..b", equals: 1 }, "filter.path must be 1 to 20 names with dots between them, or a list of names"],
    [{ path: [], equals: 1 }, "filter.path must be 1 to 20 names with dots between them, or a list of names"],
    [{ path: "a", equals: {} }, "filter.equals must be a text, a number, true, false or null"],
    [{ path: "a", equals: [1] }, "filter.equals must be a text, a number, true, false or null"],
    [{ path: "a", in: [] }, "filter.in must be a list of at least one value"],
    [{ path: "a", in: [1, {}] }, "filter.in[1] must be a text, a number, true, false or null"],
    [{ path: "a", exists: 1 }, "filter.exists must be true or false"],
    [{ path: "a", prefix: 1 }, "filter.prefix must be a text"],
    [{ path: "a", gte: "1" }, "filter.gte must be a number"],
    [{ path: "a", gte: 9007199254740992 }, 'filter.gte has more than 15 digits: write it as {"number": "…"}'],
    [
      { path: "a", gte: { number: "1e10000" } },
      "filter.gte.number must be a number written as a text, with an exponent of at most four digits",
    ],
    [{ all: [] }, "filter.all must be a list of at least one condition"],
    [{ all: [leaf, { any: leaf }] }, "filter.all[1].any must be a list of at least one condition"],
    [{ all: [leaf], path: "a" }, "filter.path may not stand beside all"],
    [{ not: [leaf] }, 'filter.not must be an object: {"path": …}, {"all": […]}, {"any": […]} or {"not": …}'],
    [nested(9), `filter${".not".repeat(8)} is nested deeper than 8 conditions`],
    [{ all: Array.from({ length: 50 }, () => leaf) }, "filter has at most 50 conditions"],
    [{ path: "a", equals: "x".repeat(4096) }, "filter has at most 4096 characters"],
  ])("refuses %j", (value, reason) => {
    expect(parseContentFilter(value)).toEqual({ ok: false, reason });
  });
});

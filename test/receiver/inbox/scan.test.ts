import { describe, expect, it } from "vitest";
import { NO_FILTER } from "../../../workers/receiver/event/filter.ts";
import { isOutside, leastWanted, type Part, SCAN_PARTS, scan } from "../../../workers/receiver/inbox/queries/scan.ts";

const part = (firstSeq: number, cost: number, more: Partial<Part> = {}): Part => {
  return { in: "segment", firstSeq, lastSeq: firstSeq, epoch: "e", cost, least: 0, ...more };
};

describe("scan", () => {
  const costs = (...costs: number[]) => costs.map((cost, index) => part(index + 1, cost));
  const cases: [name: string, parts: Part[], limit: number, scanBytes: number, taken: number[], stop: number | null][] =
    [
      ["nothing", [], 1, 100, [], null],
      ["all", costs(50, 50), 1, 100, [1, 2], null],
      ["one too many", costs(50, 50, 1), 1, 100, [1, 2], 3],
      ["the first, whatever it costs", costs(500, 1), 1, 100, [1], 2],
      ["free ones, and the first that costs", costs(0, 0, 500, 1), 1, 100, [1, 2, 3], 4],
      ["none behind an edge", [part(1, 1), part(2, 0, { in: "edge" }), part(3, 1)], 1, 100, [1], 2],
      ["until the limit", [part(1, 1, { least: 2 }), part(2, 1, { least: 1 }), part(3, 1)], 3, 100, [1, 2], 3],
      ["at most so many", costs(...Array(SCAN_PARTS + 2).fill(0)), 1, 100, upTo(SCAN_PARTS), SCAN_PARTS + 1],
    ];
  it.each(cases)("takes %s", (_name, parts, limit, scanBytes, taken, stop) => {
    const read: number[] = [];
    const stopped = scan(parts, { limit, scanBytes }, (part) => {
      read.push(part.firstSeq);
      return part.least;
    });
    expect([read, stopped?.firstSeq ?? null]).toEqual([taken, stop]);
  });

  it("says how many events are left to find", () => {
    const left: number[] = [];
    scan([part(1, 1), part(2, 1), part(3, 1)], { limit: 5, scanBytes: 100 }, (_part, wanted) => {
      left.push(wanted);
      return 2;
    });
    expect(left).toEqual([5, 3, 1]);
  });
});

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

describe("leastWanted", () => {
  const segment = { firstSeq: 11, lastSeq: 20, n: 10 };
  const all = { filter: NO_FILTER, range: { from: 1, to: 100 }, cleared: [], counts: '{"a":4,"b":6}' };
  const a = { ...NO_FILTER, source: "a" };
  const cases: [name: string, wanted: Partial<Parameters<typeof leastWanted>[1]>, least: number][] = [
    ["everything", {}, 10],
    ["its end", { range: { from: 18, to: 100 } }, 3],
    ["its begin", { range: { from: 1, to: 12 } }, 2],
    ["a source", { filter: a }, 4],
    ["another source", { filter: { ...a, source: "c" } }, 0],
    ["a source named like a method", { filter: { ...a, source: "constructor" } }, 0],
    ["a source, counts unknown", { filter: a, counts: null }, 0],
    ["a source in a part of it", { filter: a, range: { from: 12, to: 100 } }, 0],
    ["a text", { filter: { ...a, q: "x" } }, 0],
    ["a time", { filter: { ...NO_FILTER, since: 0 } }, 0],
    ["what a clear reached", { cleared: [{ source: "b", seq: 11 }] }, 0],
    ["what a clear did not reach", { cleared: [{ source: null, seq: 10 }] }, 10],
  ];
  it.each(cases)("of %s", (_name, wanted, least) => expect(leastWanted(segment, { ...all, ...wanted })).toBe(least));
});

describe("isOutside", () => {
  const cases: [since: number | null, until: number | null, outside: boolean][] = [
    [null, null, false],
    [20, null, false],
    [21, null, true],
    [null, 11, false],
    [null, 10, true],
    [15, 16, false],
  ];
  it.each(cases)("since %s until %s, of what came from 10 to 20: %s", (since, until, outside) => {
    expect(isOutside({ ...NO_FILTER, since, until }, { from: 10, to: 20 })).toBe(outside);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Concurrency } from "../../../workers/sender/endpoint/concurrency.ts";

const delivered = { status: 200, code: null };
const busy = { status: 429, code: null };

/** Ends a round: as many attempts as are allowed were under way, all since `at`. Returns how many there were. */
function round(
  concurrency: Concurrency,
  ending: { status: number; code: string | null },
  at: number,
  max = 48,
): number {
  const underWay = concurrency.allowed(max);
  for (let left = underWay; left > 0; left--) concurrency.note(ending, { at, now: at + 1, underWay: left, max });
  return underWay;
}

describe("Concurrency", () => {
  it("begins with six, and grows by a third and more each round while all is well, up to the most", () => {
    const concurrency = new Concurrency();
    const rounds = Array.from({ length: 8 }, (_, at) => round(concurrency, delivered, at));
    expect(rounds[0]).toBe(6);
    for (const [index, size] of rounds.slice(1).entries()) {
      expect(size).toBeGreaterThanOrEqual(Math.min(48, Math.floor((rounds[index] ?? 0) * 1.33)));
    }
    expect(rounds.at(-1)).toBe(48);
  });

  it("is halved once by all that fail together, and then grows by one a round", () => {
    const concurrency = new Concurrency();
    for (let at = 0; at < 8; at++) round(concurrency, delivered, at);
    round(concurrency, busy, 10);
    expect(concurrency.allowed(48)).toBe(24);
    for (let at = 20; at < 60; at += 2) {
      const before = concurrency.allowed(48);
      round(concurrency, delivered, at);
      expect(concurrency.allowed(48) - before).toBeLessThanOrEqual(1);
    }
    expect(concurrency.allowed(48)).toBeGreaterThan(30);
  });

  it.each([
    [429, null],
    [503, null],
    [0, "timeout"],
    [0, "connection_failed"],
    [0, "courier_lost"],
    [522, "connect_timeout"],
    [521, "connection_refused"],
  ])("is halved by %i %s", (status, code) => {
    const concurrency = new Concurrency();
    concurrency.note({ status, code }, { at: 1, now: 2, underWay: 6, max: 48 });
    expect(concurrency.allowed(48)).toBe(3);
  });

  it.each([
    [500, null],
    [404, null],
    [0, "dns_not_found"],
    [0, "address_forbidden"],
  ])("stays with %i %s", (status, code) => {
    const concurrency = new Concurrency();
    concurrency.note({ status, code }, { at: 1, now: 2, underWay: 6, max: 48 });
    expect(concurrency.allowed(48)).toBe(6);
  });

  it("does not grow while only a few are under way", () => {
    const concurrency = new Concurrency();
    for (let at = 0; at < 1000; at++) concurrency.note(delivered, { at, now: at, underWay: 1, max: 48 });
    expect(concurrency.allowed(48)).toBe(6);
  });

  it("is at least one and at most what is asked for, whatever comes", () => {
    const endings = fc.constantFrom(delivered, busy, { status: 0, code: "timeout" }, { status: 500, code: null });
    fc.assert(
      fc.property(fc.array(endings), fc.integer({ min: 1, max: 192 }), (list, max) => {
        const concurrency = new Concurrency();
        for (const [at, ending] of list.entries()) {
          concurrency.note(ending, { at, now: at, underWay: concurrency.allowed(max), max });
          expect(concurrency.allowed(max)).toBeGreaterThanOrEqual(1);
          expect(concurrency.allowed(max)).toBeLessThanOrEqual(max);
        }
      }),
    );
  });
});

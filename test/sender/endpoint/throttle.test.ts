import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BUDGET, Throttle } from "../../../workers/sender/endpoint/throttle.ts";

const free = { ordered: false, perSecond: null };

describe("Throttle", () => {
  it.each([
    ["six", free, 6],
    ["one when ordered", { ordered: true, perSecond: null }, 1],
  ])("lets %s start at once", (_name, rules, slots) => {
    const throttle = new Throttle(0);
    let started = 0;
    for (; throttle.ask(0, rules).go; started++) throttle.start(0, null);
    expect(started).toBe(slots);
    throttle.finish(false);
    expect(throttle.ask(0, rules).go).toBe(true);
  });

  it("goes down to one at a time after three failures in a row, until something is delivered", () => {
    const throttle = new Throttle(0);
    for (let i = 0; i < 3; i++) {
      throttle.start(0, null);
      throttle.finish(true);
    }
    throttle.start(0, null);
    expect(throttle.ask(0, free)).toEqual({ go: false, why: "busy" });
    throttle.finish(false);
    throttle.start(0, null);
    expect(throttle.ask(0, free).go).toBe(true);
  });

  it("counts look-ups and attempts against the budget of one invocation", () => {
    const throttle = new Throttle(0);
    for (let i = 0; i < BUDGET / 2; i++) {
      throttle.start(0, null);
      throttle.spend(1);
      throttle.finish(false);
    }
    expect(throttle.ask(0, free)).toEqual({ go: false, why: "spent" });
    throttle.refill();
    expect(throttle.ask(0, free).go).toBe(true);
  });

  it("waits a second after a restart: a request may have started just before", () => {
    const throttle = new Throttle(5000);
    expect(throttle.ask(5000, { ordered: false, perSecond: 10 })).toEqual({ go: false, why: "rate", waitMs: 1000 });
    expect(throttle.ask(6000, { ordered: false, perSecond: 10 }).go).toBe(true);
  });

  it("never starts more than its rate in any second, and drains as fast as that allows", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200 }),
        (perSecond, pauses) => {
          const throttle = new Throttle(-1000);
          const starts: number[] = [];
          let now = 0;
          for (const pause of pauses) {
            now += pause;
            throttle.refill();
            const verdict = throttle.ask(now, { ordered: false, perSecond });
            if (!verdict.go && verdict.why === "rate") now += verdict.waitMs;
            expect(throttle.ask(now, { ordered: false, perSecond }).go).toBe(true);
            throttle.start(now, perSecond);
            throttle.finish(false);
            starts.push(now);
          }
          for (const [index, start] of starts.entries()) {
            const nth = starts[index + perSecond];
            if (nth !== undefined) expect(nth - start).toBeGreaterThanOrEqual(1000);
          }
        },
      ),
    );
  });
});

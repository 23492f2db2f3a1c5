import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BUDGET, Gate } from "../../../workers/sender/endpoint/throttle.ts";

const free = { ordered: false, perSecond: null };

describe("Gate", () => {
  it.each([
    ["six", free, 6],
    ["one when ordered", { ordered: true, perSecond: null }, 1],
  ])("lets %s start at once", (_name, rules, slots) => {
    const gate = new Gate(0);
    let started = 0;
    for (; gate.ask(0, rules).go; started++) gate.start(0, null);
    expect(started).toBe(slots);
    gate.finish(false);
    expect(gate.ask(0, rules).go).toBe(true);
  });

  it("goes down to one at a time after three failures in a row, until something is delivered", () => {
    const gate = new Gate(0);
    for (let i = 0; i < 3; i++) {
      gate.start(0, null);
      gate.finish(true);
    }
    gate.start(0, null);
    expect(gate.ask(0, free)).toEqual({ go: false, why: "busy" });
    gate.finish(false);
    gate.start(0, null);
    expect(gate.ask(0, free).go).toBe(true);
  });

  it("counts look-ups and attempts against the budget of one invocation", () => {
    const gate = new Gate(0);
    for (let i = 0; i < BUDGET / 2; i++) {
      gate.start(0, null);
      gate.spend(1);
      gate.finish(false);
    }
    expect(gate.ask(0, free)).toEqual({ go: false, why: "spent" });
    gate.refill();
    expect(gate.ask(0, free).go).toBe(true);
  });

  it("waits a second after it was born: a life before may have just sent", () => {
    const gate = new Gate(5000);
    expect(gate.ask(5000, { ordered: false, perSecond: 10 })).toEqual({ go: false, why: "rate", waitMs: 1000 });
    expect(gate.ask(6000, { ordered: false, perSecond: 10 }).go).toBe(true);
  });

  it("never starts more than its rate in any second, and drains as fast as that allows", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200 }),
        (perSecond, pauses) => {
          const gate = new Gate(-1000);
          const starts: number[] = [];
          let now = 0;
          for (const pause of pauses) {
            now += pause;
            gate.refill();
            const verdict = gate.ask(now, { ordered: false, perSecond });
            if (!verdict.go && verdict.why === "rate") now += verdict.waitMs;
            expect(gate.ask(now, { ordered: false, perSecond }).go).toBe(true);
            gate.start(now, perSecond);
            gate.finish(false);
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

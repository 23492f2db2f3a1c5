import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PARCELS } from "../../../workers/sender/endpoint/couriers.ts";
import { BUDGET, FAILING_RATE, Throttle } from "../../../workers/sender/endpoint/throttle.ts";

const free = { ordered: false, rate: null, concurrency: 48 };
const rate = (count: number, windowMs = 1000) => ({ count, windowMs });
const rated = (count: number) => ({ ...free, rate: rate(count) });
const delivered = { status: 200, code: null };
const failed = { status: 500, code: null };
const when = (now: number) => ({ at: now, now, max: 48 });

describe("Throttle", () => {
  it.each([
    ["six", free, 6],
    ["as many as are allowed", { ...free, concurrency: 2 }, 2],
    ["one when ordered", { ...free, ordered: true }, 1],
  ])("lets %s start at once", (_name, limits, slots) => {
    const throttle = new Throttle(0);
    let started = 0;
    for (; throttle.ask(0, limits).go; started++) throttle.start(0, null);
    expect(started).toBe(slots);
    throttle.finish(delivered, when(0));
    expect(throttle.ask(0, limits).go).toBe(true);
  });

  it("goes down to one at a time after three failures in a row, until something is delivered", () => {
    const throttle = new Throttle(0);
    for (let i = 0; i < 3; i++) {
      throttle.start(0, null);
      throttle.finish(failed, when(0));
    }
    throttle.start(0, null);
    expect(throttle.ask(0, free)).toEqual({ go: false, why: "busy" });
    throttle.finish(delivered, when(0));
    throttle.start(0, null);
    expect(throttle.ask(0, free).go).toBe(true);
  });

  it("starts no more than its rate while an endpoint keeps failing, until something is delivered", () => {
    const { count, windowMs } = FAILING_RATE;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: windowMs }), { minLength: 5, maxLength: 50 }), (pauses) => {
        const throttle = new Throttle(0);
        const starts: number[] = [];
        let now = 0;
        for (const pause of pauses) {
          now += pause;
          throttle.refill();
          const verdict = throttle.ask(now, free);
          if (!verdict.go && verdict.why === "rate") now += verdict.waitMs;
          expect(throttle.ask(now, free).go).toBe(true);
          if (throttle.slowed) starts.push(now);
          throttle.start(now, null);
          throttle.close();
          throttle.finish(failed, when(now));
        }
        for (const [index, start] of starts.entries()) {
          const nth = starts[index + count];
          if (nth !== undefined) expect(nth - start).toBeGreaterThanOrEqual(windowMs);
        }
        throttle.start(now, null);
        throttle.finish(delivered, when(now));
        expect(throttle.ask(now, free).go).toBe(true);
      }),
    );
  });

  it("lets a failing endpoint be tried at once after the clock was set back", () => {
    const throttle = new Throttle(0);
    for (let i = 0; i < 3 + FAILING_RATE.count; i++) {
      throttle.start(1_000_000, null);
      throttle.close();
      throttle.finish(failed, when(1_000_000));
    }
    expect(throttle.ask(1_000_000, free)).toEqual({ go: false, why: "rate", waitMs: FAILING_RATE.windowMs });
    expect(throttle.ask(500_000, free).go).toBe(true);
  });

  it("counts calls against the budget of one invocation, not attempts", () => {
    const throttle = new Throttle(0);
    for (let calls = 0; calls < BUDGET; calls++) {
      for (let parcel = 0; parcel < PARCELS; parcel++) {
        expect(throttle.ask(0, free).go).toBe(true);
        throttle.start(0, null);
      }
      throttle.close();
      for (let parcel = 0; parcel < PARCELS; parcel++) throttle.finish(delivered, when(0));
    }
    expect(throttle.ask(0, free)).toEqual({ go: false, why: "spent" });
    throttle.refill();
    expect(throttle.ask(0, free).go).toBe(true);
  });

  it("lets a call that is begun be filled on the last of the budget", () => {
    const throttle = new Throttle(0);
    for (let calls = 0; calls < BUDGET - 1; calls++) throttle.spend();
    throttle.start(0, null);
    expect(throttle.ask(0, free).go).toBe(true);
    throttle.close();
    expect(throttle.ask(0, free)).toEqual({ go: false, why: "spent" });
  });

  it("makes no more calls in an invocation that was refused one, and none under way counts for it", () => {
    const throttle = new Throttle(0);
    throttle.start(0, null);
    throttle.close();
    throttle.takeBack();
    expect(throttle.ask(0, free)).toEqual({ go: false, why: "spent" });
    throttle.refill();
    let started = 0;
    for (; throttle.ask(0, free).go; started++) throttle.start(0, null);
    expect(started).toBe(6);
  });

  it.each([
    ["six of six are free", free, 0, true],
    ["half of six is free", free, 3, true],
    ["two of six are free", free, 4, false],
    ["the one of an ordered endpoint is free", { ...free, ordered: true }, 0, true],
    ["the one of an ordered endpoint is taken", { ...free, ordered: true }, 1, false],
  ])("fills a call when %s: %o with %i under way", (_name, limits, underWay, expected) => {
    const throttle = new Throttle(0);
    for (let started = 0; started < underWay; started++) throttle.start(0, null);
    expect(throttle.isFreeForCall(limits)).toBe(expected);
  });

  it("waits a second after a restart: a request may have started just before", () => {
    const throttle = new Throttle(5000);
    expect(throttle.ask(5000, rated(10))).toEqual({ go: false, why: "rate", waitMs: 1000 });
    expect(throttle.ask(6000, rated(10)).go).toBe(true);
  });

  it("waits for what is left of a long window after a restart, where the last start was stored", () => {
    const hourly = { ...free, rate: rate(1, 3_600_000) };
    const throttle = new Throttle(5_000_000);
    throttle.restore(2_000_000);
    expect(throttle.ask(5_000_000, hourly)).toEqual({ go: false, why: "rate", waitMs: 600_000 });
    expect(throttle.ask(5_600_000, hourly).go).toBe(true);
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
            const verdict = throttle.ask(now, rated(perSecond));
            if (!verdict.go && verdict.why === "rate") now += verdict.waitMs;
            expect(throttle.ask(now, rated(perSecond)).go).toBe(true);
            throttle.start(now, rate(perSecond));
            throttle.finish(delivered, when(now));
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

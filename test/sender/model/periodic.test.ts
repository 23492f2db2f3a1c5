import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { periodicTimes, valueData } from "../../../workers/sender/model/periodic.ts";

const MINUTE = 60_000;
const t = Date.UTC(2026, 0, 1, 12, 0, 0);

describe("periodicTimes", () => {
  it.each([
    ["the first tick", null, t, 6, t + MINUTE],
    ["a tick after another", t, t, 6, t + MINUTE],
    ["half a minute is covered", t + 30_000, t, 3, t + MINUTE],
    ["a long sleep", t - 60 * MINUTE, t, 6, t + MINUTE],
    ["a covered time from the far future", t + 60 * MINUTE, t, 6, t + MINUTE],
  ])("publishes at most one minute: %s", (_name, covered, tick, count, end) => {
    const window = periodicTimes(covered, tick, { now: tick, periodMs: 10_000 });
    expect(window?.times).toHaveLength(count);
    expect(window?.covered).toBe(end);
    expect(window?.times.at(-1)).toBe(end);
  });

  it.each([
    ["the same tick again", t + MINUTE, t, t],
    ["a tick more than a minute old", null, t, t + MINUTE + 1],
    ["a tick more than a minute ahead", null, t, t - MINUTE - 1],
  ])("publishes nothing for %s", (_name, covered, tick, now) => {
    expect(periodicTimes(covered, tick, { now, periodMs: 10_000 })).toBeNull();
  });

  it("publishes nothing when turned off", () => {
    expect(periodicTimes(null, t, { now: t, periodMs: 0 })).toBeNull();
  });

  it("gives each multiple once over ticks that come twice, late or not at all", () => {
    const ticks = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 59_000 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(ticks, fc.integer({ min: 1, max: 90 }), (steps, seconds) => {
        let [covered, tick]: [number | null, number] = [null, t];
        const seen: number[] = [];
        for (const [minutes, lateMs] of steps) {
          tick += minutes * MINUTE;
          const window = periodicTimes(covered, tick, { now: tick + lateMs, periodMs: seconds * 1000 });
          covered = window?.covered ?? covered;
          seen.push(...(window?.times ?? []));
        }
        expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
        expect(seen.every((due) => due % (seconds * 1000) === 0)).toBe(true);
      }),
    );
  });
});

describe("valueData", () => {
  it.each([
    [0, 1],
    [0.999999, 100],
  ])("with random %d has value %i and a timestamp in seconds", (random, value) => {
    expect(JSON.parse(valueData(1_700_000_000_999, random))).toEqual({ timestamp: 1_700_000_000, value });
  });
});

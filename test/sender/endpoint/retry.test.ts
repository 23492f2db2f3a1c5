import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRetryAfter, retryDelay, wakeTime } from "../../../workers/sender/endpoint/retry.ts";
import { RETRY_DELAYS_SECONDS } from "../../../workers/sender/model/retry-schedule.ts";

const delays = RETRY_DELAYS_SECONDS.map((seconds) => seconds * 1000);
const middle = { retryAfterMs: null, random: 0.5 };

describe("retryDelay", () => {
  it("follows the specification's ten attempts and then ends", () => {
    const seconds = Array.from({ length: 10 }, (_, index) => retryDelay(delays, index + 1, middle));
    expect(seconds).toEqual([...delays, null]);
  });

  it.each([
    ["the least jitter", 1, { retryAfterMs: null, random: 0 }, 4000],
    ["the most jitter", 1, { retryAfterMs: null, random: 1 }, 6000],
    ["a longer Retry-After", 1, { retryAfterMs: 60_000, random: 0.5 }, 60_000],
    ["a shorter Retry-After", 2, { retryAfterMs: 1000, random: 0.5 }, 300_000],
    ["a Retry-After of a week", 1, { retryAfterMs: 604_800_000, random: 0.5 }, 86_400_000],
    ["a Retry-After after the last attempt", 10, { retryAfterMs: 1000, random: 0.5 }, null],
  ])("waits as asked with %s", (_name, attempt, asked, expected) => {
    expect(retryDelay(delays, attempt, asked)).toBe(expected);
  });

  it("stays within 20 % of the schedule, and never below a Retry-After", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.option(fc.integer({ min: 0, max: 1e9 })),
        (attempt, random, retryAfterMs) => {
          const delay = retryDelay(delays, attempt, { random, retryAfterMs }) ?? -1;
          const base = delays[attempt - 1] ?? 0;
          expect(delay).toBeGreaterThanOrEqual(Math.floor(base * 0.8));
          expect(delay).toBeGreaterThanOrEqual(Math.min(retryAfterMs ?? 0, 86_400_000));
          expect(delay).toBeLessThanOrEqual(Math.max(Math.ceil(base * 1.2), Math.min(retryAfterMs ?? 0, 86_400_000)));
        },
      ),
    );
  });
});

describe("parseRetryAfter", () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  it.each([
    [null, null],
    ["0", 0],
    ["120", 120_000],
    ["Thu, 01 Jan 2026 12:02:00 GMT", 120_000],
    ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
    ["-1", null],
    ["1.5", null],
    ["soon", null],
    ["May", null],
    ["2026-01-01T12:02:00Z", null],
    ["9999999999", null],
    ["", null],
  ])("reads %j as %j", (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});

describe("wakeTime", () => {
  it("is never before what is due, and at most half a second after", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (due) => {
        expect(wakeTime(due) - due).toBeGreaterThanOrEqual(0);
        expect(wakeTime(due) - due).toBeLessThan(500);
        expect(wakeTime(wakeTime(due))).toBe(wakeTime(due));
      }),
    );
  });
});

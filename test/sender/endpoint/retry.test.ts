import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRetryAfter, retryDelay, spreadOf, wakeTime } from "../../../workers/sender/endpoint/retry.ts";
import { RETRY_DELAYS_SECONDS } from "../../../workers/sender/model/retry-schedule.ts";

const delays = RETRY_DELAYS_SECONDS.map((seconds) => seconds * 1000);
const DAY = 86_400_000;
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("retryDelay", () => {
  it("follows the specification's ten attempts and then ends", () => {
    const seconds = Array.from({ length: 10 }, (_, index) => retryDelay(delays, index + 1, 0.5));
    expect(seconds).toEqual([...delays, null]);
  });

  it.each([
    ["the least jitter", 1, 0, 4000],
    ["the most jitter", 1, 1, 6000],
    ["no attempt left", 10, 0.5, null],
  ])("waits with %s", (_name, attempt, random, expected) => {
    expect(retryDelay(delays, attempt, random)).toBe(expected);
  });

  it("stays within 20 % of the schedule", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), anyRandom, (attempt, random) => {
        const delay = retryDelay(delays, attempt, random) ?? -1;
        const base = delays[attempt - 1] ?? 0;
        expect(delay).toBeGreaterThanOrEqual(Math.floor(base * 0.8));
        expect(delay).toBeLessThanOrEqual(Math.ceil(base * 1.2));
      }),
    );
  });
});

describe("spreadOf", () => {
  it.each([
    ["a fifth of a short wait", 10_000, 1, 2000],
    ["a minute of a long one", DAY, 1, 60_000],
    ["nothing at best", DAY, 0, 0],
  ])("is at most %s", (_name, wait, random, expected) => {
    expect(spreadOf(wait, random)).toBe(expected);
  });

  it("never comes back before the server said", () => {
    fc.assert(
      fc.property(fc.nat(DAY), anyRandom, (wait, random) => {
        expect(spreadOf(wait, random)).toBeGreaterThanOrEqual(0);
        expect(spreadOf(wait, random)).toBeLessThanOrEqual(60_000);
      }),
    );
  });
});

describe("parseRetryAfter", () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  it.each([
    [null, null],
    ["0", 0],
    ["120", 120_000],
    [" 120 ", 120_000],
    ["00120", 120_000],
    ["Thu, 01 Jan 2026 12:02:00 GMT", 120_000],
    ["Thursday, 01-Jan-26 12:02:00 GMT", 120_000],
    ["Thu Jan  1 12:02:00 2026", 120_000],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 0],
    ["Saturday, 01-Jan-77 00:00:00 GMT", 0],
    ["Friday, 01-Jan-76 00:00:00 GMT", DAY],
    ["Sun Nov  6 08:49:37 1994", 0],
    ["Tue Jan 13 12:00:00 2026", DAY],
    ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
    ["-1", null],
    ["1.5", null],
    ["soon", null],
    ["May", null],
    ["2026-01-01T12:02:00Z", null],
    ["9999999999", DAY],
    ["9".repeat(400), DAY],
    ["Sat, 30 Feb 2026 12:00:00 GMT", null],
    ["Thu, 01 Foo 2026 12:02:00 GMT", null],
    ["Thu, 01 Jan 2026 25:02:00 GMT", null],
    ["Thu, 01 Jan 2026 12:02:00 CET", null],
    ["Thu Jan 1 12:02:00 2026", null],
    ["+30", null],
    ["1e3", null],
    ["", null],
  ])("reads %j as %j", (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});

describe("a Retry-After of any form", () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  const named = (at: Date, options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat("en-US", { ...options, timeZone: "UTC" }).format(at);
  const clock = (at: Date) => at.toISOString().slice(11, 19);
  const day = (at: Date) => String(at.getUTCDate()).padStart(2, "0");
  const forms: [name: string, write: (at: Date) => string][] = [
    ["seconds", (at) => String(Math.max(0, (at.getTime() - now) / 1000))],
    ["IMF-fixdate", (at) => at.toUTCString()],
    [
      "RFC 850",
      (at) =>
        `${named(at, { weekday: "long" })}, ${day(at)}-${named(at, { month: "short" })}-${named(at, { year: "2-digit" })} ${clock(at)} GMT`,
    ],
    [
      "asctime",
      (at) =>
        `${named(at, { weekday: "short" })} ${named(at, { month: "short" })} ${String(at.getUTCDate()).padStart(2)} ${clock(at)} ${at.getUTCFullYear()}`,
    ],
  ];
  it.each(forms)("says the same wait as %s, a day at most", (_name, write) => {
    fc.assert(
      fc.property(fc.integer({ min: -20 * 365 * 86_400, max: 40 * 365 * 86_400 }), (seconds) => {
        const text = write(new Date(now + seconds * 1000));
        expect(parseRetryAfter(text, now)).toBe(Math.min(Math.max(0, seconds * 1000), DAY));
      }),
    );
  });

  it("is never taken for one when it is none", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const wait = parseRetryAfter(text, now);
        expect(wait === null || /^\d+$/.test(text.trim())).toBe(true);
      }),
    );
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

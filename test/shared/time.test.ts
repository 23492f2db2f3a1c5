import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isoTime } from "../../shared/time.ts";

describe("isoTime", () => {
  it.each([
    ["UTC", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"],
    ["an offset", "2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00.000Z"],
    ["a fraction of nine digits", "2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123Z"],
  ])("reads %s", (_name, text, expected) => {
    expect(isoTime(text)).toBe(Date.parse(expected));
  });

  it.each([
    ["no zone", "2026-01-31T12:00:00"],
    ["a date", "2026-01-31"],
    ["no seconds", "2026-01-31T12:00Z"],
    ["lower case", "2026-01-31t12:00:00z"],
    ["a month that does not exist", "2026-13-31T12:00:00Z"],
    ["a fraction of ten digits", "2026-01-31T12:00:00.1234567890Z"],
    ["February 30", "2026-02-30T12:00:00Z"],
    ["February 29 of a year without one", "2026-02-29T12:00:00Z"],
    ["April 31", "2026-04-31T00:00:00+02:00"],
    ["day 0", "2026-01-00T12:00:00Z"],
    ["hour 24", "2026-01-31T24:00:00Z"],
    ["an offset of no clock", "2026-01-31T12:00:00+24:00"],
    ["white space", " 2026-01-31T12:00:00Z"],
    ["nothing", ""],
  ])("refuses %s", (_name, text) => {
    expect(isoTime(text)).toBeNull();
  });

  it("reads each day that the calendar has, and no other", () => {
    const number = (max: number) => fc.integer({ min: 0, max });
    fc.assert(
      fc.property(number(9999), number(13), number(32), (year, month, day) => {
        const [y, m, d] = [String(year).padStart(4, "0"), ...[month, day].map((n) => String(n).padStart(2, "0"))];
        const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
        const days = [0, 31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month] ?? 0;
        const at = isoTime(`${y}-${m}-${d}T23:59:59Z`);
        expect(at === null).toBe(day < 1 || day > days);
        if (at !== null) expect(new Date(at).toISOString()).toBe(`${y}-${m}-${d}T23:59:59.000Z`);
      }),
      { numRuns: 2000 },
    );
  });
});

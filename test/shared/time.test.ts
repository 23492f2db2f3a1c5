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
    ["white space", " 2026-01-31T12:00:00Z"],
    ["nothing", ""],
  ])("refuses %s", (_name, text) => {
    expect(isoTime(text)).toBeNull();
  });
});

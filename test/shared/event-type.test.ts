import { describe, expect, it } from "vitest";
import { isEventType, isTypePattern, MAX_TYPE_LENGTH, matchesType, typePrefix } from "../../shared/event-type.ts";

const longest = "x".repeat(MAX_TYPE_LENGTH);

describe("isEventType", () => {
  it.each(["a", "order.paid", "A_1.b.c", longest])("takes %s", (text) => {
    expect(isEventType(text)).toBe(true);
  });

  it.each(["", ".", "a.", ".a", "a..b", "a-b", "a b", "é", "order.*", `${longest}x`])("refuses %s", (text) => {
    expect(isEventType(text)).toBe(false);
  });
});

describe("isTypePattern", () => {
  it.each(["a", "order.paid", "order.*", "a.b.*"])("takes %s", (text) => {
    expect(isTypePattern(text)).toBe(true);
  });

  it.each(["", "*", ".*", "a.*.b", "a*", "a..*", "a.*.*", `${longest}.*`])("refuses %s", (text) => {
    expect(isTypePattern(text)).toBe(false);
  });
});

describe("matchesType", () => {
  it.each([
    ["order.paid", "order.paid", true],
    ["order.paid", "order.paid.twice", false],
    ["order.*", "order.paid", true],
    ["order.*", "order.x.y", true],
    ["order.*", "order", false],
    ["order.*", "orders.paid", false],
  ])("%s chooses %s: %s", (pattern, type, expected) => {
    expect(matchesType(pattern, type)).toBe(expected);
  });
});

describe("typePrefix", () => {
  it.each([
    ["order.*", "order."],
    ["order.paid", null],
  ])("of %s is %j", (pattern, expected) => {
    expect(typePrefix(pattern)).toBe(expected);
  });
});

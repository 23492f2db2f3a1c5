import { describe, expect, it } from "vitest";
import {
  hasInnerStar,
  isEventType,
  isTypePattern,
  MAX_TYPE_LENGTH,
  matchesType,
  typePrefix,
} from "../../shared/event-type.ts";

const longest = "x".repeat(MAX_TYPE_LENGTH);

describe("isEventType", () => {
  it.each(["a", "order.paid", "A_1.b.c", "order-items.sent-back", "-", longest])("takes %s", (text) => {
    expect(isEventType(text)).toBe(true);
  });

  it.each(["", ".", "a.", ".a", "a..b", "a b", "é", "order.*", `${longest}x`])("refuses %s", (text) => {
    expect(isEventType(text)).toBe(false);
  });
});

describe("isTypePattern", () => {
  it.each(["a", "order.paid", "order.*", "a.b.*", "a.*.b", "a.*.*", "a-b.*.c.*"])("takes %s", (text) => {
    expect(isTypePattern(text)).toBe(true);
  });

  it.each(["", "*", ".*", "*.a", "a*", "a.b*", "a.**", "a..*", "a.*.", `${longest}.*`])("refuses %s", (text) => {
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
    ["order.*.paid", "order.web.paid", true],
    ["order.*.paid", "order.paid", false],
    ["order.*.paid", "order.web.shop.paid", false],
    ["order.*.paid", "order.web.paid.twice", false],
    ["order.*.*", "order.web", false],
    ["order.*.*", "order.web.shop.paid", true],
    ["order.*.paid.*", "order.web.paid.twice.over", true],
    ["order.*.paid.*", "order.web.shop.paid.twice", false],
    ["a.*b", "a.xb", false],
  ])("%s chooses %s: %s", (pattern, type, expected) => {
    expect(matchesType(pattern, type)).toBe(expected);
  });
});

describe("typePrefix", () => {
  it.each([
    ["order.*", "order."],
    ["order.*.paid", "order."],
    ["a.b.*.c.*", "a.b."],
    ["a.*b.c", null],
    ["order.paid", null],
  ])("of %s is %j", (pattern, expected) => {
    expect(typePrefix(pattern)).toBe(expected);
  });
});

describe("hasInnerStar", () => {
  it.each([
    ["order.paid", false],
    ["order.*", false],
    ["order.*.paid", true],
    ["order.*.*", true],
  ])("of %s is %s", (pattern, expected) => {
    expect(hasInnerStar(pattern)).toBe(expected);
  });
});

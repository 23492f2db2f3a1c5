import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_EVENT_BYTES, normalizedData, parseEvents } from "../../../workers/sender/model/event.ts";
import { eventBody, readBodyText } from "../../../workers/sender/model/event-body.ts";

const DAY = 86_400_000;
const now = Date.UTC(2026, 0, 1);
const parse = (value: unknown) => parseEvents(JSON.stringify(value), { now, horizonMs: 30 * DAY });
const event = { type: "order.paid", data: { total: 42 } };

describe("parseEvents", () => {
  it.each([
    ["one event", event],
    ["null as data", { type: "a", data: null }],
    ["a text as data", { type: "a", data: "x" }],
    ["an id", { ...event, id: "order-1_A" }],
    ["the longest id", { ...event, id: "x".repeat(256) }],
    ["the longest type", { ...event, type: "x".repeat(128) }],
    ["a time to come", { ...event, deliverAt: "2026-01-02T00:00:00Z" }],
    ["a time with an offset", { ...event, deliverAt: "2026-01-02T00:00:00.5+02:00" }],
    ["a time when it happened", { ...event, timestamp: "1970-01-01T00:00:00Z" }],
    ["a time gone by", { ...event, deliverAt: "2025-01-02T00:00:00Z" }],
    ["data of the greatest size", { type: "a", data: "x".repeat(MAX_EVENT_BYTES - 2) }],
    ["a hundred events", Array.from({ length: 100 }, () => event)],
  ])("takes %s", (_name, value) => {
    expect(parse(value)).toMatchObject({ ok: true, single: !Array.isArray(value) });
  });

  it.each([
    ["no event", []],
    ["too many", Array.from({ length: 101 }, () => event)],
    ["null", null],
    ["a text", "x"],
    ["an array in an array", [[event]]],
    ["no type", { data: 1 }],
    ["an empty type", { type: "", data: 1 }],
    ["a type with an empty part", { type: "a..b", data: 1 }],
    ["a type with a space", { type: "a b", data: 1 }],
    ["a timestamp without a zone", { ...event, timestamp: "2026-01-02T00:00:00" }],
    ["a timestamp that is a number", { ...event, timestamp: 1_700_000_000 }],
    ["a timestamp of a day that there is not", { ...event, timestamp: "2026-02-30T00:00:00Z" }],
    ["a timestamp before 1970", { ...event, timestamp: "1970-01-01T00:00:00+00:01" }],
    ["a timestamp far ahead", { ...event, timestamp: "2300-01-01T00:00:00Z" }],
    [
      "a timestamp beside deliverAt",
      { ...event, timestamp: "2020-01-01T00:00:00Z", deliverAt: "2025-01-02T00:00:00Z" },
    ],
    ["a type too long", { type: "x".repeat(129), data: 1 }],
    ["a type that is a number", { type: 1, data: 1 }],
    ["a reserved type", { type: "webhook.test", data: 1 }],
    ["another reserved type", { type: "endpoint.disabled", data: 1 }],
    ["a third reserved type", { type: "delivery.failed", data: 1 }],
    ["no data", { type: "a" }],
    ["an id with a dot", { ...event, id: "a.b" }],
    ["an empty id", { ...event, id: "" }],
    ["an id too long", { ...event, id: "x".repeat(257) }],
    ["a null id", { ...event, id: null }],
    ["a time without a zone", { ...event, deliverAt: "2026-01-02T00:00:00" }],
    ["a date", { ...event, deliverAt: "2026-01-02" }],
    ["a number as time", { ...event, deliverAt: now + 1000 }],
    ["a day that does not exist", { ...event, deliverAt: "2026-13-02T00:00:00Z" }],
    ["the 30th of February", { ...event, deliverAt: "2026-02-30T00:00:00Z" }],
    ["a time too far ahead", { ...event, deliverAt: "2026-02-01T00:00:00Z" }],
    ["a member we do not know", { ...event, delverAt: "2026-01-02T00:00:00Z" }],
    ["data a byte too large", { type: "a", data: "x".repeat(MAX_EVENT_BYTES - 1) }],
    ["data too large in UTF-8 alone", { type: "a", data: "é".repeat(MAX_EVENT_BYTES / 2) }],
    ["one bad event among good ones", [event, { type: "a" }, event]],
  ])("refuses %s with a reason", (_name, value) => {
    const parsed = parse(value);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? "" : parsed.reason).toMatch(/\w/);
  });

  it("names the event of an array that is wrong", () => {
    expect(parse([event, { type: "a" }])).toEqual({ ok: false, reason: "event 1: data is missing" });
  });
});

describe("the data of parseEvents", () => {
  it.each([
    "9007199254740993",
    "1.10",
    "1E400",
    "-0",
    '{"2":1,"1":2}',
    '{"a":1,"a":2}',
    '"\\u0041\\/\\ud800"',
    '{ "a" : [ 1 ,\n 2 ] }',
    '{"__proto__":{"n":1.0}}',
  ])("is %s as it was written", (data) => {
    const text = `{"id":"x", "data": ${data} ,"type":"a"}`;
    expect(parseEvents(text, { now, horizonMs: 0 })).toMatchObject({ ok: true, events: [{ data }] });
    expect(parseEvents(`[${text},${text}]`, { now, horizonMs: 0 })).toMatchObject({ events: [{ data }, { data }] });
    expect(readBodyText(eventBody("a", now, data))).toEqual({
      type: "a",
      timestamp: new Date(now).toISOString(),
      data,
    });
  });

  it("is any JSON text, to the byte, through the body and back", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom("", " ", "\n\t"), (json, space) => {
        const parsed = parseEvents(`[{"data":${space}${json}${space},"type":"a"}]`, { now, horizonMs: 0 });
        const data = parsed.ok ? parsed.events[0]?.data : null;
        expect(data).toBe(json.trim());
        expect(readBodyText(eventBody("a", now, json)).data).toBe(json);
      }),
    );
  });

  it("may be 200 deep and no deeper", () => {
    const nested = (depth: number) => `{"type":"a","data":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(parseEvents(nested(200), { now, horizonMs: 0 }).ok).toBe(true);
    expect(parseEvents(nested(201), { now, horizonMs: 0 })).toMatchObject({
      ok: false,
      reason: expect.stringContaining("nested deeper than 200"),
    });
  });

  it("is refused when it is given twice", () => {
    const text = '{"type":"a","data":1,"data":2}';
    expect(parseEvents(text, { now, horizonMs: 0 })).toEqual({ ok: false, reason: "data is given twice" });
  });
});

describe("normalizedData", () => {
  it.each([
    ["9007199254740993", "9007199254740993"],
    ["1.10", "1.10"],
    ["-0", "-0"],
    ['{ "a" : [1.0, {"b":12345678901234567890}] }', '{"a":[1.0,{"b":12345678901234567890}]}'],
    ['"\\u0041"', '"A"'],
  ])("prints %s as %s", (data, printed) => expect(normalizedData(data)).toBe(printed));
});

describe("eventBody", () => {
  it("is type, ISO timestamp and data, in that order", () => {
    expect(eventBody("a.b", now, '{"x":1.10}')).toBe(
      '{"type":"a.b","timestamp":"2026-01-01T00:00:00.000Z","data":{"x":1.10}}',
    );
  });
});

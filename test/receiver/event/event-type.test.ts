import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { typeOf } from "../../../workers/receiver/event/event-type.ts";

describe("typeOf", () => {
  const deep = "[".repeat(10_000);
  const cases: [name: string, body: string | Uint8Array, type: string | null][] = [
    ["type", '{"type":"a.b","event":"c"}', "a.b"],
    ["event, without a type", '{"event":"c"}', "c"],
    ["event, when the type is no text", '{"type":1,"event":"c"}', "c"],
    ["event, when the type is empty", '{"type":"","event":"c"}', "c"],
    ["the last of two keys", '{"type":"a","type":"b"}', "b"],
    ["128 characters", `{"type":"${"x".repeat(128)}"}`, "x".repeat(128)],
    ["129 characters", `{"type":"${"x".repeat(129)}"}`, null],
    ["markup, as text", '{"type":"</script>"}', "</script>"],
    ["a lone surrogate", '{"type":"a\\ud800"}', "a\ufffd"],
    ["a prototype", '{"__proto__":{"type":"a"}}', null],
    ["an array", '[{"type":"a"}]', null],
    ["null", "null", null],
    ["a text", '"type"', null],
    ["a number", "1e999", null],
    ["no JSON", "type=a", null],
    ["JSON behind a byte-order mark", '\ufeff{"type":"a"}', null],
    ["nothing", "", null],
    ["10,000 levels", `${deep}${"]".repeat(10_000)}`, null],
    ["10,000 levels under a type", `{"type":"a","b":${deep}${"]".repeat(10_000)}}`, "a"],
    ["10,000 levels that never close", deep, null],
    ["no UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), null],
  ];
  it.each(cases)("%s", (_name, body, type) => {
    expect(typeOf(typeof body === "string" ? utf8(body) : body)).toBe(type);
  });

  const fields: [name: string, body: string, type: string | null][] = [
    ["inside an object", '{"type":"outer","event":{"type":"inner"}}', "inner"],
    ["that is not there", '{"type":"outer"}', "outer"],
    ["that is no text", '{"type":"outer","event":{"type":1}}', "outer"],
    ["behind a prototype", '{"__proto__":{"event":{"type":"a"}}}', null],
    ["in no JSON", "event.type=a", null],
  ];
  it.each(fields)("a field that the provider names, %s", (_name, body, type) => {
    expect(typeOf(utf8(body), "event.type")).toBe(type);
  });
});

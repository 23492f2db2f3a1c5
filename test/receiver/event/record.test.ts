import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import {
  bodyBytes,
  type EventRow,
  fromLine,
  lineOf,
  summaryOf,
  toRecord,
  toSummary,
} from "../../../workers/receiver/event/record.ts";
import { UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";
import { toLine } from "../support/logged.ts";

function row(body: Uint8Array): EventRow {
  return {
    seq: 7,
    at: Date.parse("2026-11-02T03:04:05.678Z"),
    source: "default",
    id: "msg_1",
    type: null,
    verification: "verified",
    ...{ method: "POST", path: "/webhook/a", query: "x=1" },
    bytes: body.byteLength,
    headers: '[["accept","*/*"]]',
    body: new Uint8Array(body).buffer,
  };
}

describe("toRecord", () => {
  it("keeps text as text", () => {
    expect(toRecord(row(utf8("é")))).toEqual({
      seq: 7,
      id: "msg_1",
      source: "default",
      type: null,
      receivedAt: "2026-11-02T03:04:05.678Z",
      bytes: 2,
      verification: "verified",
      method: "POST",
      path: "/webhook/a",
      query: "x=1",
      headers: [["accept", "*/*"]],
      body: "é",
    });
  });
  it("keeps other bytes as base64, and says so", () => {
    expect(toRecord(row(new Uint8Array([255, 0])))).toMatchObject({ body: "/wA=", encoding: "base64", bytes: 2 });
  });
});

describe("lineOf and fromLine", () => {
  const bodies: [name: string, body: Uint8Array][] = [
    ["nothing", utf8("")],
    ["binary", new Uint8Array([0xff, 0xfe, 0x00, 0x80])],
    ["a byte-order mark", utf8("\ufeff{}")],
    ["line ends", utf8("a\r\nb\nc\u2028d\u0085")],
    ["NUL", utf8("\0")],
    ["an encoded surrogate", new Uint8Array([0xed, 0xa0, 0x80])],
    ["big numbers and double keys", utf8('{"id":9007199254740993,"a":1,"a":2}')],
    ["a prototype", utf8('{"__proto__":null}')],
    ["text that looks like base64", utf8("AAAA")],
  ];
  it.each(bodies)("give back %s", (_name, body) => {
    const line = toLine(row(body));
    expect(line).not.toContain("\n");
    expect(bodyBytes(fromLine(line))).toEqual(body);
  });

  it("give back any bytes", () => {
    const anything = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: "binary" }).map(utf8));
    fc.assert(
      fc.property(anything, (bytes) => {
        expect(bodyBytes(fromLine(toLine(row(bytes))))).toEqual(new Uint8Array(bytes));
      }),
    );
  });
});

describe("lineOf", () => {
  const old = { ...row(utf8("{}")), ...UNKNOWN_LINE };
  const line =
    '{"seq":7,"id":"msg_1","source":"default","type":null,"receivedAt":"2026-11-02T03:04:05.678Z","bytes":2,' +
    '"verification":"verified","headers":[["accept","*/*"]],"body":"{}"}';

  it("writes an event without a request line as version 0.1.0 did, and reads it as not known", () => {
    expect(toLine(old)).toBe(line);
    expect(fromLine(line)).toEqual(toRecord(old));
    expect(lineOf(fromLine(line))).toBe(line);
    expect(summaryOf(fromLine(line))).toEqual(toSummary(old));
  });

  it("gives back any method, path and query", () => {
    const text = fc.string({ unit: "binary" }).map((drawn) => drawn.toWellFormed());
    const line = fc.record({ method: text, path: text, query: fc.option(text) });
    fc.assert(
      fc.property(line, (drawn) => {
        expect(fromLine(toLine({ ...old, ...drawn }))).toMatchObject(drawn);
      }),
    );
  });
});

describe("summaryOf", () => {
  it("shows of a record what toSummary shows of its row", () => {
    const from = row(utf8("{}"));
    expect(summaryOf(toRecord(from))).toEqual(toSummary(from));
    for (const name of ["body", "headers", "path"]) expect(Object.keys(toSummary(from))).not.toContain(name);
  });
});

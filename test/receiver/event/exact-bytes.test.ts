import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64, utf8 } from "../../../shared/bytes.ts";
import type { Page } from "../../../workers/receiver/event/page.ts";
import type { EventRecord } from "../../../workers/receiver/event/record.ts";
import { call, get, send, tables, useEmptyStorage } from "../support/harness.ts";
import { awkwardText, type Logged, log, settle } from "../support/logged.ts";

useEmptyStorage();

type Bytes = Uint8Array<ArrayBuffer>;
type Body = { bytes: Bytes; type?: string };

/** Bodies that a log must give back unchanged; `type` where the body names one. */
const bodies: Record<string, Body> = {
  nothing: { bytes: utf8("") },
  "a space": { bytes: utf8(" ") },
  "every byte": { bytes: Uint8Array.from({ length: 256 }, (_, byte) => byte) },
  NUL: { bytes: utf8("\0\0") },
  "a byte-order mark": { bytes: utf8('\ufeff{"type":"a"}') },
  "a byte-order mark of UTF-16": { bytes: new Uint8Array([0xff, 0xfe, 0x7b, 0, 0x7d, 0]) },
  "line ends of all kinds": { bytes: utf8("a\r\nb\nc\rd\u2028e\u2029f\u0085g\v\f") },
  "a newline behind the JSON": { bytes: utf8('{"type":"a"}\r\n'), type: "a" },
  "UTF-8 that is cut off": { bytes: utf8("aé").slice(0, 2) },
  "UTF-8 that is too long": { bytes: new Uint8Array([0xc0, 0xaf]) },
  "an encoded surrogate": { bytes: new Uint8Array([0xed, 0xa0, 0x80]) },
  "lone surrogates in escapes": { bytes: utf8('{"type":"a\\ud800","b":"\\udc00\\ud83d"}'), type: "a\ufffd" },
  "noncharacters and the last code point": { bytes: utf8("\ufffe\uffff\u{10ffff}\ufffd") },
  "decomposed characters": { bytes: utf8("e\u0301 \u00e9") },
  "double keys": { bytes: utf8('{"type":"a","type":"b","x":1,"x":2}'), type: "b" },
  "big and odd numbers": { bytes: utf8('{"a":9007199254740993,"b":1.0,"c":1e400,"d":-0,"e":0.1000}') },
  "10,000 levels": { bytes: utf8("[".repeat(10_000) + "]".repeat(10_000)) },
  "10,000 levels of objects": { bytes: utf8(`${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`) },
  prototypes: { bytes: utf8('{"__proto__":{"type":"x"},"constructor":1,"toString":2}') },
  "only a prototype": { bytes: utf8('{"__proto__":null}') },
  "what looks like a line of the log": { bytes: utf8('{"seq":1,"body":"","encoding":"base64"}\n{"seq":2}\n') },
  "what looks like base64": { bytes: utf8("AAAA") },
  "escapes of several kinds": { bytes: utf8('{"a":"\\/\\u002f\\u003cscript\\u003e"}') },
};

/** Reads the event as it is shown, and its body as bytes. */
async function read(seq: number): Promise<{ record: EventRecord; shown: Bytes | null; body: Bytes }> {
  const record = await get<EventRecord>(`/events/${seq}`);
  const shown = record.encoding === "base64" ? fromBase64(record.body) : utf8(record.body);
  const response = await call(`/events/${seq}/body`);
  expect(response.status).toBe(200);
  return { record, shown, body: new Uint8Array(await response.arrayBuffer()) };
}

describe("an event's bytes", () => {
  it("are shown and given back as they came, from the Inbox and from KV", async () => {
    const entries = Object.entries(bodies);
    for (const [name, { bytes }] of entries) expect([name, (await send(name, bytes)).status]).toEqual([name, 200]);
    const before: EventRecord[] = [];
    for (const [index, [name, { bytes, type = null }]] of entries.entries()) {
      const { record, shown, body } = await read(index + 1);
      expect([name, shown, body]).toEqual([name, bytes, bytes]);
      expect(record).toMatchObject({ id: name, bytes: bytes.byteLength, type });
      before.push(record);
    }
    await settle();
    expect(await tables("tail")).toEqual([entries.length + 1]);
    for (const [index, [name, { bytes }]] of entries.entries()) {
      const { record, shown, body } = await read(index + 1);
      expect([name, record, shown, body]).toEqual([name, before[index], bytes, bytes]);
    }
  });

  it("are the same whatever they are", async () => {
    const anything = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: "binary" }).map(utf8));
    const sent: Bytes[] = [];
    await fc.assert(
      fc.asyncProperty(anything, async (drawn) => {
        const bytes = new Uint8Array(drawn);
        sent.push(bytes);
        expect((await send(`msg_${sent.length}`, bytes)).status).toBe(200);
        expect((await read(sent.length)).body).toEqual(bytes);
      }),
      { numRuns: 40 },
    );
    await settle();
    for (const [index, bytes] of sent.entries()) expect((await read(index + 1)).body).toEqual(bytes);
  });
});

describe("an event's request line", () => {
  const text = fc.oneof(
    awkwardText,
    fc.webPath(),
    fc.string({ unit: "binary" }).map((drawn) => drawn.toWellFormed()),
    fc.webQueryParameters(),
  );
  const line = fc.record({ path: text.map((drawn) => `/${drawn}`), query: fc.option(text, { nil: null }) });
  // Without pairs of a name and a value, as those of secrets are masked when they are read.
  const plain = line.filter(({ query }) => !/[a-z]/i.test(query ?? "") || !(query ?? "").includes("="));

  it("comes back as it was stored: from tail and segment, as a record, in both exports, and by its text", async () => {
    const sent: Logged[] = [];
    await fc.assert(
      fc.asyncProperty(plain, async (drawn) => {
        sent.push({ method: "POST", ...drawn });
        await log({ ...drawn, body: `${sent.length}` });
        expect(await get(`/events/${sent.length}`)).toMatchObject({ ...drawn, method: "POST" });
      }),
      { numRuns: 60 },
    );
    const check = async () => {
      const ndjson = (await (await call("/events/export")).text()).split("\n").slice(0, -1);
      expect(ndjson.map((each) => JSON.parse(each))).toMatchObject(sent);
      const csv = await (await call("/events/export?format=csv")).text();
      for (const [index, { path = "", query = null }] of sent.entries()) {
        expect(await get(`/events/${index + 1}`)).toMatchObject({ path, query });
        const target = query === null ? path : `${path}?${query}`;
        const page = await get<Page>(`/events?limit=500&q=${encodeURIComponent((target ?? "").slice(0, 200))}`);
        expect(page.events.map(({ seq }) => seq)).toContain(index + 1);
        const cell = (path ?? "").replaceAll('"', '""');
        if (!/[;\t\r\n]/.test(cell)) expect(csv).toContain(cell);
      }
    };
    await check();
    await settle();
    expect(await tables("tail")).toEqual([sent.length + 1]);
    await check();
  });
});

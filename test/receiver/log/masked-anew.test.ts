import { describe, expect, it } from "vitest";
import { isMasked } from "../../../workers/receiver/archive/masked-text.ts";
import type { EventRecord } from "../../../workers/receiver/event/record.ts";
import { UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";
import { Rejections } from "../../../workers/receiver/rejected/rejections.ts";
import { call, env, get, keys, useEmptyStorage } from "../support/harness.ts";
import { log, settle } from "../support/logged.ts";

/** Secrets that an earlier version stored, under names that its rule did not know: no reader gets them. */

useEmptyStorage();

const SECRET = "the-shop-s-own-secret-1234";
const headers: [string, string][] = [
  ["x-shop-token", SECRET],
  ["x-plain", "shown"],
];
/** As version 0.1.0 logged events, and as a later one did, which kept the query too. */
const OLD = { ...UNKNOWN_LINE, headers, body: "old" };
const LATER = {
  query: `access_token=${SECRET}&a=1`,
  headers: [...headers, ["referer", `/?x=${SECRET}`]],
  body: "later",
};

async function stored(place: string): Promise<void> {
  await log(OLD, { ...LATER, headers: LATER.headers as [string, string][] });
  if (place === "a segment") await settle();
}

describe.each(["a tail", "a segment"])("an event of %s with a secret of a name that was not known", (place) => {
  it("is stored as it was, and shown without it", async () => {
    await stored(place);
    const [key] = await keys();
    if (place === "a segment") expect(await env.EVENTS.get(key ?? "")).toContain(SECRET);
    for (const path of ["/events/1", "/events/2", "/e/1", "/e/2", "/events", "/"]) {
      const response = await call(path);
      expect([path, response.status, (await response.text()).includes(SECRET)]).toEqual([path, 200, false]);
    }
    expect((await get<EventRecord>("/events/1")).headers).toEqual([
      ["x-shop-token", "(masked)"],
      ["x-plain", "shown"],
    ]);
    expect(await get("/events/2")).toMatchObject({ query: "access_token=(masked)&a=1" });
  });

  it.each(["", "?format=csv", "?after=1", "?source=default", "?q=plain", "?paged=true"])(
    "is exported without it by %j",
    async (query) => {
      await stored(place);
      const text = await (await call(`/events/export${query}`)).text();
      expect(text).toContain("later");
      expect([text.includes("(masked)"), text.includes(SECRET)]).toEqual([true, false]);
    },
  );

  it("is not found by it", async () => {
    await stored(place);
    expect(await get(`/events?q=${SECRET}`)).toMatchObject({ events: [] });
    expect(await get("/events?q=x-plain:%20shown")).toMatchObject({ events: [{ seq: 2 }, { seq: 1 }] });
  });
});

describe("a rejected request with a secret of a name that was not known", () => {
  it("is shown without it", () => {
    const old = {
      ...UNKNOWN_LINE,
      at: 1,
      source: "a",
      reason: "missing_signature",
      diagnosis: null,
      bytes: 1,
      headers,
    };
    const rejections = new Rejections();
    rejections.load(JSON.stringify({ kept: [old], counts: { a: 1 }, savedAt: 1 }));
    expect(JSON.stringify(rejections.list(null))).not.toContain(SECRET);
  });
});

describe("isMasked", () => {
  const line = (more: object) => `${JSON.stringify({ seq: 1, query: null, headers: [], body: "", ...more })}\n`;
  it.each([
    [true, "no headers", line({})],
    [true, "plain headers", line({ headers: [["a", '["x-token","b"]']] })],
    [true, "masked ones", line({ headers: [["x-token", "(masked)"]] })],
    [
      false,
      "a secret",
      line({}) +
        line({
          headers: [
            ["a", "b"],
            ["x-token", "secret"],
          ],
        }),
    ],
    [false, "a secret that begins like the mask", line({ headers: [["x-token", '(masked)"']] })],
    [true, "a body that looks like headers", line({ body: '[["x-token","b"]]' })],
    [true, "a masked query", line({ query: "token=(masked)&b=1" })],
    [false, "the secret of a query", line({ query: 'a="&%74oken=b' })],
    [true, "a text that breaks off", '{"seq":1,"headers":[["x-'],
  ])("is %s for %s", (masked, _name, text) => expect(isMasked(text)).toBe(masked));
});

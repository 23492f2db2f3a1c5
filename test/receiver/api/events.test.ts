import { describe, expect, it } from "vitest";
import { pageQuery } from "../../../workers/receiver/api/events.ts";
import { NO_FILTER } from "../../../workers/receiver/event/filter.ts";
import { call, get, send, sendMany, useEmptyStorage } from "../support/harness.ts";

useEmptyStorage();

const query = (text: string) => pageQuery(new URLSearchParams(text), 100);

describe("pageQuery", () => {
  const cases: [text: string, page: object][] = [
    ["", { order: "before", seq: null, limit: 50 }],
    ["before=7&limit=1000", { order: "before", seq: 7, limit: 1000 }],
    ["after=0&limit=1", { order: "after", seq: 0, limit: 1 }],
    ["log=main&q=&source=a", { order: "before", seq: null, limit: 50, filter: { ...NO_FILTER, source: "a" } }],
    [
      "type=a.*&q=x%20y&since=2026-01-31&until=2026-01-31T10:00:00%2B02:00",
      {
        order: "before",
        seq: null,
        limit: 50,
        filter: {
          source: null,
          type: "a.*",
          q: "x y",
          since: Date.parse("2026-01-31T00:00:00Z"),
          until: Date.parse("2026-01-31T08:00:00Z"),
        },
      },
    ],
  ];
  it.each(cases)("%j", (text, page) => expect(query(text)).toEqual({ filter: NO_FILTER, ...page, scanBytes: 100 }));

  const refused: [text: string, code: string][] = [
    ["after=1&before=2", "invalid_parameter"],
    ["limit=0", "invalid_parameter"],
    ["limit=1001", "invalid_parameter"],
    ["limit=1.5", "invalid_parameter"],
    ["limit=", "invalid_parameter"],
    ["limit=1&limit=2", "invalid_parameter"],
    ["colour=red", "invalid_parameter"],
    ["q=a&q=b", "invalid_parameter"],
    ["since=yesterday", "invalid_parameter"],
    ["since=2026-02-30", "invalid_parameter"],
    ["until=2026-02-30T12:00:00Z", "invalid_parameter"],
    ["since=0000-01-01T00:00%2B00:01", "invalid_parameter"],
    ["until=9999-12-31T23:59-00:01", "invalid_parameter"],
    ["__proto__=1", "invalid_parameter"],
    ["after=", "invalid_cursor"],
    ["after=-1", "invalid_cursor"],
    ["after=01", "invalid_cursor"],
    ["after=1e3", "invalid_cursor"],
    ["after=1%20", "invalid_cursor"],
    ["before=msg_1", "invalid_cursor"],
    ["before=9999999999999999", "invalid_cursor"],
  ];
  it.each(refused)("refuses %j as %s", (text, code) => {
    expect(() => query(text)).toThrow(expect.objectContaining({ code }));
  });
});

describe("GET /events", () => {
  it("is an empty page of an empty log", async () => {
    expect(await get("/events")).toEqual({ events: [], next: null });
    expect(await get("/events?after=0")).toEqual({ events: [], next: 0, end: true });
  });

  it("shows summaries, newest first", async () => {
    await send("msg_1", '{"type":"a"}');
    await send("msg_2", new Uint8Array([255]));
    const summary = { source: "default", receivedAt: "2040-01-01T00:00:00.000Z", verification: "verified" };
    expect(await get("/events")).toEqual({
      events: [
        { seq: 2, id: "msg_2", type: null, bytes: 1, ...summary },
        { seq: 1, id: "msg_1", type: "a", bytes: 12, ...summary },
      ],
      next: null,
    });
  });

  it("pages both ways, and no arrival shifts a page", async () => {
    await sendMany(5, "a");
    const shown = async (path: string) => {
      const { events, ...rest } = await get<{ events: { seq: number }[] }>(path);
      return { seqs: events.map(({ seq }) => seq), ...rest };
    };
    expect(await shown("/events?limit=2")).toEqual({ seqs: [5, 4], next: 4 });
    await sendMany(3, "b");
    expect(await shown("/events?limit=2&before=4")).toEqual({ seqs: [3, 2], next: 2 });
    expect(await shown("/events?limit=2&before=2")).toEqual({ seqs: [1], next: null });
    expect(await shown("/events?limit=5&after=0")).toEqual({ seqs: [1, 2, 3, 4, 5], next: 5 });
    expect(await shown("/events?limit=5&after=5")).toEqual({ seqs: [6, 7, 8], next: 8, end: true });
    expect(await shown("/events?after=8")).toEqual({ seqs: [], next: 8, end: true });
    expect(await shown("/events?before=9")).toMatchObject({ seqs: [8, 7, 6, 5, 4, 3, 2, 1], next: null });
    expect(await shown("/events?before=1")).toEqual({ seqs: [], next: null });
  });

  it.each([
    ["after=2", 1],
    ["before=3", 1],
  ])("says of %s that the head is %i", async (cursor, head) => {
    await send("msg_1");
    const response = await call(`/events?${cursor}`);
    expect([response.status, await response.json()]).toEqual([
      409,
      expect.objectContaining({ code: "cursor_ahead", head }),
    ]);
  });

  it.each(["after=x", "limit=0", "colour=red"])("answers ?%s with 400", async (text) => {
    expect((await call(`/events?${text}`)).status).toBe(400);
  });

  it.each(["/events/1?colour=red", "/events/1/body?colour=red", "/events/1?log=main&log=main"])(
    "answers %s with 400",
    async (path) => {
      const response = await call(path);
      expect([response.status, await response.json()]).toMatchObject([400, { code: "invalid_parameter" }]);
    },
  );
});

describe("GET /events/:seq/body", () => {
  it("is a download that no browser renders", async () => {
    await send("msg_1", "<script>alert(1)</script>", { "content-type": "text/html" });
    const response = await call("/events/1/body");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": expect.stringMatching(/^attachment/),
      "x-content-type-options": "nosniff",
      "content-security-policy": expect.stringContaining("sandbox"),
    });
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { call, callWith, DAY, env, inbox, inInbox, pass, send, signed, useLaterTime } from "../support/harness.ts";
import { leaveAll, Stream, untilSockets, Viewer } from "../support/live-harness.ts";
import { flush, follow, log, reader, segments, settle } from "../support/logged.ts";

const SECRETS = { GITHUB: "github's own secret", TOKEN: "a shared token", VERIFY: "a verify token" };
const SOURCES = {
  gh: { scheme: "github", secrets: ["GITHUB"] },
  meta: { scheme: "meta", secrets: ["GITHUB"], handshakeSecret: "VERIFY" },
  quiet_meta: { scheme: "meta", secrets: ["GITHUB"] },
  shop: { scheme: "hmac", secrets: ["GITHUB"], hmac: { header: "x-sig" } },
  open: { scheme: "none", log: "internal" },
  broken: { scheme: "github", secrets: ["MISSING"] },
};
const changes = { ...SECRETS, SOURCES } as unknown as Partial<Env>;

type Listed = {
  sources: { name: string; events: number | null; rejected: number | null }[];
  logs: { name: string; viewers: number | null }[];
};

useLaterTime();

const counts = () => inInbox((instance) => instance.counts().events);

/** What pages show of each source. */
async function shown(): Promise<Record<string, number>> {
  const { events } = await follow(reader(), {});
  const bySource = Object.entries(Object.groupBy(events, ({ source }) => source));
  return Object.fromEntries(bySource.map(([source, own = []]) => [source, own.length]));
}

describe("countEvents", () => {
  it("counts tails and segments", async () => {
    expect(await counts()).toEqual({});
    await segments([{ source: "a" }, { source: "b" }], [{ source: "a" }]);
    await log({ source: "a" }, { source: "c" });
    await flush();
    await log({ source: "d" }, { source: "c" });
    expect(await counts()).toEqual({ a: 3, b: 1, c: 2, d: 1 });
  });

  it("counts no event that is past its retention", async () => {
    await segments([{ source: "a" }], [{ source: "b" }]);
    pass(31 * DAY);
    await log({ source: "c" });
    expect([await counts(), await shown()]).toEqual([{ c: 1 }, { c: 1 }]);
  });

  it("is unknown when a segment does not say whose events it holds, until that is cleared", async () => {
    await segments([{ source: "a" }], [{ source: "b" }]);
    await inInbox((_instance, { storage }) => {
      storage.sql.exec("UPDATE seg SET counts = NULL WHERE firstSeq = 1").toArray();
    });
    expect(await counts()).toBeNull();
    await inbox().clear("a");
    expect(await counts()).toBeNull();
    await inbox().clear(null);
    await log({ source: "a" });
    expect(await counts()).toEqual({ a: 1 });
  });

  it("counts what pages show, whatever was logged, flushed and cleared", async () => {
    const source = fc.constantFrom("a", "b", "c");
    const steps = fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.record({ log: fc.array(source, { minLength: 1, maxLength: 4 }) }) },
        { weight: 2, arbitrary: fc.constant("flush" as const) },
        { weight: 1, arbitrary: fc.record({ clear: fc.option(source) }) },
      ),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        for (const step of list) {
          if (step === "flush") await flush();
          else if ("log" in step) await log(...step.log.map((name) => ({ source: name })));
          else await inbox().clear(step.clear);
        }
        expect(await counts()).toEqual(await shown());
      }),
      { numRuns: 15 },
    );
  });
});

describe("GET /sources", () => {
  const list = async (query = "") => {
    const response = await callWith(changes, `/sources${query}`);
    const text = await response.text();
    for (const secret of [...Object.values(SECRETS), env.WEBHOOK_SECRET.slice(6)]) expect(text).not.toContain(secret);
    return (JSON.parse(text) as Listed).sources;
  };

  it("shows each source with its scheme, its log and its counts", async () => {
    await send("msg_1");
    await send("msg_2");
    await callWith(changes, "/webhook/open", { method: "POST", body: "{}" });
    await callWith(changes, "/webhook", { method: "POST", body: "x", headers: await signed("msg_3", "y") });
    const none = { events: 0, rejected: 0, fault: null, log: "main", handshake: false };
    expect(await list()).toEqual([
      {
        ...none,
        name: "default",
        path: "/webhook",
        scheme: "standard",
        verification: "verified",
        events: 2,
        rejected: 1,
      },
      { ...none, name: "gh", path: "/webhook/gh", scheme: "github", verification: "verified" },
      { ...none, name: "meta", path: "/webhook/meta", scheme: "meta", verification: "verified", handshake: true },
      { ...none, name: "quiet_meta", path: "/webhook/quiet_meta", scheme: "meta", verification: "verified" },
      { ...none, name: "shop", path: "/webhook/shop", scheme: "hmac", verification: "verified" },
      {
        ...{ ...none, name: "broken", path: "/webhook/broken", scheme: null, verification: null },
        fault: "secrets names MISSING, which is not set, or not in `required` of wrangler.receiver.toml",
      },
      {
        ...{ ...none, name: "open", path: "/webhook/open", scheme: "none", verification: "unverified" },
        ...{ log: "internal", events: 1 },
      },
    ]);
  });

  it("shows of one log its own sources, and those that were once configured for it", async () => {
    await log({ source: "gone" }, { source: "open" });
    await settle();
    const sources = await list("?log=main");
    expect(sources.map(({ name, events }) => [name, events])).toEqual([
      ...["default", "gh", "meta", "quiet_meta", "shop", "broken"].map((name) => [name, 0]),
      ["gone", 1],
      ["open", 1],
    ]);
    expect(sources.at(-1)).toMatchObject({ scheme: null, verification: null, log: "main" });
  });

  it("says of each log how many watch it", async () => {
    const watched = async () => (await (await call("/sources")).json<Listed>()).logs;
    const clients = [await Viewer.open(), await Stream.open("?after=0"), await Viewer.open("?after=0")];
    const poll = call("/events?after=0&wait=30");
    await untilSockets(4);
    expect(await watched()).toEqual([{ name: "main", viewers: 4 }]);
    await send("msg_1");
    await poll;
    await clients[0]?.leave();
    await untilSockets(2);
    expect(await watched()).toEqual([{ name: "main", viewers: 2 }]);
    await leaveAll();
    expect(await watched()).toEqual([{ name: "main", viewers: 0 }]);
  });

  it("knows no counts of a log that does not answer, and shows the others", async () => {
    const INBOX = {
      getByName: (name: string) =>
        name.endsWith("/internal") ? { counts: () => Promise.reject(new Error("lost")) } : env.INBOX.getByName(name),
    };
    const response = await callWith({ ...changes, INBOX } as never, "/sources");
    const { sources, logs } = await response.json<Listed>();
    expect(sources.map(({ events }) => events)).toEqual([0, 0, 0, 0, 0, 0, null]);
    expect(logs).toEqual([
      { name: "main", viewers: 0 },
      { name: "internal", viewers: null },
    ]);
  });

  it.each([
    ["?log=nowhere", 404],
    ["?source=gh", 400],
  ])("answers %s with %i", async (query, status) => {
    expect((await callWith(changes, `/sources${query}`)).status).toBe(status);
  });

  it("needs the token when it is called from elsewhere, and takes GET alone", async () => {
    expect((await callWith({ ...changes, LOCAL_DEV: "false" }, "/sources")).status).toBe(401);
    const response = await call("/sources", { method: "POST" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
  });
});

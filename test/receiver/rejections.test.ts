import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../../workers/receiver/env.ts";
import { KEPT_PER_SOURCE, type Rejection, Rejections } from "../../workers/receiver/rejections.ts";
import {
  armedAt,
  call,
  callWith,
  env,
  get,
  inbox,
  pass,
  runAlarm,
  SECOND,
  START,
  send,
  setTime,
  signed,
} from "./harness.ts";

type Listed = { rejections: (Omit<Rejection, "at"> & { at: string })[]; counts: Record<string, number> };

const MINUTE = 60 * SECOND;
const GITHUB = { GITHUB: "github's own", SOURCES: { gh: { scheme: "github", secrets: ["GITHUB"] } } };

function rejection(source: string, at = 0, value = "x"): Rejection {
  return { at, source, reason: "signature_mismatch", diagnosis: null, headers: [["x-value", value]], bytes: 2 };
}

/** Times pass between tests, so that no limit of a second reaches from one to the next. */
let began = START;
beforeEach(() => {
  began += 1000 * MINUTE;
  setTime(began);
});
afterEach(() => reset());

async function forge(path = "/webhook", headers: Record<string, string> = {}): Promise<Response> {
  return callWith(GITHUB as unknown as Partial<Env>, path, {
    method: "POST",
    body: "{}",
    headers: { ...(await signed("msg_1", "genuine")), ...headers },
  });
}

const listed = (query = "") => get<Listed>(`/rejections${query}`);

describe("Rejections", () => {
  it("keeps the newest of each source, and counts all", () => {
    const kept = new Rejections();
    for (let at = 1; at <= KEPT_PER_SOURCE + 5; at++) kept.add(rejection("a", at), at === 1 ? 7 : 0);
    kept.add(rejection("b", 1000), 0);
    expect(kept.list("a").map(({ at }) => at)).toEqual(Array.from({ length: KEPT_PER_SOURCE }, (_, i) => 105 - i));
    expect(kept.list(null)).toHaveLength(KEPT_PER_SOURCE + 1);
    expect(kept.counts()).toEqual({ a: KEPT_PER_SOURCE + 12, b: 1 });
  });

  it("saves of each source in turn, so that no flood hides the others", () => {
    const kept = new Rejections();
    kept.add(rejection("quiet", 1), 0);
    for (let at = 2; at <= 90; at++) kept.add(rejection("loud", at, "x".repeat(10_000)), 0);
    const loaded = new Rejections();
    loaded.load(kept.save(7));
    expect(loaded.list("quiet")).toHaveLength(1);
    expect(loaded.list(null)[0]?.at).toBe(90);
    expect(loaded.savedAt).toBe(7);
  });

  it("saves what fits one row, the newest, and loads it again", () => {
    const kept = new Rejections();
    for (let at = 1; at <= 90; at++) kept.add(rejection("a", at, "x".repeat(10_000)), 0);
    const saved = kept.save(0);
    expect(saved.length).toBeLessThan(270_000);
    const loaded = new Rejections();
    loaded.load(saved);
    expect(loaded.list("a")[0]?.at).toBe(90);
    expect(loaded.list("a").length).toBeGreaterThan(20);
    expect(loaded.counts()).toEqual({ a: 90 });
  });

  it("has room for so many sources, and forgets the one silent for longest", () => {
    const kept = new Rejections();
    for (let i = 1; i <= 60; i++) kept.add(rejection(`s${i}`, i), 0);
    expect(kept.list("s1")).toEqual([]);
    expect(kept.list("s60")).toHaveLength(1);
    expect(Object.keys(kept.counts())).toHaveLength(50);
  });
});

describe("GET /rejections", () => {
  it("says what was refused, when, why, and what is proven of it", async () => {
    expect((await forge()).status).toBe(401);
    const headers = await signed("msg_2", "{}", Math.floor(began / SECOND) - 400);
    await call("/webhook", { method: "POST", body: "{}", headers });
    await vi.waitFor(async () => expect((await listed()).rejections).toHaveLength(2));
    const [stale, forged] = (await listed()).rejections;
    expect(stale).toMatchObject({
      reason: "timestamp_too_old",
      diagnosis: { code: "stale", text: "genuine, 400 s old" },
    });
    expect(forged).toMatchObject({
      at: new Date(began).toISOString(),
      source: "default",
      reason: "signature_mismatch",
      diagnosis: { code: "unknown_key" },
      bytes: 2,
    });
    expect(forged?.headers).toContainEqual(["webhook-id", "msg_1"]);
  });

  it("names each source's own, and takes no other parameter", async () => {
    await forge("/webhook/gh");
    expect((await listed("?source=gh")).rejections).toMatchObject([{ source: "gh", reason: "signature_missing" }]);
    expect((await listed("?source=nobody")).rejections).toEqual([]);
    expect((await listed()).counts).toMatchObject({ gh: 1 });
    expect((await call("/rejections?limit=3")).status).toBe(400);
    expect((await call("/rejections?log=nobody")).status).toBe(404);
    expect((await call("/rejections", { method: "POST" })).status).toBe(405);
    const refused = await callWith({ LOCAL_DEV: "false" }, "/rejections");
    expect(refused.status).toBe(401);
  });

  it("masks what authenticates someone, and cuts what is long", async () => {
    const secrets = { authorization: "Bearer abc", cookie: "a=abc", "x-api-key": "abc", "x-shop-token": "abc" };
    await forge("/webhook", { ...secrets, "x-long": "y".repeat(5000) });
    const [{ headers } = rejection("")] = (await listed()).rejections;
    for (const name of Object.keys(secrets)) expect(headers).toContainEqual([name, "(masked)"]);
    expect(JSON.stringify(headers)).not.toContain("abc");
    expect(headers.find(([name]) => name === "x-long")?.[1]).toBe(`${"y".repeat(1024)}… (5000 characters)`);
  });

  it("tells of bodies that are too large, and of sources that are configured wrongly", async () => {
    await callWith({ MAX_BODY_BYTES: "10" }, "/webhook", { method: "POST", body: "x".repeat(11) });
    const SOURCES = { broken: { scheme: "github", secrets: ["MISSING"] } };
    await callWith({ SOURCES }, "/webhook/broken", { method: "POST", body: "{}" });
    expect((await listed()).rejections).toMatchObject([
      {
        source: "broken",
        reason: "configuration_error",
        diagnosis: { code: "configuration_error", text: "secrets names MISSING, which is not set" },
      },
      { source: "default", reason: "body_too_large", diagnosis: null, bytes: null },
    ]);
  });

  it("never shows a secret, nor a signature that we expected", async () => {
    await forge();
    const text = await (await call("/rejections")).text();
    expect(text).not.toContain(env.WEBHOOK_SECRET);
    expect(text).not.toContain((await signed("msg_1", "{}"))["webhook-signature"].slice(3));
  });
});

describe("a flood of forgeries", () => {
  it("is told in a few rows, and turns away nothing genuine", async () => {
    await send("before");
    const before = (await inbox().stats()).rowsWritten;
    const forged = { method: "POST", body: "forged", headers: await signed("msg_1", "genuine") };
    const answers = await Promise.all(
      Array.from({ length: 2000 }, (_, i) => (i % 100 === 0 ? send(`real_${i}`) : call("/webhook", forged))),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    expect(statuses.filter((status) => status === 401)).toHaveLength(1980);
    await Promise.all(answers.map((answer) => answer.text()));
    const { rejections } = await listed();
    expect(rejections.length).toBeLessThanOrEqual(5);
    expect(rejections.filter(({ diagnosis }) => diagnosis?.code === "unknown_key").length).toBeLessThanOrEqual(3);
    pass(2 * SECOND);
    await forge();
    await vi.waitFor(async () => expect((await listed()).counts.default).toBeGreaterThanOrEqual(1981));
    expect((await listed()).counts.default).toBe(1981);
    // Two rows an event, one that saves the first of them, and one alarm that came closer for the others.
    expect((await inbox().stats()).rowsWritten - before).toBeLessThanOrEqual(20 * 2 + 3);
  });

  it("saves the first at once: an idle object forgets", async () => {
    await forge();
    await evictDurableObject(inbox());
    expect(await listed()).toMatchObject({ rejections: [{ source: "default" }], counts: { default: 1 } });
    await forge();
    expect(await armedAt()).toBe(began + MINUTE);
  });

  it("is one row a minute, kept through an eviction", async () => {
    await forge();
    const before = (await inbox().stats()).rowsWritten + 1;
    for (let i = 0; i < 3; i++) {
      pass(SECOND);
      await forge();
    }
    // The alarm that will save them.
    expect((await inbox().stats()).rowsWritten).toBe(before);
    expect(await armedAt()).toBe(began + MINUTE);
    setTime(began + MINUTE);
    await runAlarm();
    expect((await inbox().stats()).rowsWritten).toBe(before + 1);
    expect(await armedAt()).toBeNull();
    await evictDurableObject(inbox());
    expect((await listed()).rejections).toHaveLength(4);
    expect((await listed()).counts).toEqual({ default: 4 });
  });
});

import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { UNKNOWN_LINE } from "../../../workers/receiver/event/request-line.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import {
  historyOf,
  SAVE_EVERY_MS,
  type Verified,
  withHistory,
  withVerified,
} from "../../../workers/receiver/rejected/history.ts";
import type { Rejection } from "../../../workers/receiver/rejected/rejection.ts";
import { KEPT_PER_SOURCE, Rejections } from "../../../workers/receiver/rejected/rejections.ts";
import {
  armedAt,
  call,
  callWith,
  DAY,
  env,
  get,
  inbox,
  inInbox,
  pass,
  rowsWritten,
  runAlarm,
  SECOND,
  send,
  setTime,
  signed,
  useLaterTime,
} from "../support/harness.ts";

type Listed = { rejections: (Omit<Rejection, "at"> & { at: string })[]; counts: Record<string, number> };

const MINUTE = 60 * SECOND;
const GITHUB = { GITHUB: "github's own", SOURCES: { gh: { scheme: "github", secrets: ["GITHUB"] } } };

const OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

function rejection(source: string, at = 0, value = "x"): Rejection {
  const headers: Rejection["headers"] = [["x-value", value]];
  return { ...UNKNOWN_LINE, at, source, reason: "signature_mismatch", diagnosis: null, headers, bytes: 2 };
}

const began = useLaterTime();

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

  const from = (client: string, at: number): Rejection => {
    return { ...rejection("a", at), headers: [["cf-connecting-ip", client]] };
  };
  const proven = { code: "stale", text: "genuine, 400 s old" } as const;

  it("lets a flood push out neither what is proven nor what another client sent", () => {
    const kept = new Rejections();
    kept.add({ ...from("203.0.113.1", 1), diagnosis: proven }, 0);
    kept.add(from("203.0.113.2", 2), 0);
    for (let at = 3; at <= 1000; at++) kept.add(from("198.51.100.1", at), 0);
    for (let at = 1001; at <= 2000; at++) kept.add({ ...from("198.51.100.1", at), diagnosis: proven }, 0);
    const times = kept.list("a").map(({ at }) => at);
    expect(times).toHaveLength(KEPT_PER_SOURCE);
    expect(times).toEqual(expect.arrayContaining([1, 2, 1000, 2000]));
    const loaded = new Rejections();
    loaded.load(kept.save(7));
    expect(loaded.list("a")).toEqual(kept.list("a"));
  });

  it("keeps requests as far as they fit, of each source and client, and only with their rejections", () => {
    const kept = new Rejections();
    const original = { head: "", body: "A".repeat(200 * 1024) };
    const takeable = (all: Rejections) =>
      all.list(null).flatMap(({ id, takeableUntil }) => (takeableUntil ? [id] : []));
    kept.add(from("203.0.113.2", 1), 0, { id: "other client", original });
    for (let at = 2; at <= 50; at++) kept.add(from("198.51.100.1", at), 0, { id: `flood ${at}`, original });
    kept.add(rejection("b", 51), 0, { id: "other source", original });
    expect(takeable(kept)).toEqual(["other source", "flood 50", "other client"]);
    const saved = kept.save(60);
    expect(saved.length).toBeLessThan(1024 * 1024);
    const loaded = new Rejections();
    loaded.load(saved);
    expect(takeable(loaded)).toEqual(takeable(kept));
    expect(JSON.stringify(loaded.list(null))).not.toContain("AAAA");
    for (let at = 52; at <= 51 + KEPT_PER_SOURCE; at++) loaded.add(rejection("b", at), 0);
    expect(loaded.find("other source")).toBeNull();
  });

  it("counts those of the last day, to the hour, kept or not", () => {
    const kept = new Rejections();
    kept.add(rejection("a", 0), 0);
    for (let hour = 1; hour <= 30; hour++) kept.add(rejection("a", hour * 60 * MINUTE), 2);
    const loaded = new Rejections();
    loaded.load(kept.save(0));
    expect([30, 35, 60].map((hour) => loaded.lastDay(hour * 60 * MINUTE))).toEqual([72, 57, 0]);
  });

  it("loads what was kept before first lines were", () => {
    const { method: _, path: __, query: ___, ...old } = rejection("a", 7);
    const loaded = new Rejections();
    loaded.load(JSON.stringify({ kept: [old], counts: { a: 1 }, savedAt: 7 }));
    const unnamed = { id: null, taken: null, takeableUntil: null };
    expect(loaded.list(null)).toEqual([{ ...rejection("a", 7), ...unnamed }]);
  });

  it("keeps those of no source beside the others, as many, and counts them under no name", () => {
    const kept = new Rejections();
    kept.add(rejection("a", 1), 0);
    for (let at = 2; at <= KEPT_PER_SOURCE + 5; at++) kept.add({ ...rejection("", at), source: null }, 0);
    expect(kept.list(null)).toHaveLength(KEPT_PER_SOURCE + 1);
    expect(kept.list("a")).toHaveLength(1);
    expect(kept.counts()).toEqual({ a: 1, "": KEPT_PER_SOURCE + 4 });
    for (let i = 1; i <= 60; i++) kept.add(rejection(`s${i}`, 1000 + i), 0);
    expect(kept.list(null).some(({ source }) => source === null)).toBe(false);
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

const NOTHING: Verified = { complete: true, sources: {} };
const proof = (source: string, fingerprint: string | null = "aaaa") => ({ source, fingerprint });

describe("withVerified", () => {
  it("saves the first time, and then once an hour, or when the configuration has changed", () => {
    const first = withVerified(NOTHING, [proof("a")], 5000);
    expect(first.save).toBe(true);
    const soon = withVerified(first.after, [proof("a")], 5000 + SAVE_EVERY_MS - 1);
    expect([soon.save, historyOf(soon.after, proof("a"))]).toEqual([
      false,
      { known: true, lastAt: 5000 + SAVE_EVERY_MS - 1 },
    ]);
    expect(withVerified(soon.after, [proof("a")], 6000 + SAVE_EVERY_MS).save).toBe(true);
    expect(withVerified(soon.after, [proof("a", "bbbb")], 9000).save).toBe(true);
    expect(withVerified(soon.after, [proof("b")], 9000).save).toBe(true);
  });

  it("changes nothing for an event without proof, nor twice in a second", () => {
    expect(withVerified(NOTHING, [proof("a", null)], 5000)).toEqual({ after: NOTHING, save: false });
    const { after } = withVerified(NOTHING, [proof("a"), proof("a")], 5000);
    expect(withVerified(after, [proof("a")], 5999).after).toBe(after);
  });

  it("keeps the sources that verified last, and says that it does not know the others", () => {
    const many = Array.from({ length: 300 }, (_, i) => i);
    const { complete, sources } = many.reduce((all, i) => withVerified(all, [proof(`s${i}`)], i).after, NOTHING);
    expect([complete, Object.keys(sources).length, "s299" in sources, "s0" in sources]).toEqual([
      false,
      200,
      true,
      false,
    ]);
  });
});

describe("historyOf", () => {
  const { after } = withVerified(NOTHING, [proof("a")], 5000);
  const cases: [name: string, verified: Verified, asked: Parameters<typeof historyOf>[1], history: object][] = [
    ["the same configuration", after, proof("a"), { known: true, lastAt: 5000 }],
    ["another configuration", after, proof("a", "bbbb"), { known: true, lastAt: null }],
    ["a source that never verified", after, proof("b"), { known: true, lastAt: null }],
    ["a name that every object has", after, proof("constructor"), { known: true, lastAt: null }],
    ["a log that forgot", { ...after, complete: false }, proof("b"), { known: false }],
    ["a log that forgot, and knows this", { ...after, complete: false }, proof("a"), { known: true, lastAt: 5000 }],
    ["nothing that proves", after, proof("a", null), { known: false }],
  ];
  it.each(cases)("%s", (_name, verified, asked, history) => expect(historyOf(verified, asked)).toEqual(history));
});

describe("withHistory", () => {
  const unknown = { ...rejection("a", 10_000_000), diagnosis: { code: "unknown_key", text: "no known key" } } as const;
  const never = { known: true, lastAt: null } as const;
  const cases: [name: string, rejected: Rejection, history: Parameters<typeof withHistory>[1], told: object][] = [
    ["never verified", unknown, never, { code: "wrong_secret", text: expect.stringContaining("no event of this log") }],
    ["not even a signature", { ...unknown, reason: "signature_malformed" }, never, { code: "wrong_scheme" }],
    [
      "verified",
      unknown,
      { known: true, lastAt: 9_900_000 },
      { code: "forged", text: expect.stringContaining("100 s before") },
    ],
    [
      "verified long ago",
      unknown,
      { known: true, lastAt: 10_000_000 - 3 * 86_400_000 },
      { text: expect.stringContaining(" 3 days before") },
    ],
    ["not known", unknown, { known: false }, unknown.diagnosis],
    ["a proof", { ...unknown, diagnosis: { code: "stale", text: "genuine" } }, never, { code: "stale" }],
  ];
  it.each(cases)("%s", (_name, rejected, history, told) => expect(withHistory(rejected, history)).toMatchObject(told));
  it("asserts nothing of a configuration that was there before the last", () => {
    const before = withVerified(NOTHING, [proof("a")], 5000).after;
    const { after } = withVerified(before, [proof("a", "bbbb")], 9000);
    const told = withHistory(unknown, historyOf(after, proof("a")));
    expect(told).toMatchObject({ code: "wrong_secret", text: expect.stringContaining("since this source is") });
    expect(told?.text).not.toContain("ever");
  });
  it("does not deny that there are signatures, which may be two in one header", () => {
    const told = withHistory({ ...unknown, reason: "signature_malformed" }, never);
    expect(told?.text).toContain("no signature that its scheme would take");
  });
  it("adds nothing to a request that was not examined", () => expect(withHistory(rejection("a"), never)).toBeNull());
});

describe("the history that tells a wrong secret from a forgery", () => {
  const codes = async () => (await listed("?source=default")).rejections.map(({ diagnosis }) => diagnosis?.code);

  it("knows whether the source's secret verified an event, also before the object was evicted", async () => {
    await forge();
    await vi.waitFor(async () => expect(await codes()).toEqual(["wrong_secret"]));
    await send("genuine");
    await evictDurableObject(inbox());
    pass(MINUTE);
    await forge();
    await vi.waitFor(async () => expect(await codes()).toEqual(["forged", "wrong_secret"]));
    expect((await listed()).rejections[0]?.diagnosis?.text).toContain("60 s before");
    const other = await callWith({ WEBHOOK_SECRET: OTHER_SECRET }, "/webhook", {
      method: "POST",
      body: "{}",
      headers: await signed("msg_3", "genuine"),
    });
    expect(other.status).toBe(401);
    expect((await codes())[0]).toBe("wrong_secret");
  });

  it("costs one row, and one an hour", async () => {
    const rows = async (id: string) => {
      const before = await rowsWritten();
      await send(id);
      return (await rowsWritten()) - before;
    };
    await send("first");
    const usual = await rows("a");
    expect(usual).toBe(2);
    pass(SAVE_EVERY_MS);
    expect(await rows("b")).toBe(usual + 1);
    expect(await rows("c")).toBe(usual);
  });

  it("is unknown to a log that has events and no such note", async () => {
    await send("genuine");
    await inInbox((_instance, { storage }) => void storage.sql.exec("DELETE FROM meta WHERE key = 'verified'"));
    await evictDurableObject(inbox());
    await forge();
    await vi.waitFor(async () => expect(await codes()).toEqual(["unknown_key"]));
  });
});

describe("GET /rejections", () => {
  it("lists rejected requests: when, why, and with the proof that was found", async () => {
    expect((await forge()).status).toBe(401);
    const headers = await signed("msg_2", "{}", Math.floor(began() / SECOND) - 400);
    await call("/webhook", { method: "POST", body: "{}", headers });
    await vi.waitFor(async () => expect((await listed()).rejections).toHaveLength(2));
    const [stale, forged] = (await listed()).rejections;
    expect(stale).toMatchObject({
      reason: "timestamp_too_old",
      diagnosis: { code: "stale", text: "genuine, 400 s old" },
    });
    expect(forged).toMatchObject({
      at: new Date(began()).toISOString(),
      source: "default",
      reason: "signature_mismatch",
      diagnosis: { code: "wrong_secret" },
      bytes: 2,
    });
    expect(forged?.headers).toContainEqual(["webhook-id", "msg_1"]);
  });

  it("lists those of one source, and takes no other parameter", async () => {
    await forge("/webhook/gh");
    expect((await listed("?source=gh")).rejections).toMatchObject([{ source: "gh", reason: "signature_missing" }]);
    expect((await listed("?source=nobody")).rejections).toEqual([]);
    expect((await listed()).counts).toMatchObject({ gh: 1 });
    expect(await get("/rejections/count")).toMatchObject({ lastDay: 1, counts: { gh: 1 } });
    expect((await call("/rejections?limit=3")).status).toBe(400);
    expect((await call("/rejections?log=nobody")).status).toBe(404);
    expect((await call("/rejections", { method: "POST" })).status).toBe(405);
    const denied = await callWith({ LOCAL_DEV: "false" }, "/rejections");
    expect(denied.status).toBe(401);
  });

  it("looks in a source's own log, unless another is named", async () => {
    const SOURCES = { ...GITHUB.SOURCES, own: { scheme: "github", secrets: ["GITHUB"], log: "internal" } };
    const changes = { ...GITHUB, SOURCES } as unknown as Partial<Env>;
    await callWith(changes, "/webhook/own", { method: "POST", body: "{}" });
    const found = async (query: string) => {
      const answer = await (await callWith(changes, `/rejections?${query}`)).json<Listed>();
      return answer.rejections.length;
    };
    const queries = ["source=own", "source=own&log=internal", "source=own&log=main", "source=gh", "source=nobody"];
    expect(await Promise.all(queries.map(found))).toEqual([1, 1, 0, 0, 0]);
    const page = await (await callWith(changes, "/rejected?source=own")).text();
    expect(page).toContain("1 rejected in all");
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
        diagnosis: {
          code: "configuration_error",
          text: "secrets names MISSING, which is not set, or not in `required` of wrangler.receiver.toml",
        },
      },
      { source: "default", reason: "body_too_large", diagnosis: null, bytes: null },
    ]);
  });

  it("tells why a handshake was not answered, without the token that it came with", async () => {
    const META = { scheme: "meta", secrets: ["GITHUB"] };
    const SOURCES = {
      meta: { ...META, handshakeSecret: "VERIFY" },
      quiet: META,
      dropbox: { scheme: "dropbox", secrets: ["GITHUB"] },
    };
    const changes = { ...GITHUB, VERIFY: "the verify token", SOURCES } as unknown as Partial<Env>;
    const subscribe = "hub.mode=subscribe&hub.challenge=12";
    const asked: [path: string, status: number, reason: string][] = [
      [`meta?${subscribe}&hub.verify_token=a%20guess`, 400, "question_token_mismatch"],
      [`meta?${subscribe}`, 400, "question_malformed"],
      ["meta?hub.mode=subscribe&hub.verify_token=the%20verify%20token", 400, "question_malformed"],
      [`quiet?${subscribe}&hub.verify_token=a%20guess`, 405, "question_secret_unset"],
      ["dropbox", 400, "question_malformed"],
    ];
    for (const [path, status] of asked) {
      const headers = { "x-original-url": `/webhook/${path}`, "x-decoded": decodeURIComponent(path) };
      expect((await callWith(changes, `/webhook/${path}`, { headers })).status).toBe(status);
    }
    const answer = await call("/rejections");
    const text = await answer.text();
    const { rejections } = JSON.parse(text) as Listed;
    expect(rejections.map(({ reason }) => reason)).toEqual(asked.map(([, , reason]) => reason).toReversed());
    expect(rejections[0]).toMatchObject({ source: "dropbox", diagnosis: null, bytes: 0 });
    for (const token of ["guess", "verify token", "verify%20token"]) expect(text).not.toContain(token);
    expect(rejections[4]?.headers).toContainEqual(["x-decoded", expect.stringContaining("hub.verify_token=(masked)")]);
    expect((await callWith(changes, `/webhook/meta?${subscribe}&hub.verify_token=the%20verify%20token`)).status).toBe(
      200,
    );
    expect((await listed()).rejections).toHaveLength(5);
  });

  it("masks the tokens of a handshake whole and once, whatever they are and however many", async () => {
    const SOURCES = { dropbox: { scheme: "dropbox", secrets: ["GITHUB"] } };
    const changes = { ...GITHUB, SOURCES } as unknown as Partial<Env>;
    // Each token is a part of the mask that replaces the others.
    const pairs = Array.from({ length: 60 }, (_, i) => `token=${"mask"[i % 4]}`);
    for (const query of [pairs.join("&"), "token=abc=def==&key=ghi&a_token=abc"]) {
      await callWith(changes, `/webhook/dropbox?${query}`, {
        headers: { "x-seen": `mask abc=def== abc ghi ${query}` },
      });
    }
    const many = Array.from({ length: 40 }, (_, i) => `token=${i}`).join("&");
    await callWith(changes, `/webhook/dropbox?${many}`, { headers: { "x-seen": many } });
    const seen = (await listed()).rejections.map(({ headers }) => headers.find(([name]) => name === "x-seen")?.[1]);
    expect(seen[0]).toBe("(masked)");
    expect(seen[1]).toBe("mask (masked) (masked) (masked) token=(masked)&key=(masked)&a_token=(masked)");
    expect(seen[2]?.slice(0, 60)).toBe("mask abc=def== abc ghi token=(masked)&token=(masked)&token=(");
  });

  it("never shows a secret, nor a signature that we expected", async () => {
    await forge();
    const text = await (await call("/rejections")).text();
    expect(text).not.toContain(env.WEBHOOK_SECRET);
    expect(text).not.toContain((await signed("msg_1", "{}"))["webhook-signature"].slice(3));
  });
});

describe("a flood of forgeries", () => {
  it("is reported in a few rows, and turns away nothing genuine", async () => {
    await send("before");
    const before = await rowsWritten();
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
    expect(rejections.filter(({ diagnosis }) => diagnosis?.code === "forged").length).toBeLessThanOrEqual(3);
    pass(2 * SECOND);
    await forge();
    await vi.waitFor(async () => expect((await listed()).counts.default).toBeGreaterThanOrEqual(1981));
    expect((await listed()).counts.default).toBe(1981);
    // Two rows an event, one that saves the first rejection, and one alarm that came closer for the others.
    expect((await rowsWritten()) - before).toBeLessThanOrEqual(20 * 2 + 3);
  });

  it("saves the first at once: an idle object forgets", async () => {
    await forge();
    await evictDurableObject(inbox());
    expect(await listed()).toMatchObject({ rejections: [{ source: "default" }], counts: { default: 1 } });
    await forge();
    expect(await armedAt()).toBe(began() + MINUTE);
  });

  it("is one row a minute, kept through an eviction", async () => {
    await forge();
    const before = (await rowsWritten()) + 1;
    for (let i = 0; i < 3; i++) {
      pass(SECOND);
      await forge();
    }
    // One row more: the alarm that will save the others.
    expect(await rowsWritten()).toBe(before);
    expect(await armedAt()).toBe(began() + MINUTE);
    setTime(began() + MINUTE);
    await runAlarm();
    // One row that saves them, and the alarm that will forget the requests.
    expect(await rowsWritten()).toBe(before + 2);
    expect(await armedAt()).toBe(began() + DAY);
    await evictDurableObject(inbox());
    expect((await listed()).rejections).toHaveLength(4);
    expect((await listed()).counts).toEqual({ default: 4 });
  });
});

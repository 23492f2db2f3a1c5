import { createHmac } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import type { EventRecord, EventSummary } from "../../../workers/receiver/event/record.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import type { ListedRejection } from "../../../workers/receiver/rejected/rejections.ts";
import {
  armedAt,
  callWith,
  DAY,
  evict,
  get,
  inInbox,
  pass,
  runAlarm,
  SECOND,
  signed,
  useLaterTime,
} from "../support/harness.ts";

/** `POST /rejections/:id/take`: a rejected request enters the log once its cause is mended. */

type Listed = { rejections: (Omit<ListedRejection, "takeableUntil"> & { takeableUntil: string | null })[] };

const WRONG = { WEBHOOK_SECRET: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD" };
const began = useLaterTime();

/** Sends a genuine request while the receiver has another secret, and returns the id of its rejection. */
async function reject(id: string, body = '{"type":"order.paid"}', headers: Record<string, string> = {}) {
  const sent = { ...headers, ...(await signed(id, body)) };
  const response = await callWith(WRONG, "/webhook", { method: "POST", body, headers: sent });
  expect(response.status).toBe(401);
  return newest();
}

async function newest(): Promise<string> {
  const [first] = (await get<Listed>("/rejections")).rejections;
  return first?.id ?? "none";
}

const take = (id: string, changes: Partial<Env> = {}, query = "") =>
  callWith(changes, `/rejections/${id}/take${query}`, { method: "POST" });

describe("POST /rejections/:id/take", () => {
  it("logs the request once, as it came, when the secret is right now", async () => {
    const id = await reject("msg_late", '{"type":"order.paid","n":1}', { authorization: "Bearer abc" });
    // Later than its signature is valid for: it counts as of the moment it came in.
    pass(3600 * SECOND);
    const answer = await take(id);
    expect([answer.status, await answer.json()]).toEqual([200, { log: "main", seq: 1, duplicate: false }]);
    expect(await get<EventRecord>("/events/1")).toMatchObject({
      id: "msg_late",
      type: "order.paid",
      verification: "verified",
      body: '{"type":"order.paid","n":1}',
      headers: expect.arrayContaining([["authorization", "(masked)"]]),
    });
    expect((await get<Listed>("/rejections")).rejections).toMatchObject([
      { id, taken: { log: "main", seq: 1 }, takeableUntil: null },
    ]);
    expect(await (await take(id)).json()).toEqual({ log: "main", seq: 1, duplicate: true });
    expect(await get("/events")).toMatchObject({ events: { length: 1 } });
  });

  it("repeats the event that the sender's retry became meanwhile", async () => {
    const id = await reject("msg_retried", "{}");
    const headers = await signed("msg_retried", "{}");
    expect((await callWith({}, "/webhook", { method: "POST", body: "{}", headers })).status).toBe(200);
    expect(await (await take(id)).json()).toEqual({ log: "main", seq: 1, duplicate: true });
    expect(await get("/events")).toMatchObject({ events: [{ seq: 1, repeated: { times: 1 } }] });
  });

  it("says why while the request is still rejected, and keeps it", async () => {
    const id = await reject("msg_wrong");
    const answer = await take(id, WRONG);
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({
      code: "still_rejected",
      reason: "signature_mismatch",
      diagnosis: { code: "unknown_key" },
    });
    expect((await take(id)).status).toBe(200);
  });

  it("verifies with the true headers, which nobody ever sees", async () => {
    const SOURCES = { shop: { scheme: "token", secrets: ["SHOP"] } };
    const [before, after] = ["the old token of the shop", "the new token of the shop"].map(
      (SHOP) => ({ SHOP, SOURCES }) as unknown as Partial<Env>,
    );
    const headers = { "x-api-key": "the new token of the shop", cookie: "session=abc" };
    const sent = { method: "POST", body: '{"a":1}', headers };
    expect((await callWith(before ?? {}, "/webhook/shop", sent)).status).toBe(401);
    const id = await newest();
    const shown = async () =>
      JSON.stringify(await get("/rejections")) + (await (await callWith({}, "/rejected")).text());
    expect(await shown()).not.toMatch(/token of the shop|session=abc|"original"/);
    const refused = await take(id, before);
    expect([refused.status, await refused.text()]).toEqual([409, expect.not.stringContaining("of the shop")]);
    // Without an id, only its rejection's can keep it from being logged twice, also when the note of it is lost.
    await inInbox(({ memory }) => vi.spyOn(memory.rejections, "take").mockImplementation(() => {}));
    const answers = [await take(id, after), await take(id, after)];
    expect(await Promise.all(answers.map((each) => each.json()))).toMatchObject([
      { seq: 1, duplicate: false },
      { seq: 1, duplicate: true },
    ]);
    expect(await shown()).not.toMatch(/token of the shop|session=abc/);
    expect(JSON.stringify(await get("/events/1"))).not.toMatch(/token of the shop|session=abc/);
  });

  it("mends a source that was configured wrongly, and follows it into another log", async () => {
    const body = "{}";
    const mac = createHmac("sha256", "github's own secret").update(body).digest("hex");
    const broken = { SOURCES: { gh: { scheme: "github", secrets: ["MISSING"] } } } as unknown as Partial<Env>;
    const headers = { "x-hub-signature-256": `sha256=${mac}`, "x-github-delivery": "d-1" };
    expect((await callWith(broken, "/webhook/gh", { method: "POST", body, headers })).status).toBe(500);
    const id = await newest();
    expect(await (await take(id, broken)).json()).toMatchObject({ reason: "configuration_error" });
    expect(await (await take(id)).json()).toMatchObject({ reason: "unknown_source" });
    const mended = {
      MISSING: "github's own secret",
      SOURCES: { gh: { scheme: "github", secrets: ["MISSING"], log: "code" } },
    } as unknown as Partial<Env>;
    expect(await (await take(id, mended)).json()).toEqual({ log: "code", seq: 1, duplicate: false });
    const page = await callWith(mended, "/events?log=code");
    expect((await page.json<{ events: EventSummary[] }>()).events).toMatchObject([{ source: "gh", id: "d-1" }]);
  });

  it("keeps the request through an eviction, for a day, and then nothing of it", async () => {
    const id = await reject("msg_day", '{"a":"findable"}');
    const stored = () =>
      inInbox((_instance, { storage }) =>
        storage.sql.exec<{ value: string }>("SELECT value FROM meta WHERE key = 'rejections'").toArray(),
      );
    await evict();
    expect((await get<Listed>("/rejections")).rejections).toMatchObject([
      { id, takeableUntil: new Date(began() + DAY).toISOString() },
    ]);
    expect(JSON.stringify(await stored())).toContain(btoa('{"a":"findable"}'));
    expect(await armedAt()).toBe(began() + DAY);
    pass(DAY);
    expect((await take(id)).status).toBe(404);
    await runAlarm();
    expect(JSON.stringify(await stored())).not.toContain(btoa('{"a":"findable"}'));
    expect((await get<Listed>("/rejections")).rejections).toMatchObject([{ id, takeableUntil: null }]);
    expect(await armedAt()).toBeNull();
  });

  it("takes in nothing that was not kept", async () => {
    const id = await reject("msg_big", `"${"x".repeat(200 * 1024)}"`);
    expect((await get<Listed>("/rejections")).rejections).toMatchObject([{ id, takeableUntil: null }]);
    const answer = await take(id);
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining("too long")]);
    expect((await take(`rej_${"0".repeat(32)}`)).status).toBe(404);
    expect((await take(id, {}, "?source=default")).status).toBe(400);
    expect((await take(id, { LOCAL_DEV: "false" })).status).toBe(401);
  });
});

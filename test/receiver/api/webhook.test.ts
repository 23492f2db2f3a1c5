import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { toBase64, utf8 } from "../../../shared/bytes.ts";
import { parseSecrets } from "../../../shared/signing/secret.ts";
import { sign } from "../../../shared/signing/signature.ts";
import type { Page } from "../../../workers/receiver/event/page.ts";
import type { EventRecord } from "../../../workers/receiver/event/record.ts";
import { targetText } from "../../../workers/receiver/event/request-line.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { call, callWith, env, get, inInbox, send, signed, useEmptyStorage } from "../support/harness.ts";
import { tailRecords } from "../support/logged.ts";

useEmptyStorage();

async function seqs(): Promise<number[]> {
  const { events } = await get<Page>("/events?limit=500");
  return events.map(({ seq }) => seq);
}

describe("POST /webhook", () => {
  it("logs a genuine request and answers 200 Received", async () => {
    const response = await send("msg_1", '{"type":"value.changed"}', { authorization: "Bearer x" });
    expect([response.status, await response.text(), response.headers.get("webhook-duplicate")]).toEqual([
      200,
      "Received",
      null,
    ]);
    const record = await get<EventRecord>("/events/1");
    expect(record).toMatchObject({
      seq: 1,
      id: "msg_1",
      source: "default",
      type: "value.changed",
      receivedAt: "2040-01-01T00:00:00.000Z",
      bytes: 24,
      verification: "verified",
      method: "POST",
      path: "/webhook",
      query: null,
      body: '{"type":"value.changed"}',
    });
    expect(record.headers).toContainEqual(["webhook-id", "msg_1"]);
    expect(record.headers).toContainEqual(["authorization", "(masked)"]);
  });

  it("keeps path and query as they came, so that calls that differ only there can be told apart", async () => {
    const sources = { SOURCES: { open: { scheme: "none" } } } as unknown as Partial<Env>;
    const targets = ["/webhook/open", "/webhook/open?", "/webhook/open?shop=1&shop=2", "/webhook/%6fpen?a=%2F%zz+;b"];
    for (const target of targets) {
      expect((await callWith(sources, target, { method: "POST", body: "id=tr_1" })).status).toBe(200);
    }
    const records = await Promise.all(targets.map((_, index) => get<EventRecord>(`/events/${index + 1}`)));
    expect(records.map(targetText)).toEqual(targets);
    expect(await get<Page>("/events?q=open%3Fshop%3D1")).toMatchObject({ events: [{ seq: 3 }] });
  });

  it("verifies the query that came, and stores it with its secrets masked", async () => {
    const url = "https://hooks.example.com/webhook/signed";
    const source = { scheme: "hmac", secrets: ["SIGNED"], url, hmac: { header: "x-sig", signed: "{url}{body}" } };
    const changes = { SIGNED: "a secret of the source", SOURCES: { signed: source } } as unknown as Partial<Env>;
    const post = (signature: string) =>
      callWith(changes, "/webhook/signed?a=1&api_token=hidden7&b=2", {
        method: "POST",
        body: "{}",
        headers: { "x-sig": signature, "x-original-uri": "/in?api_token=hidden7" },
      });
    const signature = (query: string) =>
      createHmac("sha256", "a secret of the source").update(`${url}?${query}{}`).digest("hex");
    expect((await post(signature("a=1&api_token=(masked)&b=2"))).status).toBe(401);
    expect((await post(signature("a=1&api_token=hidden7&b=2"))).status).toBe(200);
    const record = await get<EventRecord>("/events/1");
    expect(targetText(record)).toBe("/webhook/signed?a=1&api_token=(masked)&b=2");
    for (const path of ["/events/1", "/events/export", "/events/export?format=csv", "/rejections"]) {
      expect(await (await call(path)).text()).not.toContain("hidden7");
    }
    expect(await tailRecords()).not.toEqual([]);
    expect(JSON.stringify(await tailRecords())).not.toContain("hidden7");
  });

  it("keeps no token that came in a header or in the query, not even one that was stored before", async () => {
    const secrets = { "x-telegram-bot-api-secret-token": "s3cr3t-1", "x-goog-channel-token": "s3cr3t-2" };
    const more = { "x-original-url": "/webhook?token=s3cr3t-3", "x-goog-channel-id": "shown" };
    const headers = { ...(await signed("msg_1", "{}")), ...secrets, ...more };
    expect((await call("/webhook?token=s3cr3t-3", { method: "POST", body: "{}", headers })).status).toBe(200);
    const stored = await inInbox((_instance, { storage }) =>
      storage.sql.exec<{ headers: string }>("SELECT headers FROM tail_1").toArray(),
    );
    expect(JSON.stringify(stored)).toContain("shown");
    expect(JSON.stringify(stored)).not.toContain("s3cr3t");
    await inInbox((_instance, { storage }) => {
      const old = JSON.stringify([...Object.entries(secrets), ["accept", "shown"]]);
      storage.sql.exec("UPDATE tail_1 SET headers = ?", old);
    });
    for (const path of ["/events/1", "/e/1"]) {
      const text = await (await call(path)).text();
      expect(text).toContain("shown");
      expect(text).not.toContain("s3cr3t");
    }
  });

  it("logs an id once, and marks a duplicate", async () => {
    await send("msg_1", "first");
    const again = await send("msg_1", "second");
    expect([again.status, await again.text(), again.headers.get("webhook-duplicate")]).toEqual([
      200,
      "Received (again; first logged as 1)",
      "true",
    ]);
    expect(await seqs()).toEqual([1]);
    expect(await get("/events/1")).toMatchObject({ body: "first" });
  });

  it("logs an id once when it arrives 50 times at once", async () => {
    const responses = await Promise.all(Array.from({ length: 50 }, () => send("msg_1")));
    expect(responses.map(({ status }) => status)).toEqual(Array(50).fill(200));
    expect(responses.filter(({ headers }) => headers.get("webhook-duplicate") === null)).toHaveLength(1);
    expect(await seqs()).toEqual([1]);
  });

  it("logs 50 ids that arrive at once, each once and in one order", async () => {
    await Promise.all(Array.from({ length: 50 }, (_, index) => send(`msg_${index}`)));
    expect(await seqs()).toEqual(Array.from({ length: 50 }, (_, index) => 50 - index));
  });

  const bodies: [name: string, body: Uint8Array<ArrayBuffer>][] = [
    ["nothing", utf8("")],
    ["binary", new Uint8Array([0xff, 0xfe, 0x00, 0x80])],
    ["a byte-order mark", utf8("\ufeff{}")],
    ["CRLF, NUL and a line separator", utf8("a\r\n\0\u2028")],
    ["double keys and big numbers", utf8('{"a":1,"a":2,"id":9007199254740993}')],
    ["10,000 levels", utf8("[".repeat(10_000))],
    ["a prototype", utf8('{"__proto__":{"type":"x"}}')],
    ["what says it is compressed", new Uint8Array([0x1f, 0x8b, 0, 0])],
  ];
  it.each(bodies)("keeps the exact bytes of %s", async (_name, body) => {
    expect((await send("msg_1", body, { "content-encoding": "gzip" })).status).toBe(200);
    const response = await call("/events/1/body");
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(body);
  });

  it("rejects a forgery without a hint, and lets it use up no id", async () => {
    const forged = { ...(await signed("msg_1", "genuine")) };
    const response = await call("/webhook", { method: "POST", body: "forged", headers: forged });
    expect([response.status, response.headers.get("content-type")]).toEqual([401, "application/problem+json"]);
    const text = await response.text();
    expect(Object.keys(JSON.parse(text))).toEqual(["type", "title", "status", "detail", "code"]);
    expect(JSON.parse(text).code).toBe("invalid_signature");
    expect(text).not.toContain(forged["webhook-signature"].slice(3));
    expect(await seqs()).toEqual([]);
    expect((await send("msg_1", "genuine")).headers.get("webhook-duplicate")).toBeNull();
  });

  const rejectedChanges: [name: string, change: Record<string, string>][] = [
    ["without a signature", { "webhook-signature": "" }],
    ["without an id", { "webhook-id": "" }],
    ["from long ago", { "webhook-timestamp": "1700000000" }],
    ["with a time that is none", { "webhook-timestamp": "now" }],
  ];
  it.each(rejectedChanges)("rejects a request %s", async (_name, change) => {
    const response = await call("/webhook", {
      method: "POST",
      body: "{}",
      headers: { ...(await signed("msg_1", "{}")), ...change },
    });
    expect([response.status, await response.json()]).toMatchObject([401, { code: "invalid_signature" }]);
  });

  it("accepts a request that any of several secrets signed", async () => {
    const other = `whsec_${toBase64(new Uint8Array(32).fill(5))}`;
    const timestamp = Math.floor(Date.now() / 1000);
    const signature = await sign({ id: "msg_1", timestamp, body: utf8("{}") }, parseSecrets("test", other));
    const response = await callWith({ WEBHOOK_SECRET: `${env.WEBHOOK_SECRET} ${other}` }, "/webhook", {
      method: "POST",
      body: "{}",
      headers: { "webhook-id": "msg_1", "webhook-timestamp": String(timestamp), "webhook-signature": signature },
    });
    expect(response.status).toBe(200);
  });

  it.each(["", " ", "whsec_", "whsec_c2hvcnQ=", "whsec_?"])("accepts nothing with the secret %j", async (secret) => {
    const init = { method: "POST", body: "{}", headers: await signed("msg_1", "{}") };
    const response = await callWith({ WEBHOOK_SECRET: secret }, "/webhook", init);
    const text = await response.text();
    expect([response.status, JSON.parse(text).code]).toEqual([500, "configuration_error"]);
    if (secret.length > 1) expect(text).not.toContain(secret);
    expect(await seqs()).toEqual([]);
  });

  it("rejects a body beyond the limit, and takes one at the limit", async () => {
    expect((await send("msg_1", new Uint8Array(1_048_576).fill(65))).status).toBe(200);
    const response = await send("msg_2", new Uint8Array(1_048_577).fill(65));
    expect([response.status, await response.json()]).toEqual([
      413,
      expect.objectContaining({ code: "body_too_large" }),
    ]);
    expect(await seqs()).toEqual([1]);
  });

  it("takes the largest body that can be allowed, headers and all", async () => {
    const body = new Uint8Array(1.5 * 1024 * 1024).fill(1);
    const headers = { ...(await signed("msg_1", body)), "x-long": "x".repeat(100_000) };
    const limits = { MAX_BODY_BYTES: String(body.byteLength) };
    expect((await callWith(limits, "/webhook", { method: "POST", body, headers })).status).toBe(200);
    expect(await get("/events/1")).toMatchObject({ bytes: body.byteLength });
  });

  it.each(["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])("rejects %s", async (method) => {
    const response = await call("/webhook", { method });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "HEAD, POST"]);
  });

  it("is 503 with Retry-After when the Inbox cannot be reached, and the retry is logged", async () => {
    const INBOX = { getByName: () => ({ accept: () => Promise.reject(new Error("lost")) }) };
    const init = { method: "POST", body: "{}", headers: await signed("msg_1", "{}") };
    const response = await callWith({ INBOX } as never, "/webhook", init);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await response.json()).toMatchObject({ code: "storage_unavailable" });
    expect((await send("msg_1")).headers.get("webhook-duplicate")).toBeNull();
  });

  it("turns away only the arrivals of a turn that cannot be stored", async () => {
    await send("msg_0");
    await inInbox((_instance, { storage }) => {
      storage.sql.exec(
        "CREATE TRIGGER refuse BEFORE INSERT ON tail_1 WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'no'); END",
      );
    });
    const ids = ["msg_1", "bad", "msg_2"];
    const responses = await Promise.all(ids.map((id) => send(id)));
    expect(responses.map(({ status }) => status)).toEqual([200, 503, 200]);
    expect(await seqs()).toEqual([3, 2, 1]);
    await inInbox((_instance, { storage }) => void storage.sql.exec("DROP TRIGGER refuse"));
    expect((await send("bad")).headers.get("webhook-duplicate")).toBeNull();
    expect(await seqs()).toEqual([4, 3, 2, 1]);
  });
});

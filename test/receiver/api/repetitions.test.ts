import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fromBase64 } from "../../../shared/bytes.ts";
import type { EventRecord } from "../../../workers/receiver/event/record.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import providers from "../../vectors/providers.json";
import cases from "../../vectors/repetitions.json";
import { callWith, DAY, get, pass, rowsWritten, SECOND, setTime, useEmptyStorage } from "../support/harness.ts";
import { schemeOf, type Vector } from "../support/vectors.ts";

/** Requests that arrive twice, and those that only look like it, as their senders make them. */

useEmptyStorage();

type Sources = Record<string, object>;
type Sent = { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> | [string, string][] };

const SECRET = "a provider's secret";

/** POSTs to a source, and tells whether the request was taken for a repetition. */
async function post(sources: Sources, path: string, { body = "", headers = {} }: Sent = {}): Promise<boolean> {
  const changes = { SOURCES: sources, SECRET } as unknown as Partial<Env>;
  const response = await callWith(changes, path, { method: "POST", body, headers });
  expect(response.status).toBe(200);
  return response.headers.get("webhook-duplicate") === "true";
}

function hmac(text: string): string {
  return createHmac("sha256", SECRET).update(text).digest("hex");
}

const now = () => Math.floor(Date.now() / 1000);

/** A Slack command, which has no id; `at` is when it was signed, in unix seconds. */
function command(at: number, body = "command=%2Fdeploy"): Sent {
  const headers = { "x-slack-request-timestamp": String(at), "x-slack-signature": `v0=${hmac(`v0:${at}:${body}`)}` };
  return { body, headers };
}

describe("a request that looks like another", () => {
  it("of real senders is logged unless it has the id of the other", async () => {
    const duplicates: string[] = [];
    for (const { id, request, config, secrets } of cases) {
      const { source, ...table } = config;
      const named = secrets.map((_secret, index) => `SECRET_${index}`);
      const values = Object.fromEntries(secrets.map((secret, index) => [`SECRET_${index}`, secret]));
      const sources = { [source]: secrets.length === 0 ? table : { ...table, secrets: named } };
      const body = fromBase64(request.body_base64);
      const changes = { SOURCES: sources, ...values } as unknown as Partial<Env>;
      const headers = request.headers as unknown as Record<string, string>;
      const response = await callWith(changes, request.path, { method: request.method, headers, body });
      expect(response.status).toBe(200);
      if (response.headers.has("webhook-duplicate")) duplicates.push(id);
    }
    expect(duplicates).toEqual(["github-redelivery-2"]);
    expect(await get("/events")).toMatchObject({ events: { length: cases.length - 1 } });
  });

  const none: Sources = { open: { scheme: "none" }, token: { scheme: "token", secrets: ["SECRET"] } };
  const firing: Sent = { body: '{"status":"firing"}', headers: { "x-api-key": SECRET } };
  it.each<[name: string, path: string, sent: Sent]>([
    ["with a token", "/webhook/token", firing],
    ["without a body", "/webhook/open", {}],
    ["that anyone may send", "/webhook/open", firing],
  ])("is logged each time: %s", async (_name, path, sent) => {
    for (let time = 0; time < 3; time++) expect(await post(none, path, sent)).toBe(false);
    expect(await get("/events")).toMatchObject({ events: [{ seq: 3 }, { seq: 2 }, { seq: 1 }] });
  });

  it("is logged when it differs in the query alone", async () => {
    for (const query of ["?a=1", "?a=2", ""]) expect(await post(none, `/webhook/open${query}`)).toBe(false);
  });

  it("writes one row, as no id is remembered", async () => {
    await post(none, "/webhook/open");
    const before = await rowsWritten();
    for (let time = 0; time < 5; time++) await post(none, "/webhook/open");
    expect((await rowsWritten()) - before).toBe(5);
  });
});

describe("the same request again", () => {
  const genuine = (providers as Vector[]).filter(({ expect }) => expect === "accept");
  it.each(genuine)("of $scheme, $name, is a repetition if it has an id or a signed time", async (vector) => {
    setTime(vector.now * SECOND);
    const names = vector.secrets.map((_secret, index) => `SECRET_${index}`);
    const values = Object.fromEntries(vector.secrets.map((secret, index) => [`SECRET_${index}`, secret]));
    const { signedUrl, verification, verify } = schemeOf(vector.scheme);
    const url = new URL(vector.url ?? "https://hooks.example.com/in");
    const table = {
      scheme: vector.scheme,
      ...(verification === "unverified" ? {} : { secrets: names }),
      ...(signedUrl ? { url: signedUrl === "called" ? url.href.replace(/\?.*/, "") : url.href } : {}),
    };
    const body = fromBase64(vector.body_base64) as Uint8Array<ArrayBuffer>;
    const headers = new Headers(vector.headers as [string, string][]);
    const changes = { SOURCES: { x: table }, ...values } as unknown as Partial<Env>;
    const send = () => callWith(changes, `/webhook/x${url.search}`, { method: "POST", headers, body });
    const answers = [await send(), await send()];
    expect(answers.map(({ ok }) => ok)).toEqual([true, true]);
    if (!(await isEvent())) return;
    const verdict = await verify({ method: "POST", url: url.href, headers, body }, vector.secrets, vector.now);
    const repeats = verdict.ok && (verdict.id !== null || verdict.timestamp !== null);
    expect(answers[1]?.headers.get("webhook-duplicate") ?? null).toBe(repeats ? "true" : null);
  });

  it("is a repetition as long as its signature holds, and beyond, where a time is signed", async () => {
    const sources = { slack: { scheme: "slack", secrets: ["SECRET"] } };
    const early = command(now() + 300);
    expect(await post(sources, "/webhook/slack", early)).toBe(false);
    pass(301 * SECOND);
    expect(await post(sources, "/webhook/slack", early)).toBe(true);
    pass(299 * SECOND);
    expect(await post(sources, "/webhook/slack", early)).toBe(true);
    // The same text a second later is another event.
    expect(await post(sources, "/webhook/slack", command(now()))).toBe(false);
    expect(await post(sources, "/webhook/slack", command(now() + 1))).toBe(false);
    expect(await get("/events")).toMatchObject({ events: { length: 3 } });
  });

  it("is a repetition for the retention where any signed time will do", async () => {
    const row = { header: "x-sig", signed: "{timestamp}{body}", timestampHeader: "x-time", windowSeconds: "none" };
    const sources = { any: { scheme: "hmac", secrets: ["SECRET"], hmac: row } };
    const sent = { body: "{}", headers: { "x-time": "1700000000", "x-sig": hmac("1700000000{}") } };
    expect(await post(sources, "/webhook/any", sent)).toBe(false);
    pass(29 * DAY);
    expect(await post(sources, "/webhook/any", sent)).toBe(true);
    pass(2 * DAY);
    expect(await post(sources, "/webhook/any", sent)).toBe(false);
  });

  it("is one in whatever spelling, where a form or a URL is signed with a time", async () => {
    const url = "https://example.com/in";
    const row = { header: "x-sig", signed: "{timestamp}{url}{form}", timestampHeader: "x-time", urlDecodes: "!" };
    const sources = { form: { scheme: "hmac", secrets: ["SECRET"], url, hmac: row } };
    const time = String(now());
    const sign = (query: string) => ({ "x-time": time, "x-sig": hmac(`${time}${url}${query}a1b2`) });
    expect(await post(sources, "/webhook/form?q=!", { body: "a=1&b=2", headers: sign("?q=!") })).toBe(false);
    expect(await post(sources, "/webhook/form?q=%21", { body: "b=2&a=%31", headers: sign("?q=!") })).toBe(true);
    expect(await post(sources, "/webhook/form?q=2", { body: "a=1&b=2", headers: sign("?q=2") })).toBe(false);
  });
});

describe("an id that the source names", () => {
  const google: Sources = { google: { scheme: "none", idHeader: "x-goog-message-number" } };
  const push = (number: string): Sent => ({ headers: { "x-goog-message-number": number } });

  it("drops a repetition, and nothing else", async () => {
    const answers: boolean[] = [];
    for (const number of ["1", "2", "3", "2", "4"]) answers.push(await post(google, "/webhook/google", push(number)));
    expect(answers).toEqual([false, false, false, true, false]);
    expect(await get("/events/3")).toMatchObject({ id: "3" });
    // Nobody signed it: with other bytes it is another event.
    expect(await post(google, "/webhook/google", { ...push("2"), body: "x" })).toBe(false);
  });

  it.each(["", "a, b", "x".repeat(257)])("is none when it cannot be used: %j", async (number) => {
    for (let time = 0; time < 2; time++) expect(await post(google, "/webhook/google", push(number))).toBe(false);
    expect(await get("/events/2")).toMatchObject({ id: null });
  });

  const event = (id: unknown, more = "") => `{"data":{"id":${JSON.stringify(id)}}${more}}`;
  const github = (body: string, delivery: string): Sent => ({
    body,
    headers: { "x-hub-signature-256": `sha256=${hmac(body)}`, "x-github-delivery": delivery },
  });

  it.each<[name: string, table: object, sent: (body: string) => Sent, signed: boolean]>([
    ["none", { scheme: "none" }, (body) => ({ body }), false],
    ["token", { scheme: "token", secrets: ["SECRET"] }, (body) => ({ body, headers: { "x-api-key": SECRET } }), false],
    ["github", { scheme: "github", secrets: ["SECRET"] }, (body) => github(body, String(Math.random())), true],
    ["slack", { scheme: "slack", secrets: ["SECRET"] }, (body) => command(now(), body), true],
    [
      "hmac",
      { scheme: "hmac", secrets: ["SECRET"], hmac: { header: "x-sig", idField: "no" } },
      (body) => ({ body, headers: { "x-sig": hmac(body) } }),
      true,
    ],
  ])("stands in the body of any scheme: %s", async (_name, table, sent, signed) => {
    const sources = { own: { ...table, idField: "data.id" } };
    expect(await post(sources, "/webhook/own", sent(event("evt_1")))).toBe(false);
    expect(await post(sources, "/webhook/own", sent(event("evt_2")))).toBe(false);
    expect(await post(sources, "/webhook/own", sent(event("evt_1")))).toBe(true);
    expect(await post(sources, "/webhook/own", sent(event("evt_1", ',"a":1')))).toBe(signed);
    expect(await get("/events/1")).toMatchObject({ id: "evt_1" });
  });

  it("counts more than that of the scheme, which counts where the request lacks it", async () => {
    const sources = { own: { scheme: "github", secrets: ["SECRET"], idField: "data.id" } };
    expect(await post(sources, "/webhook/own", github(event(7), "d-1"))).toBe(false);
    expect(await post(sources, "/webhook/own", github(event(8), "d-1"))).toBe(false);
    expect(await post(sources, "/webhook/own", github(event(7), "d-2"))).toBe(true);
    expect(await post(sources, "/webhook/own", github("{}", "7"))).toBe(false);
    expect(await post(sources, "/webhook/own", github("{}", "7"))).toBe(true);
    expect((await get<{ events: EventRecord[] }>("/events?after=0")).events.map(({ id }) => id)).toEqual([
      "7",
      "8",
      "7",
    ]);
  });

  it("is as well signed as the scheme's where it is the same", async () => {
    const row = { header: "x-sig", signed: "{id}{body}", idHeader: "x-id" };
    const sources = { own: { scheme: "hmac", secrets: ["SECRET"], hmac: row, idHeader: "x-id" } };
    const sent = (body: string) => ({ body, headers: { "x-id": "1", "x-sig": hmac(`1${body}`) } });
    expect(await post(sources, "/webhook/own", sent("a"))).toBe(false);
    expect(await post(sources, "/webhook/own", sent("b"))).toBe(true);
  });
});

describe('dedupe = "off"', () => {
  it("logs every repetition, under its id", async () => {
    const sources = { all: { scheme: "none", idHeader: "x-id", dedupe: "off" } };
    for (let time = 0; time < 3; time++) {
      expect(await post(sources, "/webhook/all", { headers: { "x-id": "1" } })).toBe(false);
    }
    expect(await get("/events")).toMatchObject({ events: Array(3).fill({ id: "1" }) });
  });

  it("is the source's own: another's ids still count", async () => {
    const sources = {
      all: { scheme: "none", idHeader: "x-id", dedupe: "off" },
      once: { scheme: "none", idHeader: "x-id" },
    };
    const sent = { headers: { "x-id": "1" } };
    expect(await post(sources, "/webhook/all", sent)).toBe(false);
    expect(await post(sources, "/webhook/once", sent)).toBe(false);
    expect(await post(sources, "/webhook/once", sent)).toBe(true);
  });
});

/** Tells whether the log has an event: a handshake is answered, and is none. */
async function isEvent(): Promise<boolean> {
  const { events } = await get<{ events: EventRecord[] }>("/events");
  return events.length > 0;
}

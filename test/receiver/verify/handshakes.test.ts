import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { answerHandshake } from "../../../workers/receiver/verify/handshake.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import { callWith, env, inboxOf } from "../support/harness.ts";

const SECRETS = { NEW: "the new secret", OLD: "the old secret" };
const sources = readSources(
  {
    zoom: { scheme: "zoom", secrets: ["NEW", "OLD"] },
    slack: { scheme: "slack", secrets: ["NEW"] },
    twitch: { scheme: "twitch", secrets: ["NEW"] },
    discord: { scheme: "discord", secrets: ["NEW"] },
  },
  SECRETS,
  [],
);

async function answer(name: string, body: unknown, headers: Record<string, string> = {}) {
  const source = sources?.get(name);
  if (source === undefined) throw new Error(`there is no source ${name}`);
  const request = { method: "POST", url: "https://example.com/", headers: new Headers(headers) };
  return answerHandshake(source, { ...request, body: utf8(JSON.stringify(body)) }, { proven: true });
}

describe("answerHandshake", () => {
  const verification = { "twitch-eventsub-message-type": "webhook_callback_verification" };
  const notification = { "twitch-eventsub-message-type": "notification" };
  const json = "application/json";
  const cases: [name: string, source: string, body: unknown, headers: Record<string, string>, answer: object | null][] =
    [
      ["Discord's ping for webhook events", "discord", { type: 0 }, {}, { contentType: json, body: null }],
      [
        "Discord's ping for interactions",
        "discord",
        { type: 1, token: "a" },
        {},
        { contentType: json, body: '{"type":1}' },
      ],
      ["Discord's webhook event", "discord", { type: 1, event: { type: "A" } }, {}, null],
      ["Discord's interaction", "discord", { type: 2 }, {}, null],
      ["Discord's type as a text", "discord", { type: "1" }, {}, null],
      ["Twitch's challenge", "twitch", { challenge: "c" }, verification, { contentType: "text/plain", body: "c" }],
      ["Twitch's notification with a challenge", "twitch", { challenge: "c" }, notification, null],
      ["Twitch's challenge without one", "twitch", {}, verification, null],
      ["Slack's event with a challenge", "slack", { type: "event_callback", challenge: "c" }, {}, null],
      ["Slack's challenge that is no text", "slack", { type: "url_verification", challenge: { a: 1 } }, {}, null],
      ["Slack's empty challenge", "slack", { type: "url_verification", challenge: "" }, {}, null],
      ["Zoom's event", "zoom", { event: "meeting.started", payload: { plainToken: "a" } }, {}, null],
      ["no JSON object", "slack", "url_verification", {}, null],
    ];
  it.each(cases)("%s", async (_name, source, body, headers, expected) => {
    expect(await answer(source, body, headers)).toEqual(expected);
  });

  it.each([SECRETS.NEW, SECRETS.OLD])("answers Zoom with the secret that asked: %s", async (secret) => {
    const hmac = (text: string) => createHmac("sha256", secret).update(text).digest("hex");
    const handshake = { event: "endpoint.url_validation", payload: { plainToken: "qgg8" } };
    const signature = `v0=${hmac(`v0:1767225600:${JSON.stringify(handshake)}`)}`;
    const headers = { "x-zm-request-timestamp": "1767225600", "x-zm-signature": signature };
    const body = JSON.stringify({ plainToken: "qgg8", encryptedToken: hmac("qgg8") });
    expect(await answer("zoom", handshake, headers)).toEqual({ contentType: "application/json", body });
  });
});

describe("POST /webhook/:source from Discord", () => {
  /** A request as Discord signs it, with a key made here. */
  async function post(body: string): Promise<Response> {
    const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
    if (!("privateKey" in pair)) throw new Error("Ed25519 makes no pair");
    const key = new Uint8Array((await crypto.subtle.exportKey("raw", pair.publicKey)) as ArrayBuffer).toHex();
    const time = "1767225600";
    const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, utf8(time + body))).toHex();
    const changes = { KEY: key, SOURCES: { discord: { scheme: "discord", secrets: ["KEY"] } } };
    const headers = { "x-signature-ed25519": signature, "x-signature-timestamp": time };
    return callWith(changes as unknown as Partial<Env>, "/webhook/discord", { method: "POST", body, headers });
  }

  it("acknowledges the ping without a body, and logs the event that has the type of a ping", async () => {
    const inbox = inboxOf(env, "main");
    const before = (await inbox.status()).head;
    const ping = await post('{"version":1,"application_id":"1","type":0}');
    expect([ping.status, await ping.text(), ping.headers.get("content-type")]).toEqual([204, "", "application/json"]);
    expect((await inbox.status()).head).toBe(before);
    const event = await post('{"version":1,"type":1,"event":{"type":"APPLICATION_AUTHORIZED"}}');
    expect([event.status, await event.text()]).toEqual([200, "Received"]);
    expect((await inbox.status()).head).toBe(before + 1);
  });
});

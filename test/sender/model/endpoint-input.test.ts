import { describe, expect, it } from "vitest";
import { parseEndpointInput } from "../../../workers/sender/model/endpoint-input.ts";

const URL_A = "https://example.com/hook";
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const create = (part: object) => parseEndpointInput({ url: URL_A, ...part }, { localDev: false, creating: true });
const change = (part: object) => parseEndpointInput(part, { localDev: false, creating: false });

const RATES = 'must be null or one of {"perSecond": 1 to 1000}, {"perMinute": 1 to 10000}, {"perHour": 1 to 100000}';
const RETRIES = "must be null for RETRY_SECONDS, or at most 20 whole numbers of seconds up to 2592000";
const NAMES = 'must be null or {"id": …, "timestamp": …, "signature": …}: three header names that are free to set';

describe("parseEndpointInput", () => {
  it.each<[name: string, part: object, expected: object]>([
    ["a URL alone", {}, {}],
    ["types and patterns", { types: ["order.paid", "order.*"] }, {}],
    ["null for all types", { types: null }, {}],
    ["a hundred types", { types: Array.from({ length: 100 }, (_, n) => `t${n}`) }, {}],
    ["headers of its own", { headers: { "x-key": "a b", constructor: "c" } }, {}],
    ["a rate limit", { rateLimit: { perSecond: 1000 } }, {}],
    ["no rate limit", { rateLimit: null }, {}],
    ["a rate of a minute", { rateLimit: { perMinute: 10_000 } }, {}],
    ["a rate of an hour", { rateLimit: { perHour: 1 } }, {}],
    ["as many at once as may be", { concurrency: 192 }, {}],
    ["a timeout", { timeoutSeconds: 30 }, {}],
    ["delays of its own", { retrySeconds: [0, 60, 2_592_000] }, {}],
    ["no retries", { retrySeconds: [] }, {}],
    ["a form of the body", { payload: "cloudevents" }, {}],
    ["names for the signed headers", { signatureHeaders: { id: "x-id", timestamp: "x-time", signature: "x-sig" } }, {}],
    ["one version as a text", { signing: "v1a" }, { signing: ["v1a"] }],
    ["both versions", { signing: ["v1a", "v1"] }, {}],
    ["a secret", { secret: SECRET }, {}],
    ["a start", { startFrom: "now" }, {}],
  ])("takes %s", (_name, part, expected) => {
    expect(create(part)).toEqual({ ok: true, input: { url: URL_A, ...part, ...expected } });
  });

  it("takes any members of a change, none included", () => {
    expect(change({})).toEqual({ ok: true, input: {} });
    expect(change({ enabled: false, description: "x" })).toEqual({
      ok: true,
      input: { enabled: false, description: "x" },
    });
  });

  it.each<[part: unknown, reason: string]>([
    [null, "send a JSON object"],
    [[], "send a JSON object"],
    [{}, "url is missing"],
    [{ url: 1 }, "url must be a text of at most 2048 characters"],
    [{ url: `${URL_A}?${"x".repeat(2048)}` }, "url must be a text of at most 2048 characters"],
    [{ url: "http://example.com/" }, "url may not be called: the URL does not begin with `https://`"],
    [{ url: URL_A, colour: "red" }, '"colour" is not a member of an endpoint'],
    [JSON.parse(`{"url": "${URL_A}", "__proto__": 1}`), '"__proto__" is not a member of an endpoint'],
    [
      { url: URL_A, rateLimit: { perSecond: 1, per_second: 1 } },
      'rateLimit must be null or one of {"perSecond": 1 to 1000}, {"perMinute": 1 to 10000}, {"perHour": 1 to 100000}',
    ],
    [{ url: URL_A, enabled: "yes" }, "enabled must be true or false"],
    [
      { url: URL_A, types: [] },
      "types must be null for all, or 1 to 100 names or patterns as order.* and order.*.paid",
    ],
    [
      { url: URL_A, types: ["a", "*"] },
      "types must be null for all, or 1 to 100 names or patterns as order.* and order.*.paid",
    ],
    [
      { url: URL_A, types: "a" },
      "types must be null for all, or 1 to 100 names or patterns as order.* and order.*.paid",
    ],
    [{ url: URL_A, description: "x".repeat(501) }, "description must be a text of at most 500 characters"],
    [{ url: URL_A, headers: [] }, "headers must be an object of names and values"],
    [{ url: URL_A, headers: { "a b": "c" } }, 'headers holds "a b", which is no header name'],
    [{ url: URL_A, headers: { Host: "c" } }, "headers may not set host"],
    [{ url: URL_A, headers: { "x-a": "" } }, "headers has no valid value for x-a"],
    [{ url: URL_A, headers: { "x-a": 1 } }, "headers has no valid value for x-a"],
    [{ url: URL_A, headers: { "x-a": "1", "X-A": "2" } }, "headers names one header twice"],
    [
      { url: URL_A, rateLimit: { perSecond: 1001 } },
      'rateLimit must be null or one of {"perSecond": 1 to 1000}, {"perMinute": 1 to 10000}, {"perHour": 1 to 100000}',
    ],
    [
      { url: URL_A, rateLimit: 5 },
      'rateLimit must be null or one of {"perSecond": 1 to 1000}, {"perMinute": 1 to 10000}, {"perHour": 1 to 100000}',
    ],
    [{ url: URL_A, rateLimit: { perMinute: 1, perHour: 1 } }, `rateLimit ${RATES}`],
    [{ url: URL_A, concurrency: 193 }, "concurrency must be a whole number from 1 to 192"],
    [{ url: URL_A, timeoutSeconds: 0 }, "timeoutSeconds must be a whole number from 1 to 30"],
    [{ url: URL_A, timeoutSeconds: 31 }, "timeoutSeconds must be a whole number from 1 to 30"],
    [{ url: URL_A, retrySeconds: [-1] }, `retrySeconds ${RETRIES}`],
    [{ url: URL_A, retrySeconds: Array.from({ length: 21 }, () => 1) }, `retrySeconds ${RETRIES}`],
    [{ url: URL_A, payload: "xml" }, 'payload must be "standard", "data" or "cloudevents"'],
    [{ url: URL_A, signatureHeaders: { id: "a", timestamp: "b" } }, `signatureHeaders ${NAMES}`],
    [{ url: URL_A, signatureHeaders: { id: "a", timestamp: "b", signature: "A" } }, `signatureHeaders ${NAMES}`],
    [{ url: URL_A, signatureHeaders: { id: "host", timestamp: "b", signature: "c" } }, `signatureHeaders ${NAMES}`],
    [{ url: URL_A, signatureHeaders: { id: "a b", timestamp: "b", signature: "c" } }, `signatureHeaders ${NAMES}`],
    [{ url: URL_A, signing: [] }, 'signing must be "v1", "v1a" or ["v1", "v1a"]'],
    [{ url: URL_A, signing: ["v1", "v1"] }, 'signing must be "v1", "v1a" or ["v1", "v1a"]'],
    [
      { url: URL_A, secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" },
      "secret must be `whsec_` and base64 of 24 to 64 bytes, or `whsk_` and an Ed25519 key",
    ],
    [{ url: URL_A, startFrom: 5 }, 'startFrom is "now", an event id or a time, on creation alone'],
  ])("refuses to create from %j: %s", (value, reason) => {
    expect(parseEndpointInput(value, { localDev: false, creating: true })).toEqual({ ok: false, reason });
  });

  it.each([
    [{ secret: SECRET }, "secret is changed by POST /endpoints/:id/rotate"],
    [{ startFrom: "now" }, 'startFrom is "now", an event id or a time, on creation alone'],
    [{ url: "https://10.0.0.1/" }, "url may not be called: the URL leads to a private address"],
  ])("refuses to change by %j: %s", (part, reason) => {
    expect(change(part)).toEqual({ ok: false, reason });
  });

  it("lets only local development call loopback", () => {
    const value = { url: "http://localhost:7001/" };
    expect(parseEndpointInput(value, { localDev: true, creating: true }).ok).toBe(true);
    expect(parseEndpointInput(value, { localDev: false, creating: true }).ok).toBe(false);
  });
});

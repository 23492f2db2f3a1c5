import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import type { Page } from "../../../workers/receiver/event/page.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { answerHandshake } from "../../../workers/receiver/verify/handshake.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import receiving from "../../vectors/receiving.json";
import { callWith } from "../support/harness.ts";

/** Handshakes that a source's table describes, and those that any source answers. */

const VARIABLES = { SECRET: "the secret", VERIFY: "the verify token" };
const HMAC = { scheme: "hmac", secrets: ["SECRET"], hmac: { header: "x-sig" } };
const OPEN = { scheme: "none" };
const hmac = (text: string, encoding: "hex" | "base64" = "hex") =>
  createHmac("sha256", VARIABLES.SECRET).update(text).digest(encoding);
const FORM = { "content-type": "application/x-www-form-urlencoded" };

type Sent = { method?: string; query?: string; headers?: Record<string, string>; body?: string };

/** A source, a request to it, and the answer: status, content type and body. Events answer "Received". */
type Case = [name: string, source: object, sent: Sent, status: number, type: string | null, body: string];

const CRC = { method: "GET", answer: '{"response_token":"sha256={query:crc_token|hmac64}"}' };
const HUB = {
  method: "GET",
  when: { "query:hub.mode": "subscribe" },
  verifyToken: "query:hub.verify_token",
  answer: "{query:hub.challenge}",
};
const EVENT_GRID = {
  when: { "header:aeg-event-type": "SubscriptionValidation" },
  answer: '{"validationResponse":"{field:0.data.validationCode}"}',
};
const OKTA = { method: "GET", answer: '{"verification":"{header:x-okta-verification-challenge}"}' };
const hub = (token: string) =>
  `?hub.mode=subscribe&hub.challenge=a%3Cb%3E&hub.verify_token=${encodeURIComponent(token)}`;
const meta = { ...HMAC, handshakeSecret: "VERIFY", handshake: HUB };
const json = "application/json";
const text = "text/plain";

const cases: Case[] = [
  [
    "a query parameter",
    { ...HMAC, handshake: { method: "GET", answer: "{query:challenge}" } },
    { method: "GET", query: "?challenge=a%20b" },
    200,
    text,
    "a b",
  ],
  [
    "a parameter of a POST",
    {
      ...HMAC,
      handshake: { signed: false, when: { "query:validationToken": true }, answer: "{query:validationToken}" },
    },
    { query: "?validationToken=abc" },
    200,
    text,
    "abc",
  ],
  ["a verify token", meta, { method: "GET", query: hub(VARIABLES.VERIFY) }, 200, text, "a<b>"],
  [
    "a text signed",
    { ...HMAC, handshake: CRC },
    { method: "GET", query: "?crc_token=abc" },
    200,
    json,
    `{"response_token":"sha256=${hmac("abc", "base64")}"}`,
  ],
  [
    "a field of JSON",
    { ...OPEN, handshake: EVENT_GRID },
    { headers: { "aeg-event-type": "SubscriptionValidation" }, body: '[{"data":{"validationCode":"5\\"1"}}]' },
    200,
    json,
    '{"validationResponse":"5\\"1"}',
  ],
  [
    "a header",
    { ...HMAC, handshake: OKTA },
    { method: "GET", headers: { "x-okta-verification-challenge": "xyz" } },
    200,
    json,
    '{"verification":"xyz"}',
  ],
  [
    "a signed request",
    { ...HMAC, handshake: { when: { "field:type": "ping" }, status: 204 } },
    { headers: { "x-sig": hmac('{"type":"ping"}') }, body: '{"type":"ping"}' },
    204,
    null,
    "",
  ],
  [
    "an unsigned first request",
    { ...HMAC, handshake: { signed: false, when: { "field:hello": true } } },
    { headers: FORM, body: "hello=1" },
    200,
    text,
    "",
  ],
  [
    "one of several",
    { ...HMAC, handshake: [OKTA, { method: "GET", answer: "{query:c}" }] },
    { method: "GET", query: "?c=1" },
    200,
    text,
    "1",
  ],
  ["a ping of WooCommerce's", HMAC, { headers: FORM, body: "webhook_id=1" }, 200, text, ""],
  [
    "a validation of Microsoft Graph's",
    OPEN,
    { query: "?validationToken=Validation%3a%20Testing" },
    200,
    text,
    "Validation: Testing",
  ],
];

/** Requests that are no handshake. */
const others: Case[] = [
  [
    "another verify token",
    meta,
    { method: "GET", query: hub("another") },
    400,
    "application/problem+json",
    "bad_request",
  ],
  [
    "no verify token",
    meta,
    { method: "GET", query: "?hub.mode=subscribe&hub.challenge=a" },
    400,
    "application/problem+json",
    "bad_request",
  ],
  ["nothing to echo", { ...HMAC, handshake: CRC }, { method: "GET" }, 400, "application/problem+json", "bad_request"],
  [
    "an event to be signed",
    { ...HMAC, handshake: CRC },
    { method: "GET", query: `?crc_token=${encodeURIComponent('{"type":"a"}')}` },
    400,
    "application/problem+json",
    "bad_request",
  ],
  [
    "a challenge that was signed, sent as an event",
    { ...HMAC, handshake: CRC },
    { headers: { "x-sig": hmac("abc") }, body: "abc" },
    401,
    "application/problem+json",
    "invalid_signature",
  ],
  [
    "a signed handshake without its signature",
    { ...HMAC, handshake: { when: { "field:type": "ping" } } },
    { body: '{"type":"ping"}' },
    401,
    "application/problem+json",
    "invalid_signature",
  ],
  [
    "an unsigned handshake with a wrong signature",
    { ...HMAC, handshake: { signed: false, when: { "field:hello": true } } },
    { headers: { ...FORM, "x-sig": hmac("") }, body: "hello=1" },
    401,
    "application/problem+json",
    "invalid_signature",
  ],
  [
    "an event beside a text that is signed",
    { ...HMAC, handshake: CRC },
    { headers: { "x-sig": hmac('{"type":"a"}') }, body: '{"type":"a"}' },
    200,
    "text/plain;charset=UTF-8",
    "Received",
  ],
  [
    "an event of an open source that looks like WooCommerce's ping",
    OPEN,
    { headers: FORM, body: "webhook_id=1" },
    200,
    "text/plain;charset=UTF-8",
    "Received",
  ],
  [
    "an event with a body and Graph's parameter",
    OPEN,
    { query: "?validationToken=a", body: "{}" },
    200,
    "text/plain;charset=UTF-8",
    "Received",
  ],
  [
    "a method that delivers",
    { ...OPEN, methods: ["PUT", "GET"] },
    { method: "GET", query: "?id=1" },
    200,
    "text/plain;charset=UTF-8",
    "Received",
  ],
  [
    "a PUT",
    { ...HMAC, methods: ["POST", "PUT"] },
    { method: "PUT", headers: { "x-sig": hmac("{}") }, body: "{}" },
    200,
    "text/plain;charset=UTF-8",
    "Received",
  ],
  [
    "a HEAD that delivers",
    { ...OPEN, methods: ["HEAD"] },
    { method: "HEAD", query: "?id=1" },
    200,
    "text/plain;charset=UTF-8",
    "",
  ],
  [
    "a POST that does not",
    { ...OPEN, methods: ["PUT"] },
    { body: "{}" },
    405,
    "application/problem+json",
    "method_not_allowed",
  ],
];

async function send(name: string, source: object, { method = "POST", query = "", headers = {}, body }: Sent) {
  const changes = { ...VARIABLES, SOURCES: { [name]: { ...source, log: name } } } as unknown as Partial<Env>;
  const response = await callWith(changes, `/webhook/${name}${query}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const { events } = await (await callWith(changes, `/events?log=${name}`)).json<Page>();
  const said = await response.text();
  const shown = response.status < 400 ? said : (JSON.parse(said) as { code: string }).code;
  return { answer: [response.status, response.headers.get("content-type"), shown], logged: events.length };
}

describe("a source with a handshake", () => {
  it.each(cases)("answers %s, and logs nothing", async (name, source, sent, status, type, body) => {
    const log = `h${cases.findIndex(([each]) => each === name)}`;
    const { answer, logged } = await send(log, source, sent);
    expect([...answer, logged]).toEqual([status, status === 204 ? expect.anything() : type, body, 0]);
  });

  it.each(others)("does not take for a handshake: %s", async (name, source, sent, status, type, body) => {
    const log = `o${others.findIndex(([each]) => each === name)}`;
    const { answer, logged } = await send(log, source, sent);
    expect([...answer, logged]).toEqual([status, type, body, status === 200 ? 1 : 0]);
  });

  const faults: [handshake: unknown, fault: string][] = [
    ["a", "handshake is not a table"],
    [{ method: "PUT" }, "handshake.method is not one of GET, POST"],
    [{ echo: "a" }, "handshake.echo is unknown"],
    [{ method: "GET" }, "handshake.when is missing"],
    [{ answer: "{field:challenge}" }, "handshake.when is missing"],
    [{ method: "GET", signed: true, answer: "{query:c}" }, "handshake.signed is true, and nobody signs a GET"],
    [{ when: { type: "a" } }, "handshake.when is not a table of places"],
    [{ when: { "header:X-A": "a" } }, "handshake.when is not a table of places"],
    [{ method: "GET", answer: "{body}" }, "handshake.answer is not a text with no other placeholder"],
    [{ when: { "field:a": true }, status: 204, answer: "a" }, "handshake.answer is given, and status 204"],
    [
      { when: { "header:x-hook-secret": true }, signed: false, answer: "{header:x-hook-secret}" },
      "which hands over a secret",
    ],
    [
      { when: { "field:verification_token": true }, signed: false, answer: "{field:verification_token}" },
      "which hands over",
    ],
  ];
  it.each(faults)("names the mistake in %j", (handshake, fault) => {
    expect(readSources({ x: { ...HMAC, handshake } }, VARIABLES, [])?.get("x")?.fault).toContain(fault);
  });

  it.each([
    [
      { ...HMAC, hmac: { header: "x-sig", signed: "v0:{body}" }, handshake: CRC },
      "handshake.answer signs a text for anyone",
    ],
    [{ scheme: "token", secrets: ["SECRET"], handshake: CRC }, "handshake.answer signs a text for anyone"],
    [{ ...HMAC, handshakeSecret: "VERIFY", handshake: OKTA }, "handshakeSecret means nothing"],
    [{ ...HMAC, methods: ["OPTIONS"] }, "methods is not a list of some of POST, PUT"],
    [{ ...HMAC, methods: [] }, "methods is not a list"],
  ])("names the mistake of a source with %j", (table, fault) => {
    expect(readSources({ x: table }, VARIABLES, [])?.get("x")?.fault).toContain(fault);
  });

  it("is answered on no request that lacks what it asks for", async () => {
    const sources = readSources(
      {
        a: meta,
        b: { ...HMAC, handshake: CRC },
        c: { ...HMAC, handshake: [EVENT_GRID, OKTA] },
        d: { scheme: "slack", secrets: ["SECRET"] },
      },
      VARIABLES,
      [],
    );
    const bodies = fc.oneof(fc.uint8Array(), fc.json().map(utf8));
    const property = fc.asyncProperty(
      fc.string(),
      bodies,
      fc.constantFrom("GET", "POST"),
      async (query, body, method) => {
        for (const source of sources?.values() ?? []) {
          const request = {
            method,
            url: `https://a.example/?${query}`,
            headers: new Headers(),
            body: new Uint8Array(body),
          };
          expect(await answerHandshake(source, request, { proven: false })).toBeNull();
        }
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  it.each(["woocommerce-ping", "slack-ssl-check", "graph-validation"])(
    "answers what a real sender sent: %s",
    async (id) => {
      const vector = receiving.find((each) => each.id === id);
      if (vector === undefined) throw new Error(`there is no vector ${id}`);
      const { source: name, ...table } = vector.config;
      const { method, path, headers, body_base64 } = vector.request;
      const changes = {
        S: vector.secrets[0] ?? "",
        SOURCES: { [name]: { ...table, log: id, ...(table.scheme === "none" ? {} : { secrets: ["S"] }) } },
      };
      const init = { method, headers: headers as Record<string, string>, body: Uint8Array.fromBase64(body_base64) };
      const response = await callWith(changes as unknown as Partial<Env>, path, init);
      expect([response.status, await response.text()]).toEqual([
        200,
        id === "graph-validation" ? "Validation: Testing" : "",
      ]);
    },
  );
});

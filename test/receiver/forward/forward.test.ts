import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toBase64, utf8 } from "../../../shared/bytes.ts";
import { generateKeyPair, parseVerifyingKey } from "../../../shared/signing/secret.ts";
import { verify } from "../../../shared/signing/signature.ts";
import { configOf } from "../../../workers/receiver/config.ts";
import type { HeaderList } from "../../../workers/receiver/event/headers.ts";
import { forwardedHeaders, forwardId } from "../../../workers/receiver/forward/request.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { forwardKeys } from "../../../workers/receiver/verify/forward-secret.ts";
import { call, callWith, env, get, SECOND, START, send, setTime } from "../support/harness.ts";
import { log, settle } from "../support/logged.ts";

const FORWARD_SECRET = `whsec_${toBase64(new Uint8Array(32).fill(7))}`;
const TARGET = "https://target.example/hook?x=1";
const DOH_URL = "https://doh.example/dns-query";

type Sent = { url: string; init: RequestInit; headers: Headers };
type Forwarded = { status: number; code: string | null; ms: number; response: string | null };
type Answers = (url: URL) => Response | Error | Promise<Response>;

let sent: Sent[] = [];
/** Answers in the place of the outer world. */
let answer: Answers = () => new Response("thank you");

beforeEach(() => {
  setTime(START);
  sent = [];
  answer = () => new Response("thank you");
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init = {}) => {
    const url = new URL(String(input));
    sent.push({ url: url.href, init, headers: new Headers(init.headers) });
    const answered = await answer(url);
    if (answered instanceof Error) throw answered;
    return answered;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

function forward(seq: number, body: unknown = { url: TARGET }, changes: Partial<Env> = {}): Promise<Response> {
  return callWith({ FORWARD_SECRET, DOH_URL: "", ...changes }, `/events/${seq}/forward`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

async function problemIn(response: Response): Promise<[number, unknown]> {
  const { code } = await response.json<{ code: string }>();
  return [response.status, code];
}

const only = (): Sent => {
  const [one, ...more] = sent;
  if (one === undefined || more.length > 0) throw new Error(`${sent.length} requests were sent`);
  return one;
};

const bytesOf = ({ init }: Sent) => new Uint8Array(init.body as Uint8Array<ArrayBuffer>);

/** Tells whether the request that was sent is genuine under `secret`, a Standard Webhooks key. */
function isSignedBy(secret: string, one: Sent): Promise<boolean> {
  const parsed = parseVerifyingKey(secret);
  if (!parsed.ok) throw new Error(parsed.problem);
  const [id = "", timestamp = ""] = [one.headers.get("webhook-id"), one.headers.get("webhook-timestamp")].map(String);
  const message = { id, timestamp: Number(timestamp), body: bytesOf(one) };
  return verify(message, String(one.headers.get("webhook-signature")), [parsed.key]);
}

describe("forwardedHeaders", () => {
  const cases: [name: string, dropped: HeaderList][] = [
    [
      "hop by hop",
      [
        ["connection", "close"],
        ["keep-alive", "5"],
        ["te", "trailers"],
        ["transfer-encoding", "chunked"],
      ],
    ],
    [
      "named by connection",
      [
        ["connection", "close, X-Hop"],
        ["x-hop", "1"],
      ],
    ],
    [
      "of the connection",
      [
        ["host", "a.example"],
        ["content-length", "2"],
        ["expect", "100-continue"],
        ["accept-encoding", "br"],
      ],
    ],
    [
      "credentials",
      [
        ["authorization", "Bearer x"],
        ["proxy-authorization", "x"],
        ["cookie", "a=b"],
        ["x-telegram-bot-api-secret-token", "x"],
        ["x-goog-channel-token", "x"],
        ["x-shop-key", "x"],
      ],
    ],
    [
      "of the way here",
      [
        ["cf-ray", "1"],
        ["cf-connecting-ip", "1"],
        ["x-forwarded-for", "1"],
        ["x-real-ip", "1"],
        ["forwarded", "for=1"],
      ],
    ],
    [
      "signatures for us",
      [
        ["webhook-signature", "v1,x"],
        ["svix-signature", "v1,x"],
        ["stripe-signature", "t=1"],
        ["x-hub-signature-256", "x"],
        ["x-docusign-signature-1", "x"],
      ],
    ],
    [
      "tokens for us",
      [
        ["x-gitlab-token", "x"],
        ["x-api-key", "x"],
      ],
    ],
    ["of a source's own row", [["x-own-signature", "x"]]],
    ["masked once", [["x-former-token", "(masked)"]]],
  ];
  const sources = configOf({
    ...env,
    OWN: "secret",
    SOURCES: { own: { scheme: "hmac", secrets: ["OWN"], hmac: { header: "x-own-signature" } } },
  } as Env).sources;
  it.each(cases)("leaves out headers that are %s", (_name, dropped) => {
    const kept: HeaderList = [
      ["content-type", "text/plain"],
      ["x-github-event", "push"],
      ["__proto__", "1"],
    ];
    const headers = forwardedHeaders([...dropped, ...kept], [...sources.values()]);
    expect(Object.entries(headers)).toEqual(kept);
  });
});

describe("forwardId", () => {
  const cases: [id: string | null, sent: string][] = [
    ["msg_1", "msg_1"],
    ["a b", "a b"],
    [null, "main_7_2208988800000"],
    ["", "main_7_2208988800000"],
    ["evt.1", "main_7_2208988800000"],
    ["é", "main_7_2208988800000"],
    ["x".repeat(256), "x".repeat(256)],
    ["x".repeat(257), "main_7_2208988800000"],
    ["a\r\nb", "main_7_2208988800000"],
  ];
  it.each(cases)("of %j is %j", (id, expected) =>
    expect(forwardId({ id, seq: 7, receivedAt: "2040-01-01T00:00:00.000Z" }, "main")).toBe(expected),
  );
});

describe("forwardKeys", () => {
  const SOURCES = { gh: { scheme: "github", secrets: ["GH"] } };
  const keys = (FORWARD_SECRET: string, more: object = {}) => {
    const { forwardSecret, sources } = configOf({ ...env, ...more, FORWARD_SECRET } as Env);
    return forwardKeys(forwardSecret, [...sources.values()]);
  };
  /** A seed and its public key, which a source verifies with. */
  const SEED = "6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=";
  const PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
  const PARTNER = { partner: { scheme: "standard", secrets: ["PARTNER"] } };

  it("accepts a private key as its seed alone", async () => {
    expect(await keys(`whsk_${SEED}`)).toMatchObject([{ version: "v1a" }]);
  });

  it("accepts several secrets, of both versions", async () => {
    const pair = await generateKeyPair((bytes) => crypto.getRandomValues(bytes));
    expect((await keys(`${FORWARD_SECRET} ${pair}`)).map(({ version }) => version)).toEqual(["v1", "v1a"]);
  });

  const refused: [name: string, secret: string, more: object][] = [
    ["no base64", "whsec_?", {}],
    ["short", "whsec_c2hvcnQ=", {}],
    ["a public key", `whpk_${toBase64(new Uint8Array(32).fill(9))}`, {}],
    ["halves of two pairs", `whsk_${toBase64(new Uint8Array(64).fill(9))}`, {}],
    ["the private half of a source's key, given as its seed", `whsk_${SEED}`, { PARTNER: PUBLIC, SOURCES: PARTNER }],
    ["the default source's", env.WEBHOOK_SECRET, {}],
    ["the default source's without its prefix", env.WEBHOOK_SECRET.slice(6), {}],
    ["the default source's with a version before it", `v1,${env.WEBHOOK_SECRET}`, {}],
    [
      "another source's",
      `${FORWARD_SECRET} ${toBase64(new Uint8Array(32))}`,
      { GH: toBase64(new Uint8Array(32)), SOURCES },
    ],
  ];
  it.each(refused)("refuses a secret that is %s, and says nothing of it", async (_name, secret, more) => {
    const error: Error = await keys(secret, more).then(
      () => new Error("taken"),
      (reason) => reason,
    );
    expect(error).toMatchObject({ name: "ConfigError", message: expect.stringContaining("FORWARD_SECRET") });
    for (const part of secret.split(" ")) expect(error.message).not.toContain(part.replace(/^(v1,)?wh\w+_/, ""));
  });
});

describe("POST /events/:seq/forward", () => {
  it("sends the same bytes, signed anew, and tells what the target said", async () => {
    await send("msg_1", '{"type":"a"}', { "content-type": "application/json; charset=utf-8", "x-own": "1" });
    setTime(START + 1000 * SECOND);
    const response = await forward(1);
    expect([response.status, await response.json()]).toEqual([
      200,
      { status: 200, code: null, ms: 0, response: "thank you" },
    ]);
    const one = only();
    expect([one.url, one.init.method, one.init.redirect, bytesOf(one)]).toEqual([
      TARGET,
      "POST",
      "manual",
      utf8('{"type":"a"}'),
    ]);
    expect(Object.fromEntries(one.headers)).toEqual({
      "content-type": "application/json; charset=utf-8",
      "x-own": "1",
      "user-agent": expect.stringMatching(/^workers-webhooks/),
      "webhook-id": "msg_1",
      "webhook-timestamp": String(START / 1000 + 1000),
      "webhook-signature": expect.stringMatching(/^v1,/),
    });
    expect(await isSignedBy(FORWARD_SECRET, one)).toBe(true);
    expect(await isSignedBy(env.WEBHOOK_SECRET, one)).toBe(false);
  });

  const bodies: [name: string, body: Uint8Array<ArrayBuffer>][] = [
    ["nothing", utf8("")],
    ["what is not UTF-8", new Uint8Array([0xff, 0, 0x80, 0xed, 0xa0, 0x80])],
    ["a byte-order mark and CRLF", utf8("\ufeff{}\r\n")],
  ];
  it.each(bodies)("keeps the bytes of %s, from a tail and from a segment", async (_name, body) => {
    await log({ body, id: null });
    expect((await forward(1)).status).toBe(200);
    await settle();
    expect((await forward(1)).status).toBe(200);
    expect(sent.map(bytesOf)).toEqual([body, body]);
    expect(sent.map(({ headers }) => headers.get("content-type"))).toEqual([null, null]);
    // The id is the same each time, so that the target can tell a duplicate.
    expect(sent.map(({ headers }) => headers.get("webhook-id"))).toEqual(Array(2).fill("main_1_2208988800000"));
    for (const one of sent) expect(await isSignedBy(FORWARD_SECRET, one)).toBe(true);
  });

  const outcomes: [name: string, answer: Answers, forwarded: Partial<Forwarded>][] = [
    ["fails", () => new Response("no", { status: 500 }), { status: 500, code: null, response: "no" }],
    [
      "redirects, which is not followed",
      () => new Response(null, { status: 302, headers: { location: "https://elsewhere.example" } }),
      { status: 302, code: null, response: "" },
    ],
    ["answers more than is kept", () => new Response("x".repeat(5000)), { status: 200, response: "x".repeat(4096) }],
    ["answers no text", () => new Response(new Uint8Array([255])), { status: 200, response: null }],
    [
      "cannot be reached",
      () => new Error("Network connection lost."),
      { status: 0, code: "connection_failed", response: null },
    ],
  ];
  it.each(outcomes)("is 200 when the target %s", async (_name, answering, forwarded) => {
    answer = answering;
    await send("msg_1");
    const response = await forward(1);
    expect([response.status, await response.json()]).toEqual([200, expect.objectContaining(forwarded)]);
    only();
  });

  const inputs: [name: string, body: unknown, refusal: [number, string]][] = [
    ["no JSON", "{", [400, "invalid_json"]],
    ["null", null, [422, "invalid_forward"]],
    ["no URL", {}, [422, "invalid_forward"]],
    ["a URL that is no text", { url: 1 }, [422, "invalid_forward"]],
    ["more than a URL", { url: TARGET, headers: {} }, [422, "invalid_forward"]],
    ["a long URL", { url: `${TARGET}${"x".repeat(2048)}` }, [422, "invalid_forward"]],
    ["too much", `"${"x".repeat(66_000)}"`, [413, "body_too_large"]],
    ["http", { url: "http://target.example" }, [422, "invalid_forward"]],
    ["a private address", { url: "https://10.0.0.1" }, [422, "invalid_forward"]],
    ["a private address, written otherwise", { url: "https://0x0a000001" }, [422, "invalid_forward"]],
    ["an address of metadata", { url: "https://169.254.169.254/latest" }, [422, "invalid_forward"]],
    ["an address in IPv6", { url: "https://[::ffff:10.0.0.1]" }, [422, "invalid_forward"]],
    ["a local name", { url: "https://db.internal" }, [422, "invalid_forward"]],
    ["credentials", { url: "https://a:b@target.example" }, [422, "invalid_forward"]],
  ];
  it.each(inputs)("refuses %s, and sends nothing", async (_name, body, refusal) => {
    await send("msg_1");
    expect(await problemIn(await forward(1, body))).toEqual(refusal);
    expect(sent).toEqual([]);
  });

  it("calls this machine in local development only", async () => {
    await send("msg_1");
    const url = "http://localhost:9/hook";
    expect((await forward(1, { url })).status).toBe(200);
    only();
    const headers = { "content-type": "application/json", authorization: `Bearer ${env.API_TOKEN}` };
    const deployed = await callWith({ FORWARD_SECRET, LOCAL_DEV: "false" }, "/events/1/forward", {
      ...{ method: "POST", headers },
      body: JSON.stringify({ url }),
    });
    expect(await problemIn(deployed)).toEqual([422, "invalid_forward"]);
    only();
  });

  const json = (body: object) => Response.json(body);
  const lookUps: [name: string, answer: Answers, outcome: object][] = [
    [
      "a private address",
      () => json({ Status: 0, Answer: [{ type: 1, TTL: 60, data: "10.0.0.1" }] }),
      { code: "invalid_forward", reason: "private" },
    ],
    ["no address", () => json({ Status: 3 }), { status: 0, code: "dns_not_found" }],
    ["no answer", () => new Response("", { status: 503 }), { status: 0, code: "dns_unavailable" }],
  ];
  it.each(lookUps)("sends nothing when the look-up of the host gives %s", async (_name, answering, outcome) => {
    answer = answering;
    await send("msg_1");
    expect(await (await forward(1, { url: TARGET }, { DOH_URL })).json()).toMatchObject(outcome);
    expect(sent.map(({ url }) => new URL(url).host)).toEqual(["doh.example", "doh.example"]);
  });

  it("sends when the look-up gives a public address", async () => {
    answer = ({ host }) =>
      host === "doh.example"
        ? json({ Status: 0, Answer: [{ type: 1, TTL: 60, data: "93.184.215.14" }] })
        : new Response("");
    await send("msg_1");
    expect(await (await forward(1, { url: TARGET }, { DOH_URL })).json()).toMatchObject({ status: 200, code: null });
    expect(sent.map(({ url }) => new URL(url).host)).toEqual(["doh.example", "doh.example", "target.example"]);
  });

  it("needs a secret of its own, whose absence stops nothing else", async () => {
    await send("msg_1");
    const response = await forward(1, { url: TARGET }, { FORWARD_SECRET: "" });
    expect(await problemIn(response)).toEqual([409, "forward_secret_unset"]);
    expect((await callWith({ FORWARD_SECRET: "" }, "/health")).status).toBe(200);
    expect(sent).toEqual([]);
  });

  it("says that a secret is malformed, which stops nothing but forwarding", async () => {
    await send("msg_1");
    const broken = { FORWARD_SECRET: "whsec_?" };
    expect(await problemIn(await forward(1, { url: TARGET }, broken))).toEqual([500, "configuration_error"]);
    expect((await callWith(broken, "/health")).status).toBe(500);
    expect((await callWith(broken, "/events/1")).status).toBe(200);
    expect(sent).toEqual([]);
  });

  it("is 404 for an event that the log does not hold, 400 for an unknown parameter, 405 for other methods", async () => {
    expect(await problemIn(await forward(1))).toEqual([404, "not_found"]);
    expect((await call("/events/1/forward?log=other", { method: "POST" })).status).toBe(409);
    expect((await call("/events/1/forward?to=x", { method: "POST" })).status).toBe(400);
    const response = await call("/events/1/forward");
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("needs the token when it is called from elsewhere", async () => {
    await send("msg_1");
    const response = await callWith({ FORWARD_SECRET, LOCAL_DEV: "false" }, "/events/1/forward", { method: "POST" });
    expect(response.status).toBe(401);
    expect(sent).toEqual([]);
  });

  it("leaves the record as it was", async () => {
    await send("msg_1", "{}", { "x-own": "1" });
    const before = await get("/events/1");
    await forward(1);
    expect(await get("/events/1")).toEqual(before);
  });
});

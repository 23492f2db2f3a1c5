import { createHmac } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { fromBase64, utf8 } from "../../../shared/bytes.ts";
import type { Env } from "../../../workers/receiver/log/logs.ts";
import { diagnose } from "../../../workers/receiver/rejected/diagnosis/diagnose.ts";
import { withHistory } from "../../../workers/receiver/rejected/history.ts";
import type { Rejection } from "../../../workers/receiver/rejected/rejection.ts";
import { schemes } from "../../../workers/receiver/verify/schemes/index.ts";
import vectors from "../../vectors/receiving.json";
import { callWith, get, pass, SECOND, useLaterTime } from "../support/harness.ts";

/** Requests that were changed on the way: no history makes them a forgery. */

const SECRET = "stream-secret";
const TEXT = '{"type":"message.new","cid":"messaging:1"}';
const hmac = (content: string | Uint8Array, digest = "sha256", encoding: "hex" | "base64" = "hex") =>
  createHmac(digest, SECRET).update(content).digest(encoding);

async function packed(body: string, format: "gzip" | "deflate"): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Response(body).body?.pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream ?? null).arrayBuffer());
}

/** Returns the diagnosis of a request for `scheme` that is signed, but not as it arrives. */
async function diagnosed(
  name: string,
  headers: Record<string, string>,
  body: Uint8Array,
  url = "https://a.example/in",
) {
  const scheme = schemes[name];
  if (scheme === undefined) throw new Error(`there is no scheme ${name}`);
  const request = { method: "POST", url, headers: new Headers(headers), body };
  const verdict = await scheme.verify(request, [SECRET], 0);
  if (verdict.ok) return "accepted";
  return diagnose(request, verdict.reason, { suspects: { scheme, secrets: [SECRET], others: [] }, now: 0 });
}

describe("a body that was signed before it was compressed", () => {
  const arrived = (body: Uint8Array, encoding: string | null, text = TEXT) => {
    const headers: Record<string, string> = encoding === null ? {} : { "content-encoding": encoding };
    return diagnosed("lemon_squeezy", { ...headers, "x-signature": hmac(text) }, body);
  };

  it.each([
    ["gzip", "gzip"],
    ["gzip", "GZIP "],
    ["gzip", null],
    ["deflate", "deflate"],
  ] as const)("is proven: %s, said to be %s", async (format, encoding) => {
    expect(await arrived(await packed(TEXT, format), encoding)).toMatchObject({ code: "body_compressed" });
  });

  const untried: [name: string, encoding: string | null, body: () => Promise<Uint8Array> | Uint8Array][] = [
    ["in an unknown encoding", "br", () => utf8("x")],
    ["that is not what it says", "gzip", () => utf8("no gzip")],
    ["that is cut", "gzip", async () => (await packed(TEXT, "gzip")).slice(0, -4)],
    ["that is large", "gzip", () => crypto.getRandomValues(new Uint8Array(20_000)).with(0, 0x1f).with(1, 0x8b)],
    ["that inflates to megabytes", null, () => packed("x".repeat(10_000_000), "gzip")],
  ];
  it.each(untried)("is not called forged where it could not be tried: one %s", async (_name, encoding, body) => {
    expect(await arrived(await body(), encoding)).toMatchObject({ code: "partly_tried" });
  });

  it("is called unknown where it was tried, and is none", async () => {
    expect(await arrived(await packed(TEXT, "gzip"), "gzip", "other")).toMatchObject({ code: "unknown_key" });
  });
});

describe("a query that was signed before it was encoded anew", () => {
  const asked = (signedQuery: string, arrived: string) => {
    const base = "https://a.example/in?";
    const headers = { "x-twilio-signature": hmac(base + signedQuery, "sha1", "base64") };
    return diagnosed("twilio", headers, utf8(""), base + arrived);
  };
  it.each([
    ["a=b+c", "a=b%20c"],
    ["a=b%20c", "a=b+c"],
    ["a=x,y&b=(z)", "a=x%2Cy&b=%28z%29"],
    ["a=x%2Cy&b=%28z%29", "a=x,y&b=(z)"],
    ["a=%c3%a9", "a=%C3%A9"],
    ["a=%2F%3A", "a=%2f%3a"],
    ["a=1&b=2", "b=2&a=1"],
    ["name=O'Brien&to=a@b", "name=O%27Brien&to=a%40b"],
  ])("is proven: %s arrives as %s", async (signedQuery, arrived) => {
    expect(["accepted", "query_encoding"]).toContain(
      await asked(signedQuery, arrived).then((found) => (typeof found === "object" ? found?.code : found)),
    );
  });
  it("is not called forged where it is too long to try", async () => {
    const long = "a=%2f".repeat(1000);
    expect(await asked(long.toUpperCase(), long)).toMatchObject({ code: "partly_tried" });
  });
  it("is not called forged when nothing was found", async () => {
    const found = await asked("a=1", "a=2");
    expect(["partly_tried", "unknown_key"]).toContain(typeof found === "object" ? found?.code : found);
  });
});

describe("withHistory", () => {
  const partly = { code: "partly_tried", text: "not all was tried" } as const;
  const rejection = {
    at: 10_000_000,
    source: "a",
    reason: "signature_mismatch",
    diagnosis: partly,
  } as unknown as Rejection;
  it.each([
    [null, "no event of this log was verified"],
    [9_900_000, "verified an event 100 s before"],
  ])("names no cause where not all was tried, last verified at %s", (lastAt, fact) => {
    const told = withHistory(rejection, { known: true, lastAt });
    expect(told).toEqual({ code: "partly_tried", text: expect.stringContaining(fact) });
    expect(told?.text).not.toMatch(/forgery|another secret/);
  });
});

describe("GET /rejections", () => {
  useLaterTime();
  const vector = vectors.find(({ id }) => id === "getstream-gzip");

  it("says of GetStream's compressed body that it was signed before, also after genuine events", async () => {
    const source = { scheme: "hmac", secrets: ["STREAM"], hmac: vector?.config.hmac };
    const changes = { STREAM: SECRET, SOURCES: { stream: source } } as unknown as Partial<Env>;
    const post = (body: Uint8Array<ArrayBuffer>, headers: Record<string, string>) =>
      callWith(changes, "/webhook/stream", { method: "POST", body, headers });
    const bytes = fromBase64(vector?.request.body_base64 ?? "");
    if (bytes === null) throw new Error("the vector's body is not base64");
    const headers = Object.fromEntries(Object.entries(vector?.request.headers ?? {}).map(([n, v]) => [n, String(v)]));
    expect((await post(bytes, headers)).status).toBe(401);
    expect((await post(utf8("{}"), { "x-signature": hmac("{}") })).status).toBe(200);
    pass(10 * SECOND);
    expect((await post(bytes, headers)).status).toBe(401);
    await vi.waitFor(async () => {
      const { rejections } = await get<{ rejections: Rejection[] }>("/rejections?source=stream");
      expect(rejections.map(({ diagnosis }) => diagnosis?.code)).toEqual(["body_compressed", "body_compressed"]);
    });
  });
});

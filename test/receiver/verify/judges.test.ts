import { createWebMiddleware, Webhooks } from "@octokit/webhooks";
import { Webhook as Standard } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";
import { afterEach, describe, expect, it, vi } from "vitest";
import { concat, utf8 } from "../../../shared/bytes.ts";
import { schemes } from "../../../workers/receiver/verify/schemes/index.ts";

/**
 * Other implementations sign, and this one verifies. Where another one accepts a request that nobody signed, a test
 * shows that, and that this one rejects it.
 */
const NOW = 1_700_000_000;
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TEXT = '{"id":"evt_1","object":"event","name":"Zoë 😀"}';
/** A text with a replacement character, and bytes that lossy decoding turns into it. */
const lossy: [text: string, body: Uint8Array<ArrayBuffer>] = [
  '{"id":"evt_1","object":"event","name":"\ufffd"}',
  concat(utf8('{"id":"evt_1","object":"event","name":"'), new Uint8Array([0xff]), utf8('"}')),
];
const crypto = Stripe.createSubtleCryptoProvider();
const { webhooks } = new Stripe("sk_test_unused", { httpClient: Stripe.createFetchHttpClient() });

async function verdict(
  name: string,
  headers: Record<string, string>,
  { secret = SECRET, body = utf8(TEXT), now = NOW }: { secret?: string; body?: Uint8Array; now?: number } = {},
): Promise<string> {
  const request = { method: "POST", url: "https://example.com/webhook", headers: new Headers(headers), body };
  const result = await schemes[name]?.verify(request, [secret], now);
  return result === undefined ? "no such scheme" : result.ok ? "accepted" : result.reason;
}

function stripeHeader(timestamp: number, payload = TEXT): Promise<string> {
  return webhooks.generateTestHeaderStringAsync({ payload, secret: SECRET, timestamp, cryptoProvider: crypto });
}

function standardHeaders(timestamp: string, body: string, prefix = "webhook") {
  const signature = new Standard(SECRET).sign("msg_1", new Date(Number.parseInt(timestamp, 10) * 1000), body);
  return { [`${prefix}-id`]: "msg_1", [`${prefix}-timestamp`]: timestamp, [`${prefix}-signature`]: signature };
}

/** Tells whether a library accepts the request: it throws if not. */
async function takes(work: () => unknown): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}

describe("github", () => {
  const octokit = new Webhooks({ secret: SECRET });

  it("accepts what octokit signed", async () => {
    const signature = await octokit.sign(TEXT);
    expect(await octokit.verify(TEXT, signature)).toBe(true);
    expect(await verdict("github", { "x-hub-signature-256": signature })).toBe("accepted");
    expect(await verdict("github", { "x-hub-signature-256": signature }, { secret: "another" })).toBe(
      "signature_mismatch",
    );
  });

  // Outside of Node, octokit takes the pairs of hex digits that it finds, and skips everything between them.
  it.each([
    ["between pairs", true, (hex: string) => hex.replace(/../g, "$&:")],
    ["at the end", true, (hex: string) => `${hex}zz`],
    ["at the start", true, (hex: string) => `zz${hex}`],
    ["for a digit", false, (hex: string) => `${hex.slice(0, 62)}g0`],
  ])("rejects hex with garbage %s, which octokit accepts: %s", async (_name, lenient, change) => {
    const signature = await octokit.sign(TEXT);
    const changed = `sha256=${change(signature.slice("sha256=".length))}`;
    expect(await octokit.verify(TEXT, changed)).toBe(lenient);
    expect(await verdict("github", { "x-hub-signature-256": changed })).toBe("signature_malformed");
  });

  it("rejects bytes that are no UTF-8, which octokit's middleware reads as text before it verifies", async () => {
    const [text, body] = lossy;
    const signature = await octokit.sign(text);
    const headers = { "x-hub-signature-256": signature, "x-github-event": "push", "x-github-delivery": "1" };
    const middleware = createWebMiddleware(octokit, { path: "/" });
    const request = new Request("https://example.com/", {
      method: "POST",
      body,
      headers: { ...headers, "content-type": "application/json" },
    });
    expect((await middleware(request)).status).toBe(200);
    expect(await verdict("github", headers, { body })).toBe("signature_mismatch");
    expect(await verdict("github", headers, { body: utf8(text) })).toBe("accepted");
  });
});

describe("stripe", () => {
  it("accepts what stripe signed", async () => {
    const header = await stripeHeader(NOW);
    await webhooks.constructEventAsync(TEXT, header, SECRET, 300, crypto, NOW * 1000);
    expect(await verdict("stripe", { "stripe-signature": header })).toBe("accepted");
    expect(await verdict("stripe", { "stripe-signature": header }, { body: utf8(`${TEXT} `) })).toBe(
      "signature_mismatch",
    );
  });

  it("rejects a timestamp with something after it, which stripe reads as a number", async () => {
    const header = (await stripeHeader(NOW)).replace(`t=${NOW}`, `t=${NOW}abc`);
    expect(await takes(() => webhooks.constructEventAsync(TEXT, header, SECRET, 300, crypto, NOW * 1000))).toBe(true);
    expect(await verdict("stripe", { "stripe-signature": header })).toBe("timestamp_malformed");
  });

  it("rejects a time in the future, which stripe never looks at", async () => {
    const header = await stripeHeader(NOW + 31_536_000);
    expect(await takes(() => webhooks.constructEventAsync(TEXT, header, SECRET, 300, crypto, NOW * 1000))).toBe(true);
    expect(await verdict("stripe", { "stripe-signature": header })).toBe("timestamp_too_new");
  });

  it("rejects bytes that are no UTF-8, which stripe replaces before it verifies", async () => {
    const [text, body] = lossy;
    const header = await stripeHeader(NOW, text);
    const bytes = Buffer.from(body);
    expect(await takes(() => webhooks.constructEventAsync(bytes, header, SECRET, 300, crypto, NOW * 1000))).toBe(true);
    expect(await verdict("stripe", { "stripe-signature": header }, { body })).toBe("signature_mismatch");
    expect(await verdict("stripe", { "stripe-signature": header }, { body: utf8(text) })).toBe("accepted");
  });
});

describe.each([
  ["standard", "webhook"],
  ["svix", "svix"],
])("%s", (scheme, prefix) => {
  it.each([
    ["standardwebhooks", new Standard(SECRET)],
    ["svix", new Svix(SECRET)],
  ])("accepts what %s signed", async (_name, judge) => {
    const signature = judge.sign("msg_1", new Date(NOW * 1000), TEXT);
    const headers = { ...standardHeaders(String(NOW), TEXT, prefix), [`${prefix}-signature`]: signature };
    expect(await verdict(scheme, headers)).toBe("accepted");
  });

  // Both are lenient alike: svix has standardwebhooks verify.
  const judges: [name: string, verify: (body: string | Buffer, headers: Record<string, string>) => unknown][] = [
    ["standardwebhooks", (body, headers) => new Standard(SECRET).verify(body, headers)],
    ["svix", (body, headers) => new Svix(SECRET).verify(body, headers)],
  ];
  const asStandard = (headers: Record<string, string>) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.replace("svix-", "webhook-"), value]));
  /** Tells whether the judge accepts a request, by the machine's clock. */
  const judged = (
    verify: (typeof judges)[number][1],
    body: string | Buffer,
    headers: Record<string, string>,
    now: number,
  ) => {
    vi.setSystemTime(now * 1000);
    return takes(() => verify(body, asStandard(headers)));
  };

  describe.each(judges)("beside %s", (_judge, verify) => {
    afterEach(() => void vi.useRealTimers());

    it("rejects a timestamp with something after it, which the judge reads as a number", async () => {
      const headers = standardHeaders("1614265330abc", TEXT, prefix);
      expect(await judged(verify, TEXT, headers, 1_614_265_330)).toBe(true);
      expect(await verdict(scheme, headers, { now: 1_614_265_330 })).toBe("timestamp_malformed");
    });

    it("rejects bytes that are no UTF-8, which the judge replaces before it verifies", async () => {
      const [text, body] = lossy;
      const headers = standardHeaders(String(NOW), text, prefix);
      expect(await judged(verify, Buffer.from(body), headers, NOW)).toBe(true);
      expect(await verdict(scheme, headers, { body })).toBe("signature_mismatch");
      expect(await verdict(scheme, headers, { body: utf8(text) })).toBe("accepted");
    });

    it("rejects any future beyond the window, as the judge does", async () => {
      const headers = standardHeaders(String(NOW + 301), TEXT, prefix);
      expect(await judged(verify, TEXT, headers, NOW)).toBe(false);
      expect(await verdict(scheme, headers)).toBe("timestamp_too_new");
    });
  });
});

import { createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { messageSignatureScheme } from "../../../workers/receiver/verify/schemes/message-signature.ts";
import type { MessageSignatureRow } from "../../../workers/receiver/verify/schemes/row.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import { headerValues } from "../support/near-misses.ts";

/** HTTP Message Signatures: the examples of RFC 9421, and requests signed here. */

const NOW = 1_767_225_600;
const SECRET = "the secret";
const BODY = '{"id":1}';
const HOOK = "https://example.com/in?a=1&b=x%20y";
const ROW: MessageSignatureRow = { algorithm: "hmac-sha256", covers: ["@method"] };
const digest = `sha-256=:${createHash("sha256").update(BODY).digest("base64")}:`;
const params = (components: string, more = "") => `(${components});created=${NOW};keyid="k1"${more}`;

type Sent = { url?: string; method?: string; body?: string; headers?: Record<string, string> };

const requestOf = ({ url = HOOK, method = "POST", body = BODY, headers = {} }: Sent) => ({
  url,
  method,
  body: utf8(body),
  headers: new Headers(headers),
});

/** Returns a request whose base is given as lines. */
function signedWith(lines: string[], input: string, sent: Sent = {}) {
  const base = [...lines, `"@signature-params": ${input}`].join("\n");
  const signature = createHmac("sha256", SECRET).update(base).digest("base64");
  const headers = {
    "content-digest": digest,
    "signature-input": `sig1=${input}`,
    signature: `sig1=:${signature}:`,
    ...sent.headers,
  };
  return requestOf({ ...sent, headers });
}

const COVERED = '"@method" "@target-uri" "content-digest"';
const LINES = ['"@method": POST', `"@target-uri": ${HOOK}`, `"content-digest": ${digest}`];
const genuine = signedWith(LINES, params(COVERED));

async function verdictOf(request: ReturnType<typeof requestOf>, row = ROW, secrets = [SECRET]) {
  const verdict = await messageSignatureScheme(row).verify(request, secrets, NOW);
  return verdict.ok ? "accepted" : verdict.reason;
}

describe("messageSignatureScheme", () => {
  const RFC_HEADERS = {
    date: "Tue, 20 Apr 2021 02:07:55 GMT",
    "content-type": "application/json",
    "content-length": "18",
  };
  it.each([
    [
      "B.2.5, a shared secret",
      { algorithm: "hmac-sha256", key: "base64" },
      "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
      'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
      "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
    ],
    [
      "B.2.6, Ed25519",
      { algorithm: "ed25519" },
      '{"kty":"OKP","crv":"Ed25519","x":"JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"}',
      'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
      "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    ],
  ] as [string, MessageSignatureRow, string, string, string][])(
    "verifies the example of %s, but not for a body",
    async (_name, row, key, input, signature) => {
      const headers = { ...RFC_HEADERS, "signature-input": input, signature };
      const request = requestOf({ url: "https://example.com/foo?param=Value&Pet=dog", body: "", headers });
      const scheme = messageSignatureScheme(row);
      expect(await scheme.verify(request, [key], 1_618_884_473)).toMatchObject({ ok: true, timestamp: 1_618_884_473 });
      expect((await scheme.verify(request, [key], 1_618_884_774)).ok).toBe(false);
      expect((await scheme.verify({ ...request, body: utf8(BODY) }, [key], 1_618_884_473)).ok).toBe(false);
      request.headers.set("date", "Tue, 20 Apr 2021 02:07:56 GMT");
      expect((await scheme.verify(request, [key], 1_618_884_473)).ok).toBe(false);
    },
  );

  const change = (headers: Record<string, string>, more: Partial<Omit<typeof genuine, "headers">> = {}) => {
    const all = new Headers(genuine.headers);
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    return { ...genuine, ...more, headers: all };
  };
  const other = `sha-256=:${createHash("sha256").update("{}").digest("base64")}:`;
  const wide =
    '"@authority" "@scheme" "@request-target" "@path" "@query" "@query-param";name="b" "@method" "content-digest"';
  const wideLines = [
    '"@authority": example.com',
    '"@scheme": https',
    '"@request-target": /in?a=1&b=x%20y',
    '"@path": /in',
    '"@query": ?a=1&b=x%20y',
    '"@query-param";name="b": x%20y',
    LINES[0] ?? "",
    LINES[2] ?? "",
  ];
  const bare = `SHA-256=${createHash("sha256").update(BODY).digest("base64")}`;
  it.each([
    ["a genuine request", genuine, "accepted"],
    ["every component that can be rebuilt", signedWith(wideLines, params(wide)), "accepted"],
    [
      "a digest as RFC 3230 writes it",
      signedWith(['"@method": POST', `"digest": ${bare}`], params('"@method" "digest"'), { headers: { digest: bare } }),
      "accepted",
    ],
    ["another body", change({}, { body: utf8("{}") }), "signature_malformed"],
    ["another body with its digest", change({ "content-digest": other }, { body: utf8("{}") }), "signature_mismatch"],
    [
      "two digests of which one is wrong",
      change({ "content-digest": `${digest}, sha-512=:AA==:` }),
      "signature_malformed",
    ],
    ["another method", change({}, { method: "PUT" }), "signature_mismatch"],
    ["another URL", change({}, { url: `${HOOK}&c=1` }), "signature_mismatch"],
    ["no digest among the components", signedWith(['"@method": POST'], params('"@method"')), "signature_malformed"],
    ["not all that must be covered", signedWith([LINES[2] ?? ""], params('"content-digest"')), "signature_malformed"],
    ["a component twice", signedWith(["", ""], params('"@method" "@method" "content-digest"')), "signature_malformed"],
    [
      "a component of a response",
      signedWith(["", ""], params('"@method" "@status" "content-digest"')),
      "signature_malformed",
    ],
    [
      "a parameter that we do not rebuild",
      signedWith(["", ""], params('"@method" "content-digest";sf')),
      "signature_malformed",
    ],
    ["another algorithm", signedWith(LINES, params(COVERED, ';alg="ed25519"')), "signature_mismatch"],
    ["an age", signedWith(LINES, params(COVERED).replace(String(NOW), String(NOW - 301))), "timestamp_too_old"],
    ["no time", signedWith(LINES, `(${COVERED})`), "timestamp_missing"],
    ["an end", signedWith(LINES, params(COVERED, `;expires=${NOW - 1}`)), "timestamp_too_old"],
    ["no signature", change({ signature: "" }), "signature_missing"],
    [
      "another label",
      change({ signature: (genuine.headers.get("signature") ?? "").replace("sig1", "sig2") }),
      "signature_malformed",
    ],
    [
      "the same label twice",
      change({ signature: `${genuine.headers.get("signature")}, ${genuine.headers.get("signature")}` }),
      "signature_malformed",
    ],
    [
      "another signature before it",
      change({
        "signature-input": `a=("@method");created=1, ${genuine.headers.get("signature-input")}`,
        signature: `a=:AAAA:, ${genuine.headers.get("signature")}`,
      }),
      "accepted",
    ],
  ])("judges %s", async (_name, request, expected) => {
    expect(await verdictOf(request)).toBe(expected);
  });

  it("chooses the key by its id, where the row names the ids", async () => {
    const row = { ...ROW, keyIds: ["k0", "k1"] };
    expect(await verdictOf(genuine, row, ["other", SECRET])).toBe("accepted");
    expect(await verdictOf(genuine, row, [SECRET, "other"])).toBe("signature_mismatch");
  });

  it.each(["ecdsa-p256-sha256", "rsa-v1_5-sha256"] as const)("verifies %s", async (algorithm) => {
    const isRsa = algorithm === "rsa-v1_5-sha256";
    const { publicKey, privateKey } = isRsa
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : generateKeyPairSync("ec", { namedCurve: "P-256" });
    const input = params(COVERED, `;alg="${algorithm}"`);
    const base = Buffer.from([...LINES, `"@signature-params": ${input}`].join("\n"));
    const request = change({
      "signature-input": `sig1=${input}`,
      signature: `sig1=:${sign("sha256", base, privateKey).toString("base64")}:`,
    });
    const key = publicKey.export({ format: "pem", type: "spki" }).toString();
    expect(await verdictOf(request, { algorithm }, [key])).toBe("accepted");
    expect(await verdictOf({ ...request, method: "PUT" }, { algorithm }, [key])).toBe("signature_mismatch");
  });

  it("never throws, and takes no request but the genuine one", async () => {
    const value = (name: string) => fc.oneof(headerValues, fc.constant(genuine.headers.get(name) ?? ""));
    const property = fc.asyncProperty(
      value("signature-input"),
      value("signature"),
      value("content-digest"),
      fc.oneof(fc.uint8Array(), fc.constant(genuine.body)),
      fc.oneof(fc.string(), fc.constant(HOOK)),
      async (input, signature, given, body, url) => {
        const request = {
          ...change({ "signature-input": input, signature, "content-digest": given }),
          body: new Uint8Array(body),
          url,
        };
        const same = ["signature-input", "signature", "content-digest"].every(
          (name) => request.headers.get(name) === genuine.headers.get(name),
        );
        expect((await verdictOf(request)) === "accepted").toBe(
          same && url === HOOK && request.body.toHex() === genuine.body.toHex(),
        );
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it.each([
    [undefined, "httpSignature is not a table"],
    [{}, "httpSignature.algorithm is missing"],
    [{ algorithm: "rsa" }, "httpSignature.algorithm is not one of hmac-sha256, ed25519"],
    [{ algorithm: "ed25519", key: "hex" }, "httpSignature.key needs hmac-sha256"],
    [{ algorithm: "ed25519", covers: "@method" }, "httpSignature.covers is not a list of texts"],
    [{ algorithm: "ed25519", label: "a" }, "httpSignature.label is unknown"],
  ])("names the mistake in %j", (httpSignature, fault) => {
    const sources = readSources({ x: { scheme: "http_signature", secrets: ["S"], httpSignature } }, { S: SECRET }, []);
    expect(sources?.get("x")?.fault).toContain(fault);
  });
});

import { createSign, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import { publicKeyScheme } from "../../../workers/receiver/verify/schemes/public-key.ts";
import type { PublicKeyRow } from "../../../workers/receiver/verify/schemes/row.ts";
import type { SignedRequest } from "../../../workers/receiver/verify/schemes/scheme.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import { fingerprintOf, verifyFrom } from "../../../workers/receiver/verify/verify.ts";

/** Signatures by a private key, under public keys in every form that people copy. */

const NOW = 1_767_225_600;
const BODY = '{"type":"a","n":1}';

const ed = generateKeyPairSync("ed25519");
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });

const jwk = (key: KeyObject) => JSON.stringify({ ...key.export({ format: "jwk" }), use: "sig", alg: "any", kid: "1" });
const privatePem = (key: KeyObject) => key.export({ format: "pem", type: "pkcs8" }).toString();
const pem = (key: KeyObject) => key.export({ format: "pem", type: "spki" }).toString();
const spki = (key: KeyObject) => key.export({ format: "der", type: "spki" }).toString("base64");
const bare = (key: KeyObject) => Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
const point = (key: KeyObject) => {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  return Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
};
const forms = (key: KeyObject): string[] => [pem(key), pem(key).trim().replaceAll("\n", "\\n"), spki(key), jwk(key)];

const TIMED: Partial<PublicKeyRow> = { signed: "{timestamp}|{body}", timestampHeader: "x-time" };
const signedText = `${NOW}|${BODY}`;

type Kind = { name: string; row: PublicKeyRow; keys: string[]; signature: Buffer; text?: string };

const rsaWith = (digest: string, text: string) => createSign(digest).update(text).sign(rsa.privateKey);
const SALTS = { sha1: 20, sha256: 32, sha512: 64 };
async function pss(digest: keyof typeof SALTS, text: string): Promise<Buffer> {
  const params = { name: "RSA-PSS", hash: digest.replace("sha", "SHA-") };
  const der = rsa.privateKey.export({ format: "der", type: "pkcs8" });
  const key = await crypto.subtle.importKey("pkcs8", der, params, false, ["sign"]);
  const signing = { name: "RSA-PSS", saltLength: SALTS[digest] };
  return Buffer.from(await crypto.subtle.sign(signing, key, utf8(text)));
}
const salted = {
  sha1: await pss("sha1", signedText),
  sha256: await pss("sha256", signedText),
  sha512: await pss("sha512", signedText),
};

const kinds: Kind[] = [
  {
    name: "ed25519 (Telnyx)",
    row: { algorithm: "ed25519", header: "x-sig", encoding: "base64", ...TIMED },
    keys: [
      ...forms(ed.publicKey),
      bare(ed.publicKey).toString("hex"),
      bare(ed.publicKey).toString("base64"),
      bare(ed.publicKey).toString("base64url"),
    ],
    signature: sign(null, Buffer.from(signedText), ed.privateKey),
  },
  ...(["sha256", "sha512"] as const).map(
    (digest): Kind => ({
      name: `p256 with ${digest}`,
      row: { algorithm: "p256", digest, header: "x-sig", encoding: "base64", ...TIMED },
      keys: [...forms(ec.publicKey), point(ec.publicKey).toString("hex"), point(ec.publicKey).toString("base64")],
      signature: sign(digest, Buffer.from(signedText), ec.privateKey),
    }),
  ),
  {
    name: "p256, r and s side by side",
    row: { algorithm: "p256", header: "x-sig", ...TIMED },
    keys: [spki(ec.publicKey)],
    signature: sign("sha256", Buffer.from(signedText), { key: privatePem(ec.privateKey), dsaEncoding: "ieee-p1363" }),
  },
  ...(["sha1", "sha256", "sha512"] as const).flatMap((digest): Kind[] => [
    {
      name: `rsa with ${digest} (Wise)`,
      row: { algorithm: "rsa", digest, header: "x-sig", encoding: "base64", ...TIMED },
      keys: forms(rsa.publicKey),
      signature: rsaWith(digest, signedText),
    },
    {
      name: `rsa_pss with ${digest}`,
      row: { algorithm: "rsa_pss", digest, header: "x-sig", encoding: "base64", ...TIMED },
      keys: forms(rsa.publicKey),
      signature: salted[digest],
    },
  ]),
];

function requestFor(
  { row, signature }: Kind,
  changes: Partial<{ body: string; time: string; signature: Buffer }> = {},
): SignedRequest {
  const { body = BODY, time = String(NOW) } = changes;
  const text = (changes.signature ?? signature).toString(row.encoding ?? "hex");
  return {
    method: "POST",
    url: "https://a.example/",
    headers: new Headers({ "x-sig": text, "x-time": time }),
    body: utf8(body),
  };
}

describe("publicKeyScheme", () => {
  it.each(kinds)("$name: takes the key in each form, and any change refuses", async (kind) => {
    const scheme = publicKeyScheme(kind.row);
    for (const key of kind.keys)
      expect([key, await scheme.verify(requestFor(kind), [key], NOW)]).toMatchObject([key, { ok: true }]);
    const [key = ""] = kind.keys;
    const refused = [
      requestFor(kind, { body: `${BODY} ` }),
      requestFor(kind, { time: String(NOW + 1) }),
      requestFor(kind, { signature: kind.signature.subarray(0, -1) }),
      requestFor(kind, { signature: Buffer.from(kind.signature.map((byte, at) => (at === 40 ? byte ^ 1 : byte))) }),
    ];
    for (const request of refused) expect((await scheme.verify(request, [key], NOW)).ok).toBe(false);
    const others = kinds.filter(({ row }) => row.algorithm === kind.row.algorithm && row.digest !== kind.row.digest);
    for (const other of others)
      expect((await publicKeyScheme(other.row).verify(requestFor(kind), [key], NOW)).ok).toBe(false);
  });

  it("proves a field of a form alone, as Travis CI signs it", async () => {
    const payload = '{"state":"passed"}';
    const row: PublicKeyRow = {
      algorithm: "rsa",
      digest: "sha1",
      header: "signature",
      encoding: "base64",
      signed: "{field:payload}",
    };
    const scheme = publicKeyScheme(row);
    expect(scheme.verification).toBe("authenticated");
    const headers = new Headers({ signature: rsaWith("sha1", payload).toString("base64") });
    const request = (text: string) => ({
      method: "POST",
      url: "https://a.example/",
      headers,
      body: utf8(`payload=${encodeURIComponent(text)}`),
    });
    expect((await scheme.verify(request(payload), [pem(rsa.publicKey)], NOW)).ok).toBe(true);
    expect((await scheme.verify(request(`${payload} `), [pem(rsa.publicKey)], NOW)).ok).toBe(false);
  });

  const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey;
  const weak: [name: string, algorithm: PublicKeyRow["algorithm"], key: string][] = [
    ["nothing", "rsa", ""],
    ["words", "ed25519", "not a key"],
    ["a key of another kind", "p256", spki(rsa.publicKey)],
    ["a JWK of another kind", "rsa", jwk(ec.publicKey)],
    ["broken JSON", "rsa", "{"],
    ["a private JWK", "ed25519", JSON.stringify(ed.privateKey.export({ format: "jwk" }))],
    ["a private PEM", "rsa", privatePem(rsa.privateKey)],
    ["a symmetric JWK", "rsa", '{"kty":"oct","k":"AAAA"}'],
    ["a short RSA key", "rsa", spki(short)],
    ["a short RSA key as JWK", "rsa_pss", jwk(short)],
    ["an exponent of one", "rsa", JSON.stringify({ ...rsa.publicKey.export({ format: "jwk" }), e: "AQ" })],
    ["a point of small order", "ed25519", `${"00".repeat(31)}80`],
    [
      "a point of small order as JWK",
      "ed25519",
      JSON.stringify({ kty: "OKP", crv: "Ed25519", x: Buffer.alloc(32).toString("base64url") }),
    ],
    ["a point that is on no curve", "p256", `04${"01".repeat(64)}`],
  ];
  it.each(weak)("is a configuration error with %s", async (_name, algorithm, key) => {
    const scheme = publicKeyScheme({ algorithm, header: "x-sig" });
    const attempt = scheme.verify(requestFor(kinds[0] as Kind), [key], NOW);
    await expect(attempt).rejects.toMatchObject({
      name: "ConfigError",
      message: expect.stringContaining("a public key is not a"),
    });
    await expect(attempt).rejects.not.toThrow(key || "no quote");
  });

  it.each(["ed25519", "p256", "rsa", "rsa_pss"] as const)(
    "%s: no document is anything but a key or a configuration error",
    async (algorithm) => {
      const scheme = publicKeyScheme({ algorithm, header: "x-sig" });
      const documents = fc.oneof(
        fc.string(),
        fc.json(),
        fc.base64String(),
        fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("hex")),
      );
      const property = fc.asyncProperty(documents, fc.uint8Array({ maxLength: 300 }), async (key, signature) => {
        const headers = new Headers({ "x-sig": Buffer.from(signature).toString("hex") });
        const request = { method: "POST", url: "https://a.example/", headers, body: utf8(BODY) };
        const outcome = await scheme.verify(request, [key], NOW).catch((error: Error) => error.name);
        expect(outcome === "ConfigError" || (typeof outcome === "object" && !outcome.ok)).toBe(true);
      });
      await fc.assert(property, { numRuns: 60 });
    },
  );
});

describe("a source with a public key", () => {
  const sourceOf = (publicKey: unknown, secret = spki(rsa.publicKey)) =>
    readSources({ x: { scheme: "public_key", secrets: ["KEY"], publicKey } }, { KEY: secret }, [])?.get("x");

  it.each([
    [undefined, "publicKey is not a table"],
    [{}, "publicKey.algorithm is missing"],
    [{ algorithm: "dsa" }, "publicKey.algorithm is not one of ed25519, p256, rsa, rsa_pss"],
    [{ algorithm: "rsa" }, "publicKey.header is missing"],
    [{ algorithm: "rsa", header: "x-sig", digest: "md5" }, "publicKey.digest is not one of sha1, sha256, sha512"],
    [{ algorithm: "rsa", header: "x-sig", key: "hex" }, "publicKey.key is unknown"],
    [{ algorithm: "rsa", header: "x-sig", signed: "{secret}{body}" }, "publicKey.mac is missing"],
  ])("names the mistake in %j", (publicKey, fault) => {
    expect(sourceOf(publicKey)?.fault).toContain(fault);
  });

  it("has another fingerprint with another row", async () => {
    const rows = [{}, { encoding: "base64" }, { digest: "sha512" }];
    const prints = rows.map(async (more) => {
      const source = sourceOf({ algorithm: "rsa", header: "x-sig", ...more });
      return source === undefined ? null : fingerprintOf(source);
    });
    expect(new Set(await Promise.all(prints)).size).toBe(rows.length);
  });

  it("verifies by its table", async () => {
    const source = sourceOf({ algorithm: "rsa", header: "x-sig", encoding: "base64" });
    if (source === undefined) throw new Error("there is no source");
    const headers = new Headers({ "x-sig": rsaWith("sha256", BODY).toString("base64") });
    const request = { method: "POST", url: "https://a.example/", headers, body: utf8(BODY) };
    expect(await verifyFrom(source, request, NOW)).toMatchObject({ ok: true });
    expect(await verifyFrom(source, { ...request, body: utf8("{}") }, NOW)).toMatchObject({ ok: false });
  });
});

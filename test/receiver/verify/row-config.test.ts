import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { utf8 } from "../../../shared/bytes.ts";
import type { HmacRow } from "../../../workers/receiver/verify/schemes/row.ts";
import { parseHmacRow } from "../../../workers/receiver/verify/schemes/row-config.ts";
import { readSources } from "../../../workers/receiver/verify/source.ts";
import { verifyFrom } from "../../../workers/receiver/verify/verify.ts";

const NOW = 1_767_225_600;
const BODY = '{"id":"evt_1","sent":1767225600}';

describe("parseHmacRow", () => {
  const signed = "{timestamp}.{body}";
  const cases: [name: string, row: object, key: string, problem: string][] = [
    ["a key nobody knows", { header: "x", headers: "y" }, "headers", "is unknown"],
    ["an inherited key", JSON.parse('{"header":"x","__proto__":1}'), "__proto__", "is unknown"],
    ["no header", {}, "header", "is missing"],
    ["a header in upper case", { header: "X-Sig" }, "header", "is not a header's name"],
    ["a header that is none", { header: "x sig" }, "header", "is not a header's name"],
    ["an unknown placeholder", { header: "x", signed: "{Body}{body}" }, "signed", "is not a text with {body}"],
    ["a body that is not signed", { header: "x", signed: "{url}" }, "signed", "is not a text with {body}"],
    ["pairs without a name", { header: "x", format: "pairs" }, "pair", "is missing"],
    ["a pair of no pairs", { header: "x", pair: "v1" }, "pair", "needs the format `pairs`"],
    ["a separator of no pairs", { header: "x", separator: ";" }, "separator", "needs the format `pairs`"],
    ["a time in no pairs", { header: "x", signed, timestampPair: "t" }, "timestampPair", "needs the format `pairs`"],
    ["a signed time from nowhere", { header: "x", signed }, "timestampHeader", "is missing, and {timestamp} is signed"],
    ["two times", { header: "x", signed, timestampHeader: "t", timestampField: "t" }, "timestampHeader", "another"],
    ["a time that nobody signs", { header: "x", timestampHeader: "t" }, "timestampHeader", "{timestamp} is not signed"],
    [
      "a time in a body that nobody signs",
      { header: "x", signed: "{url}{form}", timestampField: "t" },
      "timestampField",
      "{body} is not signed",
    ],
    ["a window without a time", { header: "x", windowSeconds: 60 }, "windowSeconds", "needs a place"],
    ["a unit without a time", { header: "x", timestampUnit: "ms" }, "timestampUnit", "needs a place"],
    ["a window of no seconds", { header: "x", windowSeconds: -1 }, "windowSeconds", "is not a number from 0"],
    ["a window that is no number", { header: "x", windowSeconds: Number.NaN }, "windowSeconds", "is not a number"],
    ["a signed id from nowhere", { header: "x", signed: "{id}{body}" }, "idHeader", "is missing"],
    ["two ids", { header: "x", idHeader: "i", idField: "id" }, "idField", "and idHeader are both given"],
    ["an id nobody signs", { header: "x", signed: "{form}", idField: "id" }, "idField", "{body} is not signed"],
    ["a URL that is not signed", { header: "x", urlPort: "either" }, "urlPort", "needs {url} to be signed"],
    ["a weak digest", { header: "x", digest: "md4" }, "digest", "is not one of md5, sha1, sha256, sha512"],
    [
      "two places of the signature",
      { header: "x", signatureField: "s", signed: "{field:a}" },
      "signatureField",
      "and header are both",
    ],
    [
      "pairs in a field",
      { signatureField: "s", format: "list", signed: "{field:a}" },
      "signatureField",
      "no other format",
    ],
    ["a body that signs itself", { signatureField: "s" }, "signatureField", "is part of the body"],
    ["a value without a name", { header: "x", signed: "{header:}{body}" }, "signed", "is not a text with {body}"],
    ["an unknown filter", { header: "x", signed: "{body|lower}" }, "signed", "is not a text with {body}"],
    ["a header beside the body", { header: "x", signed: "{header:x-a}{body}" }, "signed", "two values of any length"],
    ["two fields without a text between", { header: "x", signed: "{field:a}{field:b}" }, "signed", "two values"],
    ["a header alone", { header: "x", signed: "{header:x-a}" }, "signed", "is not a text with {body}"],
    ["a digest without a secret", { header: "x", mac: "digest" }, "signed", "lacks the {secret}"],
    ["a secret in an HMAC", { header: "x", signed: "{secret}{body}" }, "mac", "is missing"],
    ["values without a time", { header: "x", format: "values" }, "format", "{timestamp} is not signed"],
    ["a key that is no text", { header: "x", key: ["text"] }, "key", "is not one of text"],
  ];
  it.each(cases)("names %s", (_name, row, key, problem) => {
    expect(parseHmacRow(row)).toEqual({ ok: false, key, problem: expect.stringContaining(problem) });
  });
});

describe("a row of the configuration", () => {
  type Signed = { headers: Record<string, string>; url?: string; method?: string; body?: string };
  type Encoding = "hex" | "base64" | "base64url";
  const hmac = (text: string, encoding: Encoding = "hex", key: string | Buffer = "a secret", digest = "sha256") =>
    createHmac(digest, key).update(text).digest(encoding);
  const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
  const URL_OF_SOURCE = "https://example.com/in";
  const FORM = "b=2&a=1+1";
  const iso = "2026-01-01T00:00:00.5+00:00";

  /** One of each family, signed here by Node's own HMAC: a sender whose row is not built in. */
  const families: [name: string, row: HmacRow, secret: string, signed: Signed, id?: string][] = [
    ["plain", { header: "x-sig" }, "a secret", { headers: { "x-sig": hmac(BODY) } }],
    [
      "plain with a prefix",
      { header: "x-sig", prefix: "v0=" },
      "a secret",
      { headers: { "x-sig": `v0=${hmac(BODY)}` } },
    ],
    [
      "pairs",
      { header: "x-sig", format: "pairs", separator: "&", pair: "s", timestampPair: "t", signed: "{timestamp}:{body}" },
      "a secret",
      { headers: { "x-sig": `t=${NOW}&s=${hmac(`${NOW}:other`)}&s=${hmac(`${NOW}:${BODY}`)}` } },
    ],
    [
      "a list",
      { header: "x-sig", format: "list", prefix: "v1,", encoding: "base64" },
      "a secret",
      { headers: { "x-sig": `v2,AAAA v1,${hmac("other", "base64")} v1,${hmac(BODY, "base64")}` } },
    ],
    [
      "numbered headers",
      { header: "x-sig-", format: "numbered" },
      "a secret",
      { headers: { "x-sig-1": hmac("other"), "x-sig-100": hmac(BODY) } },
    ],
    [
      "base64url",
      { header: "x-sig", encoding: "base64url" },
      "a secret",
      { headers: { "x-sig": hmac(BODY, "base64url") } },
    ],
    [
      "milliseconds",
      { header: "x-sig", signed: "{timestamp}{body}", timestampHeader: "x-time", timestampUnit: "ms" },
      "a secret",
      { headers: { "x-sig": hmac(`${NOW}123${BODY}`), "x-time": `${NOW}123` } },
    ],
    [
      "an ISO time",
      { header: "x-sig", signed: "{timestamp}{body}", timestampHeader: "x-time", timestampUnit: "iso" },
      "a secret",
      { headers: { "x-sig": hmac(`${iso}${BODY}`), "x-time": iso } },
    ],
    [
      "a time in the body",
      { header: "x-sig", timestampField: "sent" },
      "a secret",
      { headers: { "x-sig": hmac(BODY) } },
    ],
    [
      "no window",
      { header: "x-sig", signed: "{timestamp}{body}", timestampHeader: "x-time", windowSeconds: "none" },
      "a secret",
      { headers: { "x-sig": hmac(`1000000000${BODY}`), "x-time": "1000000000" } },
    ],
    ["sha1", { header: "x-sig", digest: "sha1" }, "s", { headers: { "x-sig": hmac(BODY, "hex", "s", "sha1") } }],
    ["sha512", { header: "x-sig", digest: "sha512" }, "s", { headers: { "x-sig": hmac(BODY, "hex", "s", "sha512") } }],
    [
      "a hex key",
      { header: "x-sig", key: "hex" },
      key.toString("hex"),
      { headers: { "x-sig": hmac(BODY, "hex", key) } },
    ],
    [
      "a base64 key",
      { header: "x-sig", key: "base64" },
      key.toString("base64"),
      { headers: { "x-sig": hmac(BODY, "hex", key) } },
    ],
    [
      "a whsec key",
      { header: "x-sig", key: "whsec" },
      `whsec_${key.toString("base64")}`,
      { headers: { "x-sig": hmac(BODY, "hex", key) } },
    ],
    [
      "URL and method",
      { header: "x-sig", signed: "{method} {url}\n{body}" },
      "a secret",
      { headers: { "x-sig": hmac(`PUT ${URL_OF_SOURCE}?a=1\n${BODY}`) }, url: "http://inside/?a=1", method: "PUT" },
    ],
    [
      "a sorted form",
      { header: "x-sig", signed: "{url}{form}" },
      "a secret",
      { headers: { "x-sig": hmac(`${URL_OF_SOURCE}a1 1b2`) }, url: "http://inside/", body: FORM },
    ],
    [
      "a signed id",
      { header: "x-sig", signed: "{id}.{body}", idHeader: "x-id" },
      "a secret",
      { headers: { "x-sig": hmac(`e1.${BODY}`), "x-id": "e1" } },
      "e1",
    ],
    [
      "an id in the body",
      { header: "x-sig", idField: "id" },
      "a secret",
      { headers: { "x-sig": hmac(BODY) } },
      "evt_1",
    ],
  ];

  it.each(families)("verifies %s, and nothing else", async (_name, row, secret, signed, id) => {
    const config = { sender: { scheme: "hmac", secrets: ["SECRET"], url: URL_OF_SOURCE, hmac: row } };
    const source = readSources(config, { SECRET: secret }, [])?.get("sender");
    if (source === undefined) throw new Error("there is no such source");
    expect(source.fault).toBeNull();
    const { headers, url = URL_OF_SOURCE, method = "POST", body = BODY } = signed;
    const request = { method, url, headers: new Headers(headers), body: utf8(body) };
    expect(await verifyFrom(source, request, NOW)).toMatchObject({ ok: true, id: id ?? null });
    expect(await verifyFrom(source, { ...request, body: utf8(`${body} `) }, NOW)).toMatchObject({ ok: false });
    const others = { ...source, secrets: [secret.replace(/[a-z0-9](?=.{2}$)|^s$/, "0")] };
    expect(others.secrets).not.toEqual(source.secrets);
    expect((await verifyFrom(others, request, NOW)).ok).toBe(false);
  });
});

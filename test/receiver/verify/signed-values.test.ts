import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64, utf8 } from "../../../shared/bytes.ts";
import { crc32 } from "../../../workers/receiver/verify/schemes/crc32.ts";
import { hmacScheme } from "../../../workers/receiver/verify/schemes/hmac.ts";
import type { HmacRow } from "../../../workers/receiver/verify/schemes/row.ts";
import { parseHmacRow } from "../../../workers/receiver/verify/schemes/row-config.ts";
import type { SignedRequest } from "../../../workers/receiver/verify/schemes/scheme.ts";
import receiving from "../../vectors/receiving.json";
import { headerValues } from "../support/near-misses.ts";

/** Signatures over more than the body, or over less: by rows that a source's table could hold. */

const NOW = 1_767_225_600;
const SECRET = "a secret";
const HOOK_URL = "https://hooks.example.com/in";

type Sent = { headers?: Record<string, string>; query?: string; body?: string };

const hmac = (text: string, digest = "sha256", encoding: "hex" | "base64" = "hex", key: string | Buffer = SECRET) =>
  createHmac(digest, key).update(text).digest(encoding);

function requestOf({ headers = {}, query = "", body = "{}" }: Sent): SignedRequest {
  return { method: "POST", url: HOOK_URL + query, headers: new Headers(headers), body: utf8(body) };
}

/** One kind of signed content: its row, a genuine request, and changes of something that it covers. */
type Family = {
  name: string;
  row: HmacRow;
  secret?: string;
  sent: Sent;
  verification: "verified" | "authenticated";
  id?: string;
  changed: Sent[];
  /** Changes that nothing proves or disproves. */
  free?: Sent[];
};

const ADYEN_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
const adyen = (reference: string, amount: number, signature: string, more = "") =>
  `{"notificationItems":[{"NotificationRequestItem":{"pspReference":"7914073381342284","merchantReference":"${reference}","amount":{"value":${amount},"currency":"EUR"},"success":"true","additionalData":{"hmacSignature":"${signature}"}${more}}}]}`;
const adyenSignature = hmac(
  "7914073381342284::TestPayment:1130:EUR:true",
  "sha256",
  "base64",
  Buffer.from(ADYEN_KEY, "hex"),
);
const item = "notificationItems.0.NotificationRequestItem";
const mailgun = (time: string, token: string, signature: string) =>
  `{"signature":{"timestamp":"${time}","token":"${token}","signature":"${signature}"},"event-data":{"event":"opened"}}`;
const mailgunSignature = hmac(`${NOW}ae3f`);
const formPart = (text: string) => `--b\r\nContent-Disposition: form-data; name="json"\r\n\r\n${text}\r\n--b--\r\n`;
const dropboxSign = (type: string) =>
  formPart(
    `{"event":{"event_time":"${NOW}","event_type":"${type}","event_hash":"${hmac(`${NOW}signature_request_sent`)}"}}`,
  );
const MULTIPART = { "content-type": "multipart/form-data; boundary=b" };
const mercado = `ts=${NOW},v1=${hmac(`id:abc1;request-id:rid-1;ts:${NOW};`)}`;
const BODY = '{"id":"evt_1"}';
const sha = (text: string) => createHash("sha256").update(text).digest("hex");

const families: Family[] = [
  {
    name: "fields of JSON, signed in a field (Adyen)",
    row: {
      signatureField: `${item}.additionalData.hmacSignature`,
      encoding: "base64",
      key: "hex",
      signed: ["pspReference", "originalReference", "merchantReference", "amount.value", "amount.currency", "success"]
        .map((field) => `{field:${item}.${field}}`)
        .join(":"),
      idField: `${item}.pspReference`,
    },
    secret: ADYEN_KEY,
    sent: { body: adyen("TestPayment", 1130, adyenSignature) },
    verification: "authenticated",
    id: "7914073381342284",
    changed: [
      { body: adyen("TestPaymenu", 1130, adyenSignature) },
      { body: adyen("TestPayment", 11300, adyenSignature) },
      { body: adyen("TestPayment", 1130, adyenSignature, ',"originalReference":"1"') },
      { body: adyen("TestPayment", 1130, adyenSignature, ',"success":["true"]') },
      { body: adyen("TestPayment", 1130, "") },
    ],
    free: [{ body: adyen("TestPayment", 1130, adyenSignature, ',"reason":"1234"') }],
  },
  {
    name: "a time and a field of JSON (Mailgun)",
    row: {
      signatureField: "signature.signature",
      timestampField: "signature.timestamp",
      signed: "{timestamp}{field:signature.token}",
    },
    sent: { body: mailgun(String(NOW), "ae3f", mailgunSignature) },
    verification: "authenticated",
    changed: [
      { body: mailgun(String(NOW), "ae3e", mailgunSignature) },
      { body: mailgun(`${NOW}a`, "e3f", mailgunSignature) },
      { body: mailgun(String(NOW + 1), "ae3f", mailgunSignature) },
      { body: mailgun("", "ae3f", mailgunSignature) },
    ],
  },
  {
    name: "fields of JSON in a part of a form (Dropbox Sign)",
    row: {
      signatureField: "json.event.event_hash",
      timestampField: "json.event.event_time",
      signed: "{timestamp}{field:json.event.event_type}",
    },
    sent: { headers: MULTIPART, body: dropboxSign("signature_request_sent") },
    verification: "authenticated",
    changed: [
      { headers: MULTIPART, body: dropboxSign("signature_request_signed") },
      { headers: MULTIPART, body: dropboxSign("signature_request_sent").replaceAll("--b", "--c") },
    ],
  },
  {
    name: "a parameter of the query and a header (Mercado Pago)",
    row: {
      header: "x-signature",
      format: "pairs",
      pair: "v1",
      timestampPair: "ts",
      signed: "id:{query:data.id|lower};request-id:{header:x-request-id};ts:{timestamp};",
    },
    sent: { headers: { "x-signature": mercado, "x-request-id": "rid-1" }, query: "?data.id=ABC1&type=payment" },
    verification: "authenticated",
    changed: [
      { headers: { "x-signature": mercado, "x-request-id": "rid-1" }, query: "?data.id=abc2" },
      { headers: { "x-signature": mercado, "x-request-id": "rid-1" }, query: "?data.id=abc1&data.id=abc1" },
      { headers: { "x-signature": mercado, "x-request-id": "rid-2" }, query: "?data.id=abc1" },
      { headers: { "x-signature": mercado }, query: "?data.id=abc1%3Brequest-id%3Arid-1" },
      {
        headers: { "x-signature": mercado.replace(`${NOW}`, `${NOW + 1}`), "x-request-id": "rid-1" },
        query: "?data.id=abc1",
      },
    ],
    free: [{ headers: { "x-signature": mercado, "x-request-id": "rid-1" }, query: "?data.id=abc1", body: "{}" }],
  },
  {
    name: "a header before the body",
    row: { header: "x-sig", signed: "{header:x-nonce}.{body}" },
    sent: { headers: { "x-sig": hmac(`n1.${BODY}.x`), "x-nonce": "n1" }, body: `${BODY}.x` },
    verification: "verified",
    changed: [
      { headers: { "x-sig": hmac(`n1.${BODY}.x`), "x-nonce": `n1.${BODY}` }, body: "x" },
      { headers: { "x-sig": hmac(`n1.${BODY}.x`), "x-nonce": "n2" }, body: `${BODY}.x` },
      { headers: { "x-sig": hmac(`n1.${BODY}.x`), "x-nonce": "n1" }, body: BODY },
    ],
  },
  {
    name: "a digest of the body",
    row: { header: "x-sig", signed: "POST {sha256}", idField: "id" },
    sent: { headers: { "x-sig": hmac(`POST ${sha(BODY)}`) }, body: BODY },
    verification: "verified",
    id: "evt_1",
    changed: [{ headers: { "x-sig": hmac(`POST ${sha(BODY)}`) }, body: `${BODY} ` }],
  },
  {
    name: "a digest of the body in base64",
    row: { header: "x-sig", signed: "{sha512|base64}" },
    sent: { headers: { "x-sig": hmac(createHash("sha512").update(BODY).digest("base64")) }, body: BODY },
    verification: "verified",
    changed: [{ headers: { "x-sig": hmac(createHash("sha512").update(BODY).digest("base64")) }, body: "{}" }],
  },
  {
    name: "a checksum of the body",
    row: {
      header: "x-sig",
      signed: "{header:x-id}|{timestamp}|{crc32}",
      timestampHeader: "x-time",
      timestampUnit: "iso",
      idHeader: "x-id",
    },
    sent: {
      headers: {
        "x-sig": hmac(`i1|2026-01-01T00:00:00Z|${0xcbf43926}`),
        "x-id": "i1",
        "x-time": "2026-01-01T00:00:00Z",
      },
      body: "123456789",
    },
    verification: "authenticated",
    id: "i1",
    changed: [
      {
        headers: {
          "x-sig": hmac(`i1|2026-01-01T00:00:00Z|${0xcbf43926}`),
          "x-id": "i1",
          "x-time": "2026-01-01T00:00:00Z",
        },
        body: "123456780",
      },
    ],
  },
  {
    name: "values without names (Recurly)",
    row: { header: "recurly-signature", format: "values", timestampUnit: "ms", signed: "{timestamp}.{body}" },
    sent: {
      headers: { "recurly-signature": `${NOW}000,${hmac("other")},${hmac(`${NOW}000.${BODY}`)}` },
      body: BODY,
    },
    verification: "verified",
    changed: [
      { headers: { "recurly-signature": `${NOW}001,${hmac(`${NOW}000.${BODY}`)}` }, body: BODY },
      { headers: { "recurly-signature": `${NOW}000,${hmac("other")}` }, body: BODY },
      { headers: { "recurly-signature": `${NOW}000` }, body: BODY },
    ],
  },
  {
    name: "an HMAC with MD5 (Patreon)",
    row: { header: "x-patreon-signature", digest: "md5" },
    sent: { headers: { "x-patreon-signature": hmac(BODY, "md5") }, body: BODY },
    verification: "verified",
    changed: [{ headers: { "x-patreon-signature": hmac(BODY, "md5") }, body: "{}" }],
  },
  {
    name: "a bare digest with the secret in it (Lark)",
    row: {
      header: "x-lark-signature",
      mac: "digest",
      timestampHeader: "x-lark-request-timestamp",
      signed: "{timestamp}{header:x-lark-request-nonce}{secret}{body}",
    },
    sent: {
      headers: {
        "x-lark-signature": sha(`${NOW}n1${SECRET}${BODY}`),
        "x-lark-request-timestamp": String(NOW),
        "x-lark-request-nonce": "n1",
      },
      body: BODY,
    },
    verification: "authenticated",
    changed: [
      {
        headers: {
          "x-lark-signature": sha(`${NOW}n1${SECRET}${BODY}`),
          "x-lark-request-timestamp": String(NOW),
          "x-lark-request-nonce": "n1",
        },
        body: `${BODY} `,
      },
    ],
  },
  {
    name: "a date as HTTP writes it",
    row: { header: "x-sig", signed: "{body}{timestamp}", timestampHeader: "date" },
    sent: {
      headers: { "x-sig": hmac(`${BODY}Thu, 01 Jan 2026 00:00:00 GMT`), date: "Thu, 01 Jan 2026 00:00:00 GMT" },
      body: BODY,
    },
    verification: "verified",
    changed: [
      {
        headers: { "x-sig": hmac(`${BODY}Thu, 01 Jan 2026 00:00:00 GMT`), date: "Thu, 01 Jan 2026 00:00:01 GMT" },
        body: BODY,
      },
      {
        headers: { "x-sig": hmac(`${BODY}Thu, 01 Jan 2026 00:00:00 GMT`), date: "01 Jan 2026 00:00:00 GMT" },
        body: `${BODY}Thu, `,
      },
    ],
  },
];

const verdictOf = ({ row, secret = SECRET }: Family, sent: Sent, secrets = [secret]) =>
  hmacScheme(row).verify(requestOf(sent), secrets, NOW);

describe("a row's signed values", () => {
  it.each(families)("$name: are proven, and any change of them refuses", async (family) => {
    const { row, sent, changed, free = [], verification, id = null } = family;
    expect(parseHmacRow(row)).toEqual({ ok: true, row });
    expect(hmacScheme(row).verification).toBe(verification);
    expect(await verdictOf(family, sent)).toMatchObject({ ok: true, id });
    for (const other of free) expect(await verdictOf(family, other)).toMatchObject({ ok: true });
    for (const other of changed) expect([other, (await verdictOf(family, other)).ok]).toEqual([other, false]);
    const wrong = row.key === "hex" ? "00" : "another";
    expect((await verdictOf(family, sent, [wrong])).ok).toBe(false);
    expect((await verdictOf(family, sent, [wrong, family.secret ?? SECRET])).ok).toBe(true);
  });

  it.each(families)("$name: nothing makes them throw, or accept", async (family) => {
    const { row, sent } = family;
    const scheme = hmacScheme(row);
    const names = [...new Set([...Object.keys(sent.headers ?? {}), "content-type"])];
    const bodies = fc.oneof(fc.uint8Array(), fc.json().map(utf8), fc.constant(requestOf(sent).body));
    const urls = fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true }), fc.constant(requestOf(sent).url));
    const property = fc.asyncProperty(
      fc.array(headerValues, { minLength: 9, maxLength: 9 }),
      bodies,
      urls,
      async (values, body, url) => {
        const headers = new Headers(names.map((name, at) => [name, values[at] ?? ""] as [string, string]));
        const request = { method: "POST", url, headers, body: new Uint8Array(body) };
        scheme.timestampOf?.(request);
        // A body that holds its own signature is genuine in any envelope.
        const inBody = row.signatureField !== undefined && utf8(sent.body ?? "").toHex() === request.body.toHex();
        const { ok } = await scheme.verify(request, [family.secret ?? SECRET], NOW);
        if (!inBody) expect(ok).toBe(false);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it.each([
    ["adnanh-scalr", {}],
    ["mercadopago", { signed: "id:{query:data.id};request-id:{header:x-request-id};ts:{timestamp};" }],
  ])("take what a real sender sent: %s", async (name, change) => {
    const vector = receiving.find(({ id }) => id === name);
    if (vector === undefined) throw new Error(`there is no vector ${name}`);
    const { request, config, secrets, now } = vector;
    const row = { ...config.hmac, ...change } as HmacRow;
    expect(parseHmacRow(row)).toEqual({ ok: true, row });
    const body = fromBase64(request.body_base64) ?? utf8("");
    const headers = new Headers(
      Object.entries(request.headers).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
    );
    const url = `https://hooks.example.com${request.path}`;
    expect(await hmacScheme(row).verify({ method: "POST", url, headers, body }, secrets, now ?? 0)).toMatchObject({
      ok: true,
    });
  });
});

describe("crc32", () => {
  it.each([
    ["", 0],
    ["a", 0xe8b7be43],
    ["123456789", 0xcbf43926],
    ["The quick brown fox jumps over the lazy dog", 0x414fa339],
  ])("of %j is known", (text, sum) => expect(crc32(utf8(text))).toBe(sum));
});

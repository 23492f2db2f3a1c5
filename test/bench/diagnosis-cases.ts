import { utf8 } from "../../shared/bytes.ts";
import type { RejectReason } from "../../workers/receiver/verify/schemes/rules.ts";

/** Forgeries that no trial explains, which cost most: each scheme with each kind of body and size. */

/** In unix seconds. */
export const NOW = 1_700_000_000;

type Body = Uint8Array<ArrayBuffer>;
type Other = { name: string; scheme: string; secrets: string[] };

/** `body` is a function, so that each body is made only when its case runs. */
export type DiagnosisCase = {
  name: string;
  scheme: string;
  secret: string;
  others: Other[];
  headers: Record<string, string>;
  body: () => Body;
  reason: RejectReason;
};

const KIB = 1024;
const SIZES = [0.2, 2, 12, 63].map((kib) => ({ size: Math.floor(kib * KIB), says: `${kib} KiB` }));

const SYMMETRIC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/** RFC 8032, section 7.1, test 1: its public key, as hex and as Standard Webhooks writes it. */
const ED25519 = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const ED25519_WHPK = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/** RFC 6979, section A.2.5: its public key. */
const P256 =
  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==";

const HEX = "01".repeat(32);
const BASE64_32 = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
/** A signature of two numbers in range, so that it is verified to the end. */
const BASE64_64 = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==";
/** The same two numbers in DER. */
const DER = "MEQCIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAiABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==";
const STANDARD = { "webhook-id": "msg_1", "webhook-timestamp": String(NOW) };

const many = (count: number, scheme: string): Other[] =>
  Array.from({ length: count }, (_, i) => ({ name: `source${i}`, scheme, secrets: [`the secret of source ${i}`] }));

type Sender = Omit<DiagnosisCase, "name" | "body" | "reason"> & { says: string };

const SENDERS: Sender[] = [
  {
    says: "github",
    scheme: "github",
    secret: SYMMETRIC,
    others: [],
    headers: { "x-hub-signature-256": `sha256=${HEX}` },
  },
  {
    says: "standard v1",
    scheme: "standard",
    secret: SYMMETRIC,
    others: [],
    headers: { ...STANDARD, "webhook-signature": `v1,${BASE64_32}` },
  },
  {
    says: "standard v1a",
    scheme: "standard",
    secret: ED25519_WHPK,
    others: [],
    headers: { ...STANDARD, "webhook-signature": `v1a,${BASE64_64}` },
  },
  {
    says: "stripe, 30 sources",
    scheme: "stripe",
    secret: SYMMETRIC,
    others: many(30, "stripe"),
    headers: { "stripe-signature": `t=${NOW},v1=${HEX}` },
  },
  {
    says: "stripe, 20 signatures and 30 sources",
    scheme: "stripe",
    secret: SYMMETRIC,
    others: many(30, "stripe"),
    headers: { "stripe-signature": `t=${NOW},${Array.from({ length: 20 }, () => `v1=${HEX}`).join(",")}` },
  },
  {
    says: "hubspot, whose URL is signed",
    scheme: "hubspot",
    secret: SYMMETRIC,
    others: [],
    headers: { "x-hubspot-signature-v3": BASE64_32, "x-hubspot-request-timestamp": `${NOW}000` },
  },
  {
    says: "twilio, whose form is sorted",
    scheme: "twilio",
    secret: SYMMETRIC,
    others: [],
    headers: { "x-twilio-signature": "AQEBAQEBAQEBAQEBAQEBAQEBAQE=" },
  },
  {
    says: "discord, 10 sources",
    scheme: "discord",
    secret: ED25519,
    others: Array.from({ length: 10 }, (_, i) => ({ name: `d${i}`, scheme: "discord", secrets: [ED25519] })),
    headers: { "x-signature-ed25519": HEX + HEX, "x-signature-timestamp": String(NOW) },
  },
  {
    says: "sendgrid",
    scheme: "sendgrid",
    secret: P256,
    others: [],
    headers: {
      "x-twilio-email-event-webhook-signature": DER,
      "x-twilio-email-event-webhook-timestamp": String(NOW),
    },
  },
];

/** Returns the unit repeated to about `size` bytes, at least once. */
function repeated(unit: string, size: number): string {
  return unit.repeat(Math.max(Math.round(size / utf8(unit).byteLength), 1));
}

const BODIES: Record<string, (size: number) => Body> = {
  JSON: (size) => {
    const row = JSON.stringify({ id: 12, name: "a name of usual length", amount: 12.5, tags: ["x", "y"], paid: true });
    return utf8(`{"type":"invoice.paid","rows":[${repeated(`${row},`, size - 40)}null]}`);
  },
  "JSON that each language writes its own way": (size) => {
    const row = `{"n":"Zoë <b> & \\u00eb","url":"https://example.com/a"}`;
    return utf8(`{"rows":[${repeated(`${row},`, size - 40)}null]}\r\n`);
  },
  "JSON of brackets": (size) => utf8(`[${repeated("[],", size)}0]`),
  "JSON of small strings": (size) => utf8(`[${repeated('"\\u00e9",', size)}0]`),
  form: (size) => utf8(repeated("a=b+c%20d&e=%C3%ab&", size)),
  text: (size) => utf8(repeated("Zoe\u0308 &lt;b&gt; &amp;\r\n", size)),
  "marks to be put in order": (size) => utf8(`a${repeated("\u0301\u0316", size)}`),
  "letters to be composed": (size) => utf8(repeated("e\u0301", size)),
  "line ends": (size) => utf8(repeated("\n", size)),
  pluses: (size) => utf8(repeated("+", size)),
  "JSON of short keys": (size) => {
    const count = Math.round(size / 8);
    const keys = Array.from({ length: count }, (_, i) => `"${((i * 7919) % count).toString(36)}":1`);
    return utf8(`{${keys.join(",")}}`);
  },
  "JSON of slashes": (size) => utf8(`["${repeated("/", size)}"]`),
  bytes: (size) => new Uint8Array(size).fill(255),
};

function* cases(): Generator<DiagnosisCase> {
  for (const { says, ...sender } of SENDERS) {
    for (const [kind, make] of Object.entries(BODIES)) {
      // One sender runs with every kind of body, the others with the usual body.
      if (says !== "github" && kind !== (sender.scheme === "twilio" ? "form" : "JSON")) continue;
      for (const { size, says: length } of SIZES) {
        yield { ...sender, name: `${says}: ${kind}, ${length}`, body: () => make(size), reason: "signature_mismatch" };
      }
    }
  }
}

export const CASES: readonly DiagnosisCase[] = [...cases()];

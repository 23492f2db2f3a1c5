import fc from "fast-check";
import { fromBase64, fromUtf8 } from "../../../shared/bytes.ts";
import { HMAC_ROWS } from "../../../workers/receiver/verify/schemes/providers.ts";
import type { SignedRequest } from "../../../workers/receiver/verify/schemes/scheme.ts";
import { schemeOf, type Vector, withHeader } from "./vectors.ts";

/** Requests that differ from a genuine one in one byte, and the differences that schemes allow. */

/** A change of one byte: `at` is taken modulo the length, `code` is the new byte. */
export type Edit = { part: number; way: "put" | "insert" | "delete"; at: number; code: number };

export const edits: fc.Arbitrary<Edit> = fc.record({
  part: fc.nat(100),
  way: fc.constantFrom("put", "insert", "delete"),
  at: fc.nat(5000),
  code: fc.oneof(fc.constantFrom(...Array.from(" ,;=.:+-/%&0aAfFtv\t", (char) => char.charCodeAt(0))), fc.nat(255)),
});

/** A value that any `Headers` takes: no NUL, CR or LF; white space around it does not count. */
export const headerValues = fc
  .array(fc.integer({ min: 1, max: 255 }), { maxLength: 120 })
  .map((codes) => String.fromCharCode(...codes.filter((code) => code !== 10 && code !== 13)));

/** Returns the genuine request with one byte of a header, of the body, of the URL or of the method changed. */
export function edited(request: SignedRequest, names: readonly string[], edit: Edit): SignedRequest {
  const part = edit.part % (names.length + 3);
  const name = names[part];
  if (name !== undefined) return withHeader(request, name, editedText(request.headers.get(name) ?? "", edit));
  if (part === names.length) return { ...request, body: editedBytes(request.body, edit) };
  const key = part === names.length + 1 ? "url" : "method";
  return { ...request, [key]: editedText(request[key], edit) };
}

function editedText(text: string, edit: Edit): string {
  const codes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  return String.fromCharCode(...editedBytes(codes, edit)).replace(/[\0\r\n]/g, "~");
}

function editedBytes(bytes: Uint8Array, { way, at, code }: Edit): Uint8Array {
  const index = at % (bytes.length + (way === "insert" ? 1 : 0) || 1);
  const list = [...bytes];
  list.splice(index, way === "insert" ? 0 : 1, ...(way === "delete" ? [] : [code]));
  return Uint8Array.from(list);
}

/** Returns whether the proof of a genuine request holds for another, by what its scheme says that it covers. */
export function provesAlso({ scheme: name }: Vector, genuine: SignedRequest, other: SignedRequest): boolean {
  const scheme = schemeOf(name);
  if (scheme.verification === "unverified") return true;
  if (scheme.verification === "authenticated") return sameToken(name, genuine, other);
  const row = HMAC_ROWS[name];
  const signed = row?.signed ?? (row === undefined ? "{id}.{timestamp}.{body}" : "{body}");
  const header = (key: string | undefined) => key === undefined || genuine.headers.get(key) === other.headers.get(key);
  const covered = [
    header(row === undefined ? undefined : row.timestampHeader),
    signed.includes("{id}") ? header(row?.idHeader) : isProperId(other, row?.idHeader),
    row !== undefined || ["webhook-id", "webhook-timestamp", "svix-id", "svix-timestamp"].every(header),
    row !== undefined || ["x-signature-timestamp", "x-twilio-email-event-webhook-timestamp"].every(header),
    signed.includes("{method}") ? genuine.method === other.method : true,
    scheme.signedUrl === undefined || sameUrl(genuine.url, other.url),
    name === "twilio" ? fieldsOf(genuine) === fieldsOf(other) : text(genuine.body) === text(other.body),
    (scheme.signatureHeaders ?? []).some((each) => holdsOne(genuine.headers.get(each), other.headers.get(each), row)),
  ];
  return !covered.includes(false);
}

type Row = (typeof HMAC_ROWS)[string];

/**
 * Returns whether a signature header holds, beside the same time, a signature of the genuine one in any case of hex.
 */
function holdsOne(genuine: string | null, other: string | null, row: Row | undefined): boolean {
  if (genuine === null || other === null) return false;
  const isHex = row === undefined || (row.encoding ?? "hex") === "hex";
  const same = (a: string, b: string) => a === b || (isHex && lowerHex(a) === lowerHex(b));
  if (row?.format === "pairs") {
    const [before, after] = [genuine, other].map((value) =>
      value.split(row.separator ?? ",").map((entry) => entry.replace(/^[ \t]+|[ \t]+$/g, "")),
    );
    const times = (entries: string[] = []) => entries.filter((entry) => entry.startsWith(`${row.timestampPair}=`));
    if (times(before).join() !== times(after).join()) return false;
    return (after ?? []).some(
      (entry) => entry.startsWith(`${row.pair}=`) && (before ?? []).some((each) => same(each, entry)),
    );
  }
  if (row === undefined && genuine.includes(",")) {
    const before = genuine.split(" ");
    return other.split(" ").some((entry) => before.includes(entry));
  }
  return same(genuine, other);
}

/** Returns the digits in lower case: the text before them is no part of them. */
function lowerHex(value: string): string {
  return value.replace(/[0-9a-fA-F]+$/, (digits) => digits.toLowerCase());
}

/** Returns whether an unsigned id is still a valid one. */
function isProperId({ headers }: SignedRequest, name: string | undefined): boolean {
  const id = name === undefined ? null : headers.get(name);
  return id === null || (/^[\x20-\x7e]{1,256}$/.test(id) && !id.includes(", "));
}

/** The name of an authentication scheme is the same in any case, RFC 9110 section 11.1; `token` looks at none. */
function sameToken(name: string, genuine: SignedRequest, other: SignedRequest): boolean {
  const bare = ({ headers }: SignedRequest, header: string) =>
    password(headers.get(header)?.replace(name === "token" ? /^\S+ +/ : /^basic +/i, "") ?? null);
  const places = ["authorization", "x-api-key", "x-gitlab-token", "x-telegram-bot-api-secret-token"];
  return (
    places.every((header) => bare(genuine, header) === bare(other, header)) && isProperId(other, "idempotency-key")
  );
}

/** Returns the password of basic credentials, which may be all of the secret; any other text as it is. */
function password(text: string | null): string | null {
  const decoded = fromBase64(text ?? "");
  return (decoded && fromUtf8(decoded)?.replace(/^[^:]*:(?=a provider's secret$)/, "*:")) ?? text;
}

/** Twilio signs with or without the port; HubSpot with some characters decoded. */
function sameUrl(genuine: string, other: string): boolean {
  const bare = (url: string) =>
    url
      .replace(/^(https?:\/\/[^/?#:]+):\d+/, "$1")
      .replace(/%[0-9a-f]{2}/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
  return bare(genuine) === bare(other);
}

/**
 * Returns the part of a form that Twilio signs: names and values in the order of the names, with nothing between them,
 * so that nothing tells where a name ends. A body that is no form is signed by its digest.
 */
function fieldsOf({ body, url }: SignedRequest): string {
  if (url.includes("bodySHA256=")) return text(body);
  const fields = [...new URLSearchParams(fromUtf8(body) ?? `?${text(body)}`)].map((field) => field.join("\0"));
  return [...new Set(fields)].sort().join("").replaceAll("\0", "");
}

function text(body: Uint8Array): string {
  return body.toHex();
}

import { fromBase64, fromHex, toBase64, toHex, utf8 } from "../../../../shared/bytes.ts";
import { ConfigError } from "../../../../shared/config.ts";
import type { HmacRow } from "../../verify/schemes/row.ts";
import type { Scheme, SignedRequest } from "../../verify/schemes/scheme.ts";
import type { Diagnosis, Suspects } from "./diagnosis.ts";
import type { Work } from "./work.ts";

/** A refused request, verified again with a likely secret, another encoding of its signature, another URL. */

/** As many of the other sources as are asked: each costs a verification. */
export const MAX_OTHERS = 20;

export type Trial = { request: SignedRequest; scheme: Scheme; secrets: readonly string[] };

/** As of when, in unix seconds, and what it may cost. */
export type Terms = { at: number; work: Work };

/** Whether it verifies, as far as there is work left; a secret that cannot be a key verifies nothing. */
export async function verifies(trial: Trial, { at, work }: Terms): Promise<boolean> {
  const { request, scheme, secrets } = trial;
  if (secrets.length === 0 || scheme.verification === "unverified") return false;
  if (!work.affords(workOf(trial))) return false;
  try {
    return (await scheme.verify(request, [...secrets], at)).ok;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

/** A verification, a URL in it, each header that it looks for, and a byte of what is signed: hashed, or sorted as a form's. */
const WORK = { trial: 6, url: 6, longUrl: 0.05, header: 0.3, hashed: 0.0004, form: 0.05 };
/** From where on a URL is long: each of its characters may be decoded. */
const LONG_URL = 200;
/** Each signature with each secret, and how long the shortest is in a header that holds several. */
const HMAC = { work: 4, length: 47 };
const PUBLIC_KEY = { work: 75, length: 88 };

/** What a verification costs, in units of work. */
function workOf({ request, scheme, secrets }: Trial): number {
  const { headers, body, url: called } = request;
  const each = scheme.publicKey || secrets.some(isPublic) ? PUBLIC_KEY : HMAC;
  const hashed = WORK.hashed * (body.byteLength + lengthOf(scheme.secretHeaders, headers));
  const signatures = Math.max(Math.floor(signatureLength(scheme, headers) / each.length), 1);
  const names = WORK.header * (scheme.signatureHeaders?.length ?? 0);
  const content = scheme.row?.signed?.includes("{form}") ? WORK.form : WORK.hashed;
  const pairs = signatures * secrets.length * (each.work + hashed);
  const url = scheme.signedUrl === undefined ? 0 : WORK.url + WORK.longUrl * Math.max(called.length - LONG_URL, 0);
  return WORK.trial + url + names + content * body.byteLength + pairs;
}

/** Of all that the headers say is a signature. */
export function signatureLength({ signatureHeaders }: Scheme, headers: Headers): number {
  return lengthOf(signatureHeaders, headers);
}

function lengthOf(names: readonly string[] = [], headers: Headers): number {
  return names.reduce((sum, name) => sum + (headers.get(name)?.length ?? 0), 0);
}

/** For a byte of JSON that is parsed. */
const PARSE_WORK = 0.015;

/** When it says that it was signed; null also where that stands in a body that is too long to be parsed for it. */
export function timeOf({ scheme, request }: Pick<Trial, "scheme" | "request">, work: Work): number | null {
  const inBody = scheme.row?.timestampField !== undefined;
  if (inBody && !work.affords(PARSE_WORK * request.body.byteLength)) return null;
  return scheme.timestampOf?.(request) ?? null;
}

function isPublic(secret: string): boolean {
  return secret.startsWith("whpk_");
}

/** Another secret than the source's, that it is likely to have been signed with. */
export async function secretOf(
  request: SignedRequest,
  { scheme, secrets, others }: Suspects,
  terms: Terms,
): Promise<Diagnosis | null> {
  const trial = (candidates: string[]) => {
    const fresh = candidates.filter((secret) => !secrets.includes(secret));
    return anyVerifies({ request, scheme, secrets: fresh }, terms);
  };
  // Of a key that is public, no other form is one.
  const own = scheme.publicKey ? [] : secrets.filter((secret) => !isPublic(secret));
  if (await trial(own.flatMap(spaced))) {
    return {
      code: "secret_white_space",
      text: "signed with this source's secret but for white space or quotes around it: one side holds more than the secret",
    };
  }
  if (await trial(own.flatMap((secret) => undecoded(secret, keyKindOf(scheme))))) {
    return {
      code: "secret_undecoded",
      text: "signed with the text of this source's secret, or with what it encodes, where the other is the key",
    };
  }
  for (const { name, secrets: theirs } of others.slice(0, MAX_OTHERS)) {
    if (await trial([...theirs]))
      return { code: "secret_of_other_source", text: `signed with the secret of the source ${name}` };
  }
  return null;
}

/** Each on its own: one that is no key must not hide the others. */
async function anyVerifies({ secrets, ...trial }: Trial, terms: Terms): Promise<boolean> {
  for (const secret of new Set(secrets)) if (await verifies({ ...trial, secrets: [secret] }, terms)) return true;
  return false;
}

function spaced(secret: string): string[] {
  return [secret.trim(), secret.replace(/^"(.*)"$/, "$1"), `${secret}\n`, `${secret}\r\n`];
}

const PREFIX = "whsec_";

type KeyKind = NonNullable<HmacRow["key"]>;

/** What a scheme takes for a secret; Standard Webhooks has no row. */
function keyKindOf({ row, verification }: Scheme): KeyKind {
  return row === undefined && verification === "verified" ? "whsec" : (row?.key ?? "text");
}

/** The keys that a secret's text can be taken for, in the form that the scheme takes. */
function undecoded(secret: string, kind: KeyKind): string[] {
  const bare = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const asText = [bare, PREFIX + bare];
  if (kind === "text") return asText;
  const spell = { hex: toHex, base64: toBase64, whsec: (key: Uint8Array) => PREFIX + toBase64(key) }[kind];
  return asText.map((text) => spell(utf8(text)));
}

const HEX = /(?<![0-9a-fA-F])(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})(?![0-9a-fA-F])/g;
const BASE64 = /(?<![\w+/-])(?:[\w+/-]{27}=?|[\w+/-]{43}=?|[\w+/-]{86}(?:==)?)(?![\w+/=-])/g;

/** The same signatures in the other encoding. */
export async function encodingOf({ request, ...trial }: Trial, terms: Terms): Promise<Diagnosis | null> {
  const spellings: ((value: string) => string)[] = [
    (value) => value.replace(HEX, (hex) => toBase64(fromHex(hex) ?? new Uint8Array())),
    (value) => value.replace(BASE64, (text) => toHex(fromBase64(standardBase64(text)) ?? new Uint8Array())),
    (value) => value.replace(BASE64, standardBase64),
  ];
  for (const spelling of spellings) {
    const headers = new Headers(request.headers);
    const names = (trial.scheme.signatureHeaders ?? []).filter((name) => {
      const value = headers.get(name) ?? "";
      const spelled = spelling(value);
      if (spelled !== value) headers.set(name, spelled);
      return spelled !== value;
    });
    if (names.length > 0 && (await verifies({ ...trial, request: { ...request, headers } }, terms))) {
      return {
        code: "signature_encoding",
        text: "the signature is right, and written in another encoding than this scheme's",
      };
    }
  }
  return null;
}

function standardBase64(text: string): string {
  const digits = text.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", "");
  return digits.padEnd(Math.ceil(digits.length / 4) * 4, "=");
}

/** Another URL than the one that the source says, where the URL is signed. */
export async function urlOf({ request, ...trial }: Trial, terms: Terms): Promise<Diagnosis | null> {
  if (!trial.scheme.signedUrl) return null;
  for (const url of urlVariants(request.url)) {
    if (await verifies({ ...trial, request: { ...request, url } }, terms)) {
      return { code: "other_url", text: "another URL was signed than the one that this source's `url` says" };
    }
  }
  return null;
}

function urlVariants(text: string): Set<string> {
  const url = new URL(text);
  const hosts = [
    url.origin,
    `http://${url.host}`,
    `https://${url.host}`,
    `https://${url.host}:443`,
    `http://${url.host}:80`,
  ];
  const path = url.pathname.replace(/\/$/, "");
  return new Set(hosts.flatMap((host) => [path, `${path}/`].flatMap((way) => [host + way + url.search, host + way])));
}

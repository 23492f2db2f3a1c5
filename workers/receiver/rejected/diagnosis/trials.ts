import { fromBase64, fromHex, toBase64, toHex, utf8 } from "../../../../shared/bytes.ts";
import { ConfigError } from "../../../../shared/config.ts";
import { bareSecret } from "../../../../shared/signing/secret.ts";
import type { HmacRow } from "../../verify/schemes/row.ts";
import type { Scheme, SignedRequest } from "../../verify/schemes/scheme.ts";
import type { Diagnosis, Suspects } from "./diagnosis.ts";
import type { Work } from "./work.ts";

/**
 * Trials: a rejected request is verified again with a likely secret, another encoding of its signature, or another URL.
 * A trial that verifies is a proof.
 */

/** Other sources that are tried: each costs a verification. */
export const MAX_OTHERS = 20;

export type Trial = { request: SignedRequest; scheme: Scheme; secrets: readonly string[] };

/** Time of a trial, in unix seconds, and the work that it may cost. */
export type TrialTerms = { at: number; work: Work };

/** Tells whether a trial verifies, as far as work is left for it. A secret that cannot be a key verifies nothing. */
export async function verifies(trial: Trial, { at, work }: TrialTerms): Promise<boolean> {
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

/** Tells whether work is left for a trial, and spends none. */
export function canBeTried(trial: Trial, { work }: TrialTerms): boolean {
  return work.has(workOf(trial));
}

/** Units of a verification, of a URL in it, of each header looked for, and of a signed byte: hashed, or sorted in a form. */
const TRIAL_WORK = { trial: 6, url: 6, longUrl: 0.05, header: 0.3, hashed: 0.0004, form: 0.05 };
/** Length from which on a URL costs more: each of its characters may be decoded. */
const LONG_URL = 200;
/** Units of each signature with each secret, and the shortest length of one in a header that holds several. */
const HMAC_TRIAL = { work: 4, length: 47 };
const PUBLIC_KEY_TRIAL = { work: 75, length: 88 };

/** Returns the cost of a verification, in units of work. */
function workOf({ request, scheme, secrets }: Trial): number {
  const { headers, body, url: called } = request;
  const each = scheme.publicKey || secrets.some(isPublic) ? PUBLIC_KEY_TRIAL : HMAC_TRIAL;
  const hashed = TRIAL_WORK.hashed * (body.byteLength + lengthOf(scheme.secretHeaders, headers));
  const signatures = Math.max(Math.floor(signatureLength(scheme, headers) / each.length), 1);
  const names = TRIAL_WORK.header * (scheme.signatureHeaders?.length ?? 0);
  const content = /\{f(?:orm|ield:)/.test(scheme.row?.signed ?? "") ? TRIAL_WORK.form : TRIAL_WORK.hashed;
  const pairs = signatures * secrets.length * (each.work + hashed);
  const url =
    scheme.signedUrl === undefined ? 0 : TRIAL_WORK.url + TRIAL_WORK.longUrl * Math.max(called.length - LONG_URL, 0);
  return TRIAL_WORK.trial + url + names + content * body.byteLength + pairs;
}

/** Returns the length of all headers that hold signatures. */
export function signatureLength({ signatureHeaders }: Scheme, headers: Headers): number {
  return lengthOf(signatureHeaders, headers);
}

function lengthOf(names: readonly string[] = [], headers: Headers): number {
  return names.reduce((sum, name) => sum + (headers.get(name)?.length ?? 0), 0);
}

/** Units for a byte of JSON that is parsed. */
const PARSE_WORK = 0.015;

/** Returns when a request claims to have been signed; null also if the claim is in a body that is too long to parse. */
export function claimedTime({ scheme, request }: Pick<Trial, "scheme" | "request">, work: Work): number | null {
  const inBody = scheme.row?.timestampField !== undefined;
  if (inBody && !work.affords(PARSE_WORK * request.body.byteLength)) return null;
  return scheme.timestampOf?.(request) ?? null;
}

function isPublic(secret: string): boolean {
  return secret.startsWith("whpk_");
}

/** Tries secrets that are likely to have been used instead of the source's. */
export async function otherSecret(
  request: SignedRequest,
  { scheme, secrets, others }: Suspects,
  terms: TrialTerms,
): Promise<Diagnosis | null> {
  const trial = (candidates: string[]) => {
    const fresh = candidates.filter((secret) => !secrets.includes(secret));
    return anyVerifies({ request, scheme, secrets: fresh }, terms);
  };
  // A public key has no other form.
  const own = scheme.publicKey ? [] : secrets.filter((secret) => !isPublic(secret));
  if (await trial(own.flatMap(spaced))) {
    return {
      code: "secret_white_space",
      text: "signed with this source's secret, but one side has white space or quotes around it",
    };
  }
  if (await trial(own.flatMap((secret) => undecoded(secret, keyKindOf(scheme))))) {
    return {
      code: "secret_undecoded",
      text: "signed with this source's secret, but one side took its text for the key, the other the bytes that it encodes",
    };
  }
  for (const { name, secrets: theirs } of others.slice(0, MAX_OTHERS)) {
    if (await trial([...theirs]))
      return { code: "secret_of_other_source", text: `signed with the secret of the source ${name}` };
  }
  return null;
}

/** Tries each secret on its own: one that cannot be a key must not hide the others. */
async function anyVerifies({ secrets, ...trial }: Trial, terms: TrialTerms): Promise<boolean> {
  for (const secret of new Set(secrets)) if (await verifies({ ...trial, secrets: [secret] }, terms)) return true;
  return false;
}

function spaced(secret: string): string[] {
  return [secret.trim(), secret.replace(/^"(.*)"$/, "$1"), `${secret}\n`, `${secret}\r\n`];
}

const WHSEC = "whsec_";

type KeyKind = NonNullable<HmacRow["key"]>;

/** Returns the form of a scheme's secrets; Standard Webhooks has no row. */
function keyKindOf({ row, verification }: Scheme): KeyKind {
  return row === undefined && verification === "verified" ? "whsec" : (row?.key ?? "text");
}

/** Returns secrets in the scheme's form whose key is the text of `secret`, with or without its prefix. */
function undecoded(secret: string, kind: KeyKind): string[] {
  const bare = bareSecret(secret);
  const asText = [bare, WHSEC + bare];
  if (kind === "text") return asText;
  const spell = { hex: toHex, base64: toBase64, whsec: (key: Uint8Array) => WHSEC + toBase64(key) }[kind];
  return asText.map((text) => spell(utf8(text)));
}

const HEX = /(?<![0-9a-fA-F])(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})(?![0-9a-fA-F])/g;
const BASE64 = /(?<![\w+/-])(?:[\w+/-]{27}=?|[\w+/-]{43}=?|[\w+/-]{86}(?:==)?)(?![\w+/=-])/g;

/** Tries the same signatures in other encodings. */
export async function otherEncoding({ request, ...trial }: Trial, terms: TrialTerms): Promise<Diagnosis | null> {
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
        text: "the signature is right, but in another encoding than this scheme's",
      };
    }
  }
  return null;
}

function standardBase64(text: string): string {
  const digits = text.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", "");
  return digits.padEnd(Math.ceil(digits.length / 4) * 4, "=");
}

/** Tries other URLs than the source's, where the URL is signed. */
export async function otherUrl({ request, ...trial }: Trial, terms: TrialTerms): Promise<Diagnosis | null> {
  if (!trial.scheme.signedUrl) return null;
  for (const url of urlVariants(request.url)) {
    if (await verifies({ ...trial, request: { ...request, url } }, terms)) {
      return { code: "other_url", text: "the URL that was signed is not this source's `url`" };
    }
  }
  return null;
}

/** Units for a character of a query that is spelled anew. */
const SPELLING_WORK = 0.1;

/** Tries other spellings of the query that the request came with, where a provider signs that. */
export async function otherQuery({ request, ...trial }: Trial, terms: TrialTerms): Promise<Diagnosis | null> {
  const at = request.url.indexOf("?");
  if (trial.scheme.signedUrl !== "called" || at < 0) return null;
  // A query that is too long to try leaves the work exhausted, so that nobody takes its request for a forgery.
  if (!terms.work.affords(SPELLING_WORK * (request.url.length - at))) return null;
  const [start, query] = [request.url.slice(0, at + 1), request.url.slice(at + 1)];
  for (const spelled of querySpellings(query)) {
    if (await verifies({ ...trial, request: { ...request, url: start + spelled } }, terms)) {
      return { code: "query_encoding", text: "the encoding of the query was changed on the way" };
    }
  }
  return null;
}

/** Returns a query as clients, frameworks and proxies write it anew, without the query itself. */
function querySpellings(query: string): Set<string> {
  const cased = (change: (code: string) => string) => query.replace(/%[0-9a-f]{2}/gi, change);
  const fields = (write: (text: string) => string) =>
    query
      .split("&")
      .map((pair) =>
        pair
          .split("=")
          .map((text) => write(decodedText(text)))
          .join("="),
      )
      .join("&");
  const sorted = new URLSearchParams(query);
  sorted.sort();
  const spellings = new Set([
    ...[query.replaceAll("+", "%20"), query.replaceAll("%20", "+"), new URLSearchParams(query).toString()],
    ...[fields(encodeURIComponent), fields(strictlyEncoded), fields((text) => text), fields(encodeURI)],
    ...[cased((code) => code.toLowerCase()), cased((code) => code.toUpperCase()), sorted.toString()],
  ]);
  spellings.delete(query);
  return spellings;
}

/** Encodes everything that RFC 3986 does not call unreserved. */
function strictlyEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decodedText(text: string): string {
  return (new URLSearchParams(`v=${text.replaceAll("&", "%26")}`).get("v") ?? "").toWellFormed();
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

import { fromBase64, fromHex, toBase64, toHex, utf8 } from "../../shared/bytes.ts";
import { ConfigError } from "../../shared/config.ts";
import { type BodyChange, bodyVariants } from "./body-variants.ts";
import { TOLERANCE_SECONDS } from "./schemes/rules.ts";
import type { RejectReason, Scheme, SignedRequest } from "./schemes/scheme.ts";

/**
 * Why a request was refused, by proof: it is verified again with one likely thing changed back, and what then
 * verifies is what was wrong. No clock and no storage; a secret or a signature never stands in what it says.
 */

export type DiagnosisCode =
  | "stale"
  | "early"
  | "secret_white_space"
  | "secret_undecoded"
  | "secret_of_other_source"
  | "other_source"
  | "signature_encoding"
  | "other_url"
  | `body_${BodyChange}`
  | "unknown_key"
  | "configuration_error"
  | "not_examined";

export type Diagnosis = { code: DiagnosisCode; text: string };

/** What the request was sent to, and what else could have been meant. */
export type Suspects = {
  scheme: Scheme;
  secrets: readonly string[];
  others: readonly { name: string; scheme: Scheme; secrets: readonly string[] }[];
};

/** Reasons that a proof can say more about; the others speak for themselves. */
const UNPROVEN: ReadonlySet<RejectReason> = new Set([
  "signature_mismatch",
  "signature_malformed",
  "timestamp_too_old",
  "timestamp_too_new",
  "token_mismatch",
]);
/** What lacks a header was perhaps meant for another source. */
const INCOMPLETE: ReadonlySet<RejectReason> = new Set([
  "signature_missing",
  "timestamp_missing",
  "token_missing",
  "id_missing",
]);

/** As many bytes of changed bodies as are verified: what keeps one diagnosis near a millisecond. */
const BODY_BYTES = 64 * 1024;
/** A larger body is only looked at for its age: each trial hashes all of it. */
const LARGE_BODY_BYTES = 128 * 1024;
const MAX_OTHERS = 20;

const BODY_TEXTS: Record<BodyChange, string> = {
  newline: "a newline at the end of the body was added or removed on the way",
  reserialised: "the body was re-serialised on the way: the same JSON, written otherwise",
  line_ends: "the line ends of the body were changed on the way",
  byte_order_mark: "a byte order mark was added to the body or removed on the way",
  trimmed: "white space around the body was added or removed on the way",
  charset: "the body was converted to another charset on the way",
  base64: "the body was encoded to base64 or decoded on the way",
  quoted: "the body was quoted as a JSON string, or unquoted, on the way",
  form_encoding: "the body's percent-encoding was changed on the way",
  html_escaped: "the body was escaped for HTML on the way",
  normalised: "the body's Unicode was normalised on the way",
  not_signed: "the signature covers an empty body: it was made before there was one, or without it",
};

/**
 * The cause that a proof was found for; `unknown_key` when no known key signed this, in no likely way; null for
 * a reason that says all there is. `now` in unix seconds.
 */
export async function diagnose(
  request: SignedRequest,
  reason: RejectReason,
  { suspects, now }: { suspects: Suspects; now: number },
): Promise<Diagnosis | null> {
  if (INCOMPLETE.has(reason)) return otherSource(request, suspects, now);
  if (!UNPROVEN.has(reason)) return null;
  const { scheme, secrets } = suspects;
  const signedAt = scheme.timestampOf?.(request) ?? null;
  // From here on only the signature counts: a request may be both changed and late.
  const at = signedAt ?? now;
  const trial = { request, scheme, secrets };
  const age = await ageOf(trial, { at, now });
  if (age !== null) return age;
  if (request.body.byteLength > LARGE_BODY_BYTES) return TOO_LARGE;
  const found =
    (await secretOf(request, suspects, at)) ??
    (await encodingOf(trial, at)) ??
    (await urlOf(trial, at)) ??
    (await bodyOf(trial, at)) ??
    (await otherSource(request, suspects, now));
  if (found === null) return UNKNOWN;
  return Math.abs(now - at) > TOLERANCE_SECONDS ? { ...found, text: `${found.text}, and ${ageText(now - at)}` } : found;
}

const UNKNOWN: Diagnosis = {
  code: "unknown_key",
  text: "no known key signed this, nor anything that it is likely to have been",
};
/** What the rate of examinations leaves out. */
export const NOT_EXAMINED: Diagnosis = {
  code: "not_examined",
  text: "too many requests were refused at that time to examine each",
};
const TOO_LARGE: Diagnosis = { code: "not_examined", text: "not genuine as it is, and too large to examine further" };

type Trial = { request: SignedRequest; scheme: Scheme; secrets: readonly string[] };

/** Whether it verifies; a secret that cannot be a key verifies nothing. */
async function verifies({ request, scheme, secrets }: Trial, at: number): Promise<boolean> {
  if (secrets.length === 0 || scheme.verification === "unverified") return false;
  try {
    return (await scheme.verify(request, [...secrets], at)).ok;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

async function ageOf(trial: Trial, { at, now }: { at: number; now: number }): Promise<Diagnosis | null> {
  if (!(await verifies(trial, at))) return null;
  return { code: now > at ? "stale" : "early", text: `genuine, ${ageText(now - at)}` };
}

function ageText(seconds: number): string {
  return seconds >= 0 ? `${seconds} s old` : `${-seconds} s ahead of our clock`;
}

async function secretOf(
  request: SignedRequest,
  { scheme, secrets, others }: Suspects,
  at: number,
): Promise<Diagnosis | null> {
  const trial = (candidates: string[]) => anyVerifies(request, scheme, candidates, at);
  if (
    await trial(
      secrets.flatMap((secret) => [secret.trim(), `${secret}\n`, `${secret}\r\n`, secret.replace(/^"(.*)"$/, "$1")]),
    )
  ) {
    return {
      code: "secret_white_space",
      text: "signed with this source's secret but for white space or quotes around it: one side holds more than the secret",
    };
  }
  if (await trial(secrets.flatMap(undecoded))) {
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
async function anyVerifies(request: SignedRequest, scheme: Scheme, secrets: string[], at: number): Promise<boolean> {
  for (const secret of new Set(secrets)) if (await verifies({ request, scheme, secrets: [secret] }, at)) return true;
  return false;
}

const PREFIX = "whsec_";

/** The keys that a secret's text can be taken for, in the forms that schemes with either kind of key take. */
function undecoded(secret: string): string[] {
  const bare = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
  const asText = [bare, PREFIX + bare];
  const asKey = asText.map((text) => PREFIX + toBase64(utf8(text)));
  return [...asText, ...asKey];
}

const HEX = /(?<![0-9a-fA-F])(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})(?![0-9a-fA-F])/g;
const BASE64 = /(?<![\w+/-])(?:[\w+/-]{27}=?|[\w+/-]{43}=?|[\w+/-]{86}(?:==)?)(?![\w+/=-])/g;

/** The same signatures in the other encoding. */
async function encodingOf({ request, ...trial }: Trial, at: number): Promise<Diagnosis | null> {
  const spellings: ((value: string) => string)[] = [
    (value) => value.replace(HEX, (hex) => toBase64(fromHex(hex) ?? new Uint8Array())),
    (value) => value.replace(BASE64, (text) => toHex(fromBase64(standardBase64(text)) ?? new Uint8Array())),
    (value) => value.replace(BASE64, standardBase64),
  ];
  for (const spelling of spellings) {
    const headers = new Headers(
      [...request.headers].map(([name, value]) => [name, spelling(value)] as [string, string]),
    );
    if (await verifies({ ...trial, request: { ...request, headers } }, at)) {
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

async function urlOf({ request, ...trial }: Trial, at: number): Promise<Diagnosis | null> {
  if (!trial.scheme.signedUrl) return null;
  for (const url of urlVariants(request.url)) {
    if (await verifies({ ...trial, request: { ...request, url } }, at)) {
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

async function bodyOf({ request, ...trial }: Trial, at: number): Promise<Diagnosis | null> {
  // A token says nothing about a body.
  if (trial.scheme.verification !== "verified") return null;
  for (const { change, body } of bodyVariants(request.body, BODY_BYTES)) {
    if (await verifies({ ...trial, request: { ...request, body } }, at)) {
      return { code: `body_${change}`, text: BODY_TEXTS[change] };
    }
  }
  return null;
}

/** Sent to the wrong one of our URLs. */
async function otherSource(request: SignedRequest, { others }: Suspects, now: number): Promise<Diagnosis | null> {
  for (const { name, scheme, secrets } of others.slice(0, MAX_OTHERS)) {
    const at = scheme.timestampOf?.(request) ?? now;
    if (await verifies({ request, scheme, secrets }, at)) {
      return { code: "other_source", text: `genuine for the source ${name}: it was sent to another source's URL` };
    }
  }
  return null;
}

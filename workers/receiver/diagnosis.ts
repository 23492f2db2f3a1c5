import { type BodyChange, type BodyVariant, bodyVariants } from "./body-variants.ts";
import { encodingOf, MAX_OTHERS, secretOf, type Trial, urlOf, verifies } from "./diagnosis-trials.ts";
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
  | "wrong_secret"
  | "wrong_scheme"
  | "forged"
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
const BODY_BYTES = 512 * 1024;
/** A larger body is only looked at for its age: each trial hashes all of it. */
const LARGE_BODY_BYTES = 64 * 1024;
/** Every trial looks at each signature that the header holds; more than a sender has keys are a burden. */
const MAX_SIGNATURE_LENGTH = 2048;

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
  if (!INCOMPLETE.has(reason) && !UNPROVEN.has(reason)) return null;
  if (suspects.others.concat({ name: "", ...suspects }).some(({ scheme }) => isCrowded(scheme, request)))
    return CROWDED;
  if (INCOMPLETE.has(reason)) return otherSource(request, suspects, now);
  const { scheme, secrets } = suspects;
  const signedAt = scheme.timestampOf?.(request) ?? null;
  // From here on only the signature counts: a request may be both changed and late.
  const at = signedAt ?? now;
  const trial = { request, scheme, secrets };
  const age = await ageOf(trial, { at, now });
  if (age !== null) return age;
  if (request.body.byteLength > LARGE_BODY_BYTES) return TOO_LARGE;
  const bodies = bodyVariants(request.body, BODY_BYTES);
  const found =
    (await secretOf(request, suspects, at)) ??
    (await encodingOf(trial, at)) ??
    (await urlOf(trial, at)) ??
    (await bodyOf(trial, bodies.variants, at)) ??
    (await otherSource(request, suspects, now));
  if (found === null) return bodies.all ? UNKNOWN : TOO_LARGE;
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
const CROWDED: Diagnosis = { code: "not_examined", text: "it holds more signatures than are worth examining" };

function isCrowded({ signatureHeaders = [] }: Scheme, { headers }: SignedRequest): boolean {
  const length = signatureHeaders.reduce((sum, name) => sum + (headers.get(name)?.length ?? 0), 0);
  return length > MAX_SIGNATURE_LENGTH;
}

async function ageOf(trial: Trial, { at, now }: { at: number; now: number }): Promise<Diagnosis | null> {
  if (!(await verifies(trial, at))) return null;
  return { code: now > at ? "stale" : "early", text: `genuine, ${ageText(now - at)}` };
}

function ageText(seconds: number): string {
  return seconds >= 0 ? `${seconds} s old` : `${-seconds} s ahead of our clock`;
}

async function bodyOf(
  { request, ...trial }: Trial,
  variants: readonly BodyVariant[],
  at: number,
): Promise<Diagnosis | null> {
  // A token says nothing about a body.
  if (trial.scheme.verification !== "verified") return null;
  for (const { change, body } of variants) {
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

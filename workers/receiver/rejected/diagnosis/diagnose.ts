import { type RejectReason, TOLERANCE_SECONDS } from "../../verify/schemes/rules.ts";
import type { Scheme, SignedRequest } from "../../verify/schemes/scheme.ts";
import { bodyVariants } from "./body-variants.ts";
import type { BodyChange, Diagnosis, Suspects } from "./diagnosis.ts";
import { otherOrder } from "./field-order.ts";
import { inflated } from "./inflate.ts";
import { misplacedToken } from "./token-place.ts";
import {
  canBeTried,
  claimedTime,
  MAX_OTHERS,
  otherEncoding,
  otherQuery,
  otherSecret,
  otherUrl,
  signatureLength,
  type Trial,
  type TrialTerms,
  verifies,
} from "./trials.ts";
import { Work } from "./work.ts";

/**
 * The diagnosis of a rejected request, by proof: the request is verified again with one likely thing changed back, and
 * the change that makes it verify is the cause. No clock and no storage. No diagnosis holds a secret or a signature.
 */

/** Reasons that a proof can add to; the others speak for themselves. */
const PROVABLE: ReadonlySet<RejectReason> = new Set([
  "signature_mismatch",
  "signature_malformed",
  "timestamp_too_old",
  "timestamp_too_new",
  "token_mismatch",
]);
/** Reasons that a request lacks a header for: it may have been meant for another source. */
const INCOMPLETE: ReadonlySet<RejectReason> = new Set([
  "signature_missing",
  "timestamp_missing",
  "token_missing",
  "id_missing",
]);

/** Units of one diagnosis, which keep it under a millisecond, as `npm run bench diagnosis` shows. */
const WORK_UNITS = 620;
/** Units of these for other keys and sources: however many there are, changed bodies are tried, too. */
const KEY_UNITS = 200;
/** A larger body is tried only for its age, within AGE_UNITS: each trial hashes all of it. */
const LARGE_BODY_BYTES = 64 * 1024;
const AGE_UNITS = 900;
/** Every trial looks at each signature of the header; no sender has so many keys. */
const MAX_SIGNATURE_LENGTH = 1024;

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
  compressed: "the body was compressed after it was signed: the signature covers the bytes before that",
  not_signed: "the signature covers an empty body: it was made before the body was there, or without it",
};

/**
 * Returns the cause that a proof was found for; `unknown_key` if no known key signed this in any likely way; null for a
 * reason that says all there is. `now` in unix seconds.
 */
export async function diagnose(
  request: SignedRequest,
  reason: RejectReason,
  { suspects, now }: { suspects: Suspects; now: number },
): Promise<Diagnosis | null> {
  if (!INCOMPLETE.has(reason) && !PROVABLE.has(reason)) return null;
  if (suspects.others.concat({ name: "", ...suspects }).some(({ scheme }) => isCrowded(scheme, request)))
    return CROWDED;
  const misplaced = reason.startsWith("token_") ? misplacedToken(request, suspects.secrets) : null;
  if (misplaced !== null) return misplaced;
  const work = new Work(KEY_UNITS);
  if (INCOMPLETE.has(reason)) return otherSource(request, suspects, { at: now, work });
  const { scheme, secrets } = suspects;
  const trial = { request, scheme, secrets };
  const late = reason === "timestamp_too_old" || reason === "timestamp_too_new";
  const large = request.body.byteLength > LARGE_BODY_BYTES;
  if (large && !late) return TOO_LARGE;
  const first = new Work(large ? AGE_UNITS : WORK_UNITS - KEY_UNITS);
  // A time in a body counts as late only after the body was proven.
  const signedAt = late ? (scheme.timestampOf?.(request) ?? null) : claimedTime(trial, first);
  // Only the signature counts from here on: a request may be both changed and late.
  const at = signedAt ?? now;
  if (late && (await verifies(trial, { at, work: first }))) return ageOf({ at, now });
  if (late && first.exhausted) return TOO_LARGE_AT_ALL;
  if (large) return TOO_LARGE;
  const terms = { at, work };
  const packed = scheme.verification === "verified" ? await inflated(request, first) : "none";
  const keyed =
    (await beforeCompression(trial, packed, { at, work: first })) ??
    (await otherQuery(trial, { at, work: first })) ??
    (await otherEncoding(trial, terms)) ??
    (await otherOrder(trial, { at, work: first })) ??
    (await otherUrl(trial, terms)) ??
    (await otherSecret(request, suspects, terms)) ??
    (await otherSource(request, suspects, { at: now, work }));
  const rest = new Work(first.left + work.left);
  const found = keyed ?? (await changedBody(trial, { at, work: rest }));
  if (found === null && packed === "untried") return COMPRESSION_UNTRIED;
  if (found === null) return [first, work, rest].some(({ exhausted }) => exhausted) ? PARTLY_TRIED : UNKNOWN_KEY;
  return Math.abs(now - at) > TOLERANCE_SECONDS ? { ...found, text: `${found.text}, and ${ageText(now - at)}` } : found;
}

const UNKNOWN_KEY: Diagnosis = {
  code: "unknown_key",
  text: "no known key signed this request, nor any likely original of it",
};
const PARTLY_TRIED: Diagnosis = {
  code: "partly_tried",
  text: "no known key signed this request, nor its likeliest originals; anything less likely was not tried",
};
const COMPRESSION_UNTRIED: Diagnosis = {
  code: "partly_tried",
  text: "no known key signed this request as it arrived; the body is compressed, and its original was not tried",
};

const TOO_LARGE: Diagnosis = {
  code: "not_examined",
  text: "not genuine as it arrived, and too large to examine further",
};
const TOO_LARGE_AT_ALL: Diagnosis = { code: "not_examined", text: "too large to examine" };
const CROWDED: Diagnosis = { code: "not_examined", text: "too many signatures to examine" };

function isCrowded(scheme: Scheme, { headers }: SignedRequest): boolean {
  return signatureLength(scheme, headers) > MAX_SIGNATURE_LENGTH;
}

function ageOf({ at, now }: { at: number; now: number }): Diagnosis {
  return { code: now > at ? "stale" : "early", text: `genuine, ${ageText(now - at)}` };
}

function ageText(seconds: number): string {
  return seconds >= 0 ? `${seconds} s old` : `${-seconds} s ahead of our clock`;
}

async function beforeCompression(
  { request, ...trial }: Trial,
  packed: Awaited<ReturnType<typeof inflated>>,
  terms: TrialTerms,
): Promise<Diagnosis | null> {
  if (typeof packed === "string") return null;
  const proven = await verifies({ ...trial, request: { ...request, body: packed } }, terms);
  return proven ? { code: "body_compressed", text: BODY_TEXTS.compressed } : null;
}

/** The one variant that costs no more for a longer body. */
const NO_BODY = [{ change: "not_signed", body: new Uint8Array() }] as const;

async function changedBody({ request, ...trial }: Trial, terms: TrialTerms): Promise<Diagnosis | null> {
  // A token says nothing about a body.
  if (trial.scheme.verification !== "verified") return null;
  // A likely variant is about as long as the body. Where a trial of that costs too much, none is made.
  const variants = canBeTried({ request, ...trial }, terms) ? bodyVariants(request.body, terms.work) : NO_BODY;
  for (const { change, body } of variants) {
    if (await verifies({ ...trial, request: { ...request, body } }, terms)) {
      return { code: `body_${change}`, text: BODY_TEXTS[change] };
    }
  }
  return null;
}

/** Tries the other sources: the request may have been sent to the wrong URL. */
async function otherSource(
  request: SignedRequest,
  suspects: Suspects,
  { at: now, work }: TrialTerms,
): Promise<Diagnosis | null> {
  for (const { name, scheme, secrets } of suspects.others.slice(0, MAX_OTHERS)) {
    // The secrets of sources with the same scheme were tried before.
    if (scheme === suspects.scheme || !isMeant(scheme, request)) continue;
    const at = claimedTime({ scheme, request }, work) ?? now;
    if (await verifies({ request, scheme, secrets }, { at, work })) {
      return { code: "other_source", text: `genuine for the source ${name}: it was sent to another source's URL` };
    }
  }
  return null;
}

/** Tells whether a request has a header that the scheme looks for. */
function isMeant({ signatureHeaders = [], secretHeaders = [] }: Scheme, { headers }: SignedRequest): boolean {
  return [...signatureHeaders, ...secretHeaders].some((name) => headers.has(name));
}

import type { RejectReason } from "../../verify/schemes/reasons.ts";
import { TOLERANCE_SECONDS } from "../../verify/schemes/rules.ts";
import type { Scheme, SignedRequest } from "../../verify/schemes/scheme.ts";
import { bodyVariants } from "./body-variants.ts";
import type { BodyChange, Diagnosis, Suspects } from "./diagnosis.ts";
import {
  encodingOf,
  MAX_OTHERS,
  secretOf,
  signatureLength,
  type Terms,
  type Trial,
  timeOf,
  urlOf,
  verifies,
} from "./trials.ts";
import { Work } from "./work.ts";

/**
 * Why a request was refused, by proof: it is verified again with one likely thing changed back, and what then
 * verifies is what was wrong. No clock and no storage; a secret or a signature never stands in what it says.
 */

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

/** Of one diagnosis: what keeps it under a millisecond, as `npm run bench diagnosis` shows. */
const WORK_UNITS = 620;
/** As much of it goes to other keys and sources at most: however many there are, bodies are looked at too. */
const KEY_UNITS = 200;
/** A larger body is only looked at for its age, within as much work: each trial hashes all of it. */
const LARGE_BODY_BYTES = 64 * 1024;
const AGE_UNITS = 900;
/** Every trial looks at each signature that the header holds; more than a sender has keys are a burden. */
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
  const work = new Work(KEY_UNITS);
  if (INCOMPLETE.has(reason)) return otherSource(request, suspects, { at: now, work });
  const { scheme, secrets } = suspects;
  const trial = { request, scheme, secrets };
  const late = reason === "timestamp_too_old" || reason === "timestamp_too_new";
  const large = request.body.byteLength > LARGE_BODY_BYTES;
  if (large && !late) return TOO_LARGE;
  const first = new Work(large ? AGE_UNITS : WORK_UNITS - KEY_UNITS);
  // A time in a body is refused only once the body is proven.
  const signedAt = late ? (scheme.timestampOf?.(request) ?? null) : timeOf(trial, first);
  // From here on only the signature counts: a request may be both changed and late.
  const at = signedAt ?? now;
  if (late && (await verifies(trial, { at, work: first }))) return ageOf({ at, now });
  if (late && first.exhausted) return TOO_LARGE_AT_ALL;
  if (large) return TOO_LARGE;
  const terms = { at, work };
  const keyed =
    (await encodingOf(trial, terms)) ??
    (await urlOf(trial, terms)) ??
    (await secretOf(request, suspects, terms)) ??
    (await otherSource(request, suspects, { at: now, work }));
  const rest = new Work(first.left + work.left);
  const found = keyed ?? (await bodyOf(trial, { at, work: rest }));
  if (found === null) return [first, work, rest].some(({ exhausted }) => exhausted) ? NOT_ALL : UNKNOWN;
  return Math.abs(now - at) > TOLERANCE_SECONDS ? { ...found, text: `${found.text}, and ${ageText(now - at)}` } : found;
}

const UNKNOWN: Diagnosis = {
  code: "unknown_key",
  text: "no known key signed this, nor anything that it is likely to have been",
};
const NOT_ALL: Diagnosis = {
  code: "unknown_key",
  text: "no known key signed this, nor what it is likeliest to have been; what is less likely was not tried",
};

const TOO_LARGE: Diagnosis = { code: "not_examined", text: "not genuine as it is, and too large to examine further" };
const TOO_LARGE_AT_ALL: Diagnosis = { code: "not_examined", text: "too large to examine" };
const CROWDED: Diagnosis = { code: "not_examined", text: "it holds more signatures than are worth examining" };

function isCrowded(scheme: Scheme, { headers }: SignedRequest): boolean {
  return signatureLength(scheme, headers) > MAX_SIGNATURE_LENGTH;
}

function ageOf({ at, now }: { at: number; now: number }): Diagnosis {
  return { code: now > at ? "stale" : "early", text: `genuine, ${ageText(now - at)}` };
}

function ageText(seconds: number): string {
  return seconds >= 0 ? `${seconds} s old` : `${-seconds} s ahead of our clock`;
}

async function bodyOf({ request, ...trial }: Trial, terms: Terms): Promise<Diagnosis | null> {
  // A token says nothing about a body.
  if (trial.scheme.verification !== "verified") return null;
  for (const { change, body } of bodyVariants(request.body, terms.work)) {
    if (await verifies({ ...trial, request: { ...request, body } }, terms)) {
      return { code: `body_${change}`, text: BODY_TEXTS[change] };
    }
  }
  return null;
}

/** Sent to the wrong one of our URLs. */
async function otherSource(
  request: SignedRequest,
  suspects: Suspects,
  { at: now, work }: Terms,
): Promise<Diagnosis | null> {
  for (const { name, scheme, secrets } of suspects.others.slice(0, MAX_OTHERS)) {
    // With the scheme that it came to, its secrets were tried.
    if (scheme === suspects.scheme || !isMeant(scheme, request)) continue;
    const at = timeOf({ scheme, request }, work) ?? now;
    if (await verifies({ request, scheme, secrets }, { at, work })) {
      return { code: "other_source", text: `genuine for the source ${name}: it was sent to another source's URL` };
    }
  }
  return null;
}

/** Whether it has what that scheme looks for. */
function isMeant({ signatureHeaders = [], secretHeaders = [] }: Scheme, { headers }: SignedRequest): boolean {
  return [...signatureHeaders, ...secretHeaders].some((name) => headers.has(name));
}

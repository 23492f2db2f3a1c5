import { logEvent } from "../../../shared/log-event.ts";
import { RateLimiter } from "../../../shared/rate-limiter.ts";
import type { Config } from "../config.ts";
import { type HeaderList, MASK, maskedHeaders } from "../event/headers.ts";

import type { Env } from "../log/env.ts";
import { inboxOf } from "../log/logs.ts";
import { diagnose } from "../rejected/diagnosis/diagnose.ts";
import { type Diagnosis, NOT_EXAMINED, type Suspects } from "../rejected/diagnosis/diagnosis.ts";
import type { Rejection } from "../rejected/rejections.ts";
import { fingerprintOf } from "../verify/fingerprint.ts";
import type { QuestionReason, RejectReason } from "../verify/schemes/reasons.ts";
import type { SignedRequest } from "../verify/schemes/scheme.ts";
import { faultOf } from "../verify/source-fault.ts";
import { type Source, signedRequest } from "../verify/verify.ts";

/**
 * Tells the log what was refused, after the answer has gone out. Of a flood only a few a second are told and
 * fewer examined, so that refusing costs no more than verifying did; the others are counted.
 */

/** A second, of one source in one isolate. */
const told = new RateLimiter(5, 1000);
const examined = new RateLimiter(3, 1000);
/** Refused since the last that was told, by source. */
const unseen = new Map<string, number>();

const MAX_HEADERS = 64;
const MAX_VALUE = 1024;
/** Of all headers together: a hundred of each of many sources must fit the object's memory and one answer. */
const MAX_TOTAL = 4096;
/** More than any provider's question has: each is looked for in every header. */
const MAX_TOKENS = 8;
/** What people put tokens into besides what every source masks. */
const SECRET_NAME = /token|secret|api[-_]?key|access-key|functions-key|passw|credential|session|auth|jwt/;

export type Refused = { source: Source; request: SignedRequest; reason: Rejection["reason"]; bytes: number | null };

/** Never rejects. `now` in unix milliseconds. */
export async function reportRejection(env: Env, config: Config, refused: Refused, now: number): Promise<void> {
  const { source, request, reason, bytes } = refused;
  if (told.count(source.name, now) !== null) {
    unseen.set(source.name, (unseen.get(source.name) ?? 0) + 1);
    return;
  }
  const others = unseen.get(source.name) ?? 0;
  unseen.delete(source.name);
  try {
    const diagnosis = await diagnosisOf(config, refused, now);
    const masked = maskedHeaders(request.headers, secretNames(source, request.headers));
    const headers = shortened(isQuestion(reason) ? withoutTokens(masked, request.url) : masked);
    const rejection: Rejection = { at: now, source: source.name, reason, diagnosis, headers, bytes };
    const kept = await keep(env, { rejection, source, unseen: others });
    logEvent("webhook.refused", { source: source.name, reason, diagnosis: kept?.text ?? null, unseen: others });
  } catch (error) {
    logEvent("rejection.not_kept", { source: source.name, error: String(error) });
  }
}

type Keeping = { rejection: Rejection; source: Source; unseen: number };

/** The diagnosis, with what the log's history adds to it, or as it is when the log does not answer. */
async function keep(env: Env, { rejection, source, unseen }: Keeping): Promise<Diagnosis | null> {
  try {
    const fingerprint = await fingerprintOf(source);
    return await inboxOf(env, source.log).reject(rejection, { unseen, fingerprint });
  } catch (error) {
    logEvent("rejection.not_kept", { source: source.name, error: String(error) });
    return rejection.diagnosis;
  }
}

async function diagnosisOf(
  config: Config,
  { source, request, reason }: Refused,
  now: number,
): Promise<Diagnosis | null> {
  if (reason === "configuration_error")
    return { code: "configuration_error", text: (await faultOf(source)) ?? "a secret is unusable" };
  if (reason === "body_too_large" || isQuestion(reason)) return null;
  if (examined.count(source.name, now) !== null) return NOT_EXAMINED;
  return diagnose(signedRequest(source, request), reason satisfies RejectReason, {
    suspects: suspectsOf(config, source),
    now: Math.floor(now / 1000),
  });
}

function isQuestion(reason: Rejection["reason"]): reason is QuestionReason {
  return reason.startsWith("question_");
}

function suspectsOf({ sources }: Config, { name, scheme, secrets }: Source): Suspects {
  return {
    scheme,
    secrets,
    others: [...sources.values()].filter((other) => other.name !== name && other.fault === null),
  };
}

function secretNames({ scheme }: Source, headers: Headers): string[] {
  return [...(scheme.secretHeaders ?? []), ...[...headers.keys()].filter((name) => SECRET_NAME.test(name))];
}

/**
 * A question's token stands in its query, which a proxy may have repeated in a header. In one pass: a token may be a
 * part of the mask, and each pass would then find more of it than the one before.
 */
function withoutTokens(headers: HeaderList, url: string): HeaderList {
  const values = new URL(url).search
    .slice(1)
    .split("&")
    .flatMap((pair) => {
      const equals = pair.indexOf("=");
      const value = pair.slice(equals + 1);
      return equals > 0 && SECRET_NAME.test(pair.slice(0, equals)) ? [value, formText(value)] : [];
    });
  // The longest first: one may begin with another.
  const tokens = [...new Set(values)].filter((value) => value !== "").sort((a, b) => b.length - a.length);
  if (tokens.length === 0) return headers;
  if (tokens.length > MAX_TOKENS) return headers.map(([name]) => [name, MASK]);
  const any = new RegExp(tokens.map(asPattern).join("|"), "g");
  return headers.map(([name, value]) => [name, value.replace(any, MASK)]);
}

function asPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

/** What a form's value stands for. */
function formText(value: string): string {
  return new URLSearchParams(`v=${value}`).get("v") ?? "";
}

/** Someone who is refused decides how long these are. */
function shortened(headers: HeaderList): HeaderList {
  const kept: HeaderList = [];
  let length = 0;
  for (const [name, value] of headers.slice(0, MAX_HEADERS)) {
    const cut = value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}… (${value.length} characters)` : value;
    length += name.length + cut.length;
    if (length > MAX_TOTAL) break;
    kept.push([name, cut]);
  }
  return kept;
}

import { RateLimiter } from "../../../shared/rate-limiter.ts";
import { queryOf } from "../event/masking.ts";
import type { HandshakeReason } from "../verify/schemes/rules.ts";
import type { SignedRequest } from "../verify/schemes/scheme.ts";
import type { Source } from "../verify/source.ts";
import { faultOf } from "../verify/source-fault.ts";
import { signedRequest } from "../verify/verify.ts";
import { diagnose } from "./diagnosis/diagnose.ts";
import { type Diagnosis, NOT_EXAMINED, type Suspects } from "./diagnosis/diagnosis.ts";
import { rejectedHeaders } from "./headers.ts";
import type { Rejection } from "./rejections.ts";

/** Turns a rejected request into the rejection that its log keeps: with a diagnosis, and without secrets. No storage. */

/** A request that was not accepted. `bytes`: the body's length, null if it was not read to its end. */
export type UnacceptedRequest = {
  source: Source;
  request: SignedRequest;
  reason: Rejection["reason"];
  bytes: number | null;
};

type SourceMap = ReadonlyMap<string, Source>;

/** Requests of one source in one isolate that are examined in a second: a flood must cost no more than verifying it. */
const examined = new RateLimiter(3, 1000);

/** Returns the rejection; `now` in unix milliseconds. */
export async function examine(rejected: UnacceptedRequest, sources: SourceMap, now: number): Promise<Rejection> {
  const { source, request, reason, bytes } = rejected;
  const diagnosis = await diagnosisOf(rejected, sources, now);
  const headers = rejectedHeaders(source, request.headers, queryOf(request.url));
  return { at: now, source: source.name, reason, diagnosis, headers, bytes };
}

async function diagnosisOf(
  { source, request, reason }: UnacceptedRequest,
  sources: SourceMap,
  now: number,
): Promise<Diagnosis | null> {
  if (reason === "configuration_error")
    return { code: "configuration_error", text: (await faultOf(source)) ?? "a secret is unusable" };
  if (reason === "body_too_large" || reason === "body_timeout" || isHandshakeReason(reason)) return null;
  if (examined.count(source.name, now) !== null) return NOT_EXAMINED;
  return diagnose(signedRequest(source, request), reason, {
    suspects: suspectsOf(source, sources),
    now: Math.floor(now / 1000),
  });
}

function isHandshakeReason(reason: Rejection["reason"]): reason is HandshakeReason {
  return reason.startsWith("question_");
}

function suspectsOf({ name, scheme, secrets }: Source, sources: SourceMap): Suspects {
  const others = [...sources.values()].filter((other) => other.name !== name && other.fault === null);
  return { scheme, secrets, others };
}

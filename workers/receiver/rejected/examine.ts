import { RateLimiter } from "../../../shared/rate-limiter.ts";
import type { SecretPlaces } from "../event/masking.ts";
import type { HandshakeReason } from "../verify/schemes/rules.ts";
import type { SignedRequest } from "../verify/schemes/scheme.ts";
import type { Source } from "../verify/source.ts";
import { faultOf } from "../verify/source-fault.ts";
import { signedRequest } from "../verify/verify.ts";
import { diagnose } from "./diagnosis/diagnose.ts";
import { type Diagnosis, NOT_EXAMINED, type Suspects } from "./diagnosis/diagnosis.ts";
import { tokenPlace } from "./diagnosis/token-place.ts";
import { rejectedHead } from "./headers.ts";
import { type Rejection, UNREAD_REASONS, type UnacceptedRequest, type UnreadReason } from "./rejection.ts";

/** Turns a rejected request into the rejection that its log keeps: with a diagnosis, and without secrets. No storage. */

type SourceMap = ReadonlyMap<string, Source>;

/** Requests of one source in one isolate that are examined in a second: a flood must cost no more than verifying it. */
const examined = new RateLimiter(3, 1000);

/** Returns the rejection; `now` in unix milliseconds. */
export async function examine(rejected: UnacceptedRequest, sources: SourceMap, now: number): Promise<Rejection> {
  const { source, request, reason, bytes } = rejected;
  const diagnosis =
    source === null ? otherName(request, sources) : await diagnosisOf({ ...rejected, source }, sources, now);
  // A token in the wrong place is as secret as in the right one.
  const misplaced = source !== null && reason.startsWith("token_") ? tokenPlace(request, source.secrets) : null;
  const head = rejectedHead(request, misplaced === null ? source?.scheme : placesOfBoth(source?.scheme, misplaced));
  return { ...head, at: now, source: source?.name ?? null, reason, diagnosis, bytes };
}

function placesOfBoth({ secretHeaders = [], secretParameters = [] }: SecretPlaces = {}, more: Required<SecretPlaces>) {
  return {
    secretHeaders: [...secretHeaders, ...more.secretHeaders],
    secretParameters: [...secretParameters, ...more.secretParameters],
  };
}

/** Returns the source whose name the path has in other letters; null if there is none. */
function otherName({ url }: SignedRequest, sources: SourceMap): Diagnosis | null {
  const asked = /\/webhook\/([^/?]+)\/?(?:\?|$)/.exec(url)?.[1] ?? "";
  const name = [...sources.keys()].find((each) => each !== asked && each === asked.toLowerCase());
  return name === undefined ? null : { code: "other_name", text: `the source is called ${name}, in lower case` };
}

async function diagnosisOf(
  { source, request, reason }: UnacceptedRequest & { source: Source },
  sources: SourceMap,
  now: number,
): Promise<Diagnosis | null> {
  if (reason === "configuration_error")
    return { code: "configuration_error", text: (await faultOf(source)) ?? "a secret is unusable" };
  if (isUnread(reason) || isHandshakeReason(reason)) return null;
  if (examined.count(source.name, now) !== null) return NOT_EXAMINED;
  return diagnose(signedRequest(source, request), reason, {
    suspects: suspectsOf(source, sources),
    now: Math.floor(now / 1000),
  });
}

function isUnread(reason: Rejection["reason"]): reason is UnreadReason {
  return (UNREAD_REASONS as readonly string[]).includes(reason);
}

function isHandshakeReason(reason: Rejection["reason"]): reason is HandshakeReason {
  return reason.startsWith("question_");
}

function suspectsOf({ name, scheme, secrets }: Source, sources: SourceMap): Suspects {
  const others = [...sources.values()].filter((other) => other.name !== name && other.fault === null);
  return { scheme, secrets, others };
}

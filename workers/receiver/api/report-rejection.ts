import { networkOf } from "../../../shared/auth/client-network.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { RateLimiter } from "../../../shared/rate-limiter.ts";
import { type Env, inboxOf } from "../log/logs.ts";
import type { Diagnosis } from "../rejected/diagnosis/diagnosis.ts";
import { examine } from "../rejected/examine.ts";
import { originalOf } from "../rejected/original.ts";
import type { Rejection, UnacceptedRequest } from "../rejected/rejection.ts";
import { NO_SOURCE } from "../rejected/rejections.ts";
import { DEFAULT_LOG, type Source } from "../verify/source.ts";
import { fingerprintOf } from "../verify/verify.ts";

/**
 * Reports a rejected request to its log, after the answer has gone out: `rejected/examine.ts` finds the cause, the Inbox
 * adds what the log's history tells (`rejected/history.ts`) and keeps it (`rejected/rejections.ts`). Of a flood only a
 * few a second are reported, and the others are counted.
 */

/** Rejections of one source in one isolate that are reported in a second: of one client, and in all. */
const reported = new RateLimiter(5, 1000);
const reportedInAll = new RateLimiter(20, 1000);
/** Rejections since the last one that was reported, by source. */
const unreported = new Map<string, number>();

/** Reports a rejection. The promise never rejects; `now` in unix milliseconds. */
export async function reportRejection(
  env: Env,
  sources: ReadonlyMap<string, Source>,
  rejected: UnacceptedRequest,
  now: number,
): Promise<void> {
  const { source, reason } = rejected;
  const name = source?.name ?? NO_SOURCE;
  const client = networkOf(rejected.request.headers.get("cf-connecting-ip") ?? "");
  if (reported.count(`${name} ${client}`, now) !== null || reportedInAll.count(name, now) !== null) {
    unreported.set(name, (unreported.get(name) ?? 0) + 1);
    return;
  }
  const unseen = unreported.get(name) ?? 0;
  unreported.delete(name);
  try {
    const rejection = await examine(rejected, sources, now);
    const diagnosis = await keepRejection(env, rejected, rejection, unseen);
    logEvent("webhook.refused", { source: source?.name ?? null, reason, diagnosis: diagnosis?.text ?? null, unseen });
  } catch (error) {
    logEvent("rejection.not_kept", { source: source?.name ?? null, error: String(error) });
  }
}

/** Returns the diagnosis, with what the log's history adds to it, or as it was when the log does not answer. */
async function keepRejection(
  env: Env,
  rejected: UnacceptedRequest,
  rejection: Rejection,
  unseen: number,
): Promise<Diagnosis | null> {
  const { source } = rejected;
  try {
    const original = originalOf(rejected);
    const fingerprint = source && (await fingerprintOf(source));
    return await inboxOf(env, source?.log ?? DEFAULT_LOG).reject(rejection, { unseen, fingerprint, original });
  } catch (error) {
    logEvent("rejection.not_kept", { source: source?.name ?? null, error: String(error) });
    return rejection.diagnosis;
  }
}

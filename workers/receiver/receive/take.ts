import type { Bytes } from "../../../shared/bytes.ts";
import { ConfigError } from "../../../shared/config.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import { dedupKeyOfTaken } from "../event/arrival.ts";
import { type Env, readLog } from "../log/logs.ts";
import type { Diagnosis } from "../rejected/diagnosis/diagnosis.ts";
import { examine } from "../rejected/examine.ts";
import { requestOf } from "../rejected/original.ts";
import type { Rejection } from "../rejected/rejection.ts";
import type { KeptRejection, TakenAs } from "../rejected/rejections.ts";
import { answerHandshake } from "../verify/handshake.ts";
import type { SignedRequest } from "../verify/schemes/scheme.ts";
import type { Source } from "../verify/source.ts";
import { verifyFrom } from "../verify/verify.ts";
import { arrivalOf, storeArrival, type VerifiedRequest } from "./store.ts";

/** Takes in a rejected request once the cause is mended: it is verified again, and logged like any other. */

/** The event that the request became; `duplicate`: the log had it already. */
export type Taken = TakenAs & { duplicate: boolean };

/**
 * Verifies a rejected request of `log` with the configuration of now, as of the moment it came in, and logs it once.
 *
 * @throws Problem `not_found` when it is not kept, `still_rejected` with the reason, and those of `storeArrival`.
 */
export async function takeIn(env: Env, log: string | null, id: string): Promise<Taken> {
  const kept = (await readLog(env, log, ({ inbox }) => inbox.rejected(id))) as KeptRejection | null;
  if (kept?.taken) return { ...kept.taken, duplicate: true };
  if (kept === null || kept.original === null) throw notKept(kept);
  const { source, verified } = await verifyAgain(env, kept, requestOf(kept.original));
  const arrival = await arrivalOf(source, verified);
  const dedupKey = arrival.dedupKey ?? (await dedupKeyOfTaken(id));
  const { seq, duplicate } = await storeArrival(env, source, { ...arrival, dedupKey });
  logEvent("rejection.taken", { id, log: source.log, seq, duplicate });
  const taken = { log: source.log, seq };
  // The event is logged, and its key keeps it from being logged again: a lost note does no harm.
  await readLog(env, log, ({ inbox }) => inbox.noteTaken(id, taken)).catch((error: unknown) =>
    logEvent("rejection.not_noted", { id, error: String(error) }),
  );
  return { ...taken, duplicate };
}

function notKept(kept: KeptRejection | null): Problem {
  const detail =
    kept === null
      ? "The log keeps no such rejected request."
      : "Only why it was rejected is kept. Requests are kept for a day, if they were read and are not too long.";
  return new Problem("not_found", detail);
}

/** Returns the request once its source accepts it. @throws Problem `still_rejected` */
async function verifyAgain(
  env: Env,
  { source: name, at, bytes }: KeptRejection,
  request: SignedRequest & { body: Bytes },
): Promise<{ source: Source; verified: VerifiedRequest }> {
  const { sources } = configOf(env);
  const source = sources.get(name ?? "");
  if (source === undefined) throw stillRejected("unknown_source", null);
  const rejected = async (reason: Rejection["reason"]) => {
    const { diagnosis } = await examine({ source, request, reason, bytes }, sources, at);
    return stillRejected(reason, diagnosis);
  };
  const verdict = await verifyFrom(source, request, Math.floor(at / 1000)).catch((error: unknown) => {
    if (error instanceof ConfigError) return { ok: false, reason: "configuration_error" } as const;
    throw error;
  });
  if (!verdict.ok) throw await rejected(verdict.reason);
  const handshake = await answerHandshake(source, request, { proven: true });
  if (handshake !== null) throw new Problem("still_rejected", "The request is a handshake, and no event.");
  return { source, verified: { request, verdict } };
}

function stillRejected(reason: Rejection["reason"], diagnosis: Diagnosis | null): Problem {
  const why = diagnosis === null ? "" : ` ${diagnosis.text}.`;
  return new Problem("still_rejected", `Verified again, and still rejected: ${reason}.${why}`, {
    extra: { reason, diagnosis },
  });
}

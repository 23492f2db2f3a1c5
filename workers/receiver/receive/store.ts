import type { Bytes } from "../../../shared/bytes.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type Arrival, dedupKeyOf } from "../event/arrival.ts";
import { typeIn, typeOf } from "../event/event-type.ts";
import { maskedHeaders, withAnswered } from "../event/headers.ts";
import { queryOf } from "../event/masking.ts";
import { requestLine } from "../event/request-line.ts";
import type { Accepted } from "../inbox/accept.ts";
import { type Env, inboxOf } from "../log/logs.ts";
import { dedupGroundsOf } from "../verify/event-id.ts";
import type { SignedRequest, Verdict } from "../verify/schemes/scheme.ts";
import type { Source } from "../verify/source.ts";
import { fingerprintOf } from "../verify/verify.ts";

/** Stores a verified request in the log of its source. */

/** `lost`: the object restarts within this time; `full`: a flush frees room. Senders have a schedule of their own, too. */
const STORE_AGAIN_SECONDS = { lost: "5", full: "60" };

/** A proven request, and what its scheme read in it. */
export type VerifiedRequest = { request: SignedRequest & { body: Bytes }; verdict: Extract<Verdict, { ok: true }> };

/**
 * Returns a verified request as the Inbox takes it, the secrets of its headers and its query masked. `answered` is the
 * status that a source that tests its sender will answer with: its record says so.
 */
export async function arrivalOf(
  source: Source,
  { request, verdict }: VerifiedRequest,
  answered: number | null = null,
): Promise<Arrival> {
  const { name, scheme, answers } = source;
  const { url, headers, body } = request;
  const grounds = dedupGroundsOf(source, request, verdict);
  const masked = maskedHeaders(headers, queryOf(url), scheme);
  return {
    ...requestLine(request, scheme),
    source: name,
    id: grounds.id,
    type: typeOf(body, scheme.typeField) ?? typeIn(headers, scheme.typeHeader),
    verification: scheme.verification,
    headers: JSON.stringify(answers.test === null ? masked : withAnswered(masked, answered)),
    body,
    dedupKey: source.dedupes ? await dedupKeyOf(grounds) : null,
    fingerprint: await fingerprintOf(source),
  };
}

/**
 * Stores an arrival for good.
 *
 * @throws Problem `storage_full`, or `storage_unavailable`, also when the outcome is unknown: if the event was stored
 * after all, the sender's retry is a duplicate.
 */
export async function storeArrival(
  env: Env,
  source: Source,
  arrival: Arrival,
): Promise<Extract<Accepted, { stored: true }>> {
  let accepted: Accepted;
  try {
    accepted = await inboxOf(env, source.log).accept(arrival);
  } catch (error) {
    accepted = { stored: false, full: false, error: String(error) };
  }
  if (accepted.stored) return accepted;
  logEvent("event.not_stored", { id: arrival.id, source: source.name, error: accepted.error });
  if (accepted.full) {
    throw new Problem("storage_full", "Nothing was stored. Send it again later.", {
      headers: { "retry-after": STORE_AGAIN_SECONDS.full },
    });
  }
  throw new Problem(
    "storage_unavailable",
    "Send it again. If it was stored after all, the repetition is a duplicate.",
    {
      headers: { "retry-after": STORE_AGAIN_SECONDS.lost },
    },
  );
}

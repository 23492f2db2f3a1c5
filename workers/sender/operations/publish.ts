import { toHex, utf8 } from "../../../shared/bytes.ts";
import { Problem } from "../../../shared/http/problem.ts";
import {
  type NewEvent,
  normalizedData,
  type PublishCall,
  type PublishEvent,
  type Published,
  packCall,
} from "../model/event.ts";
import { type Env, outboxOf } from "./env.ts";

/** Publishing, for the API and the dashboard: digests of what may be repeated, and the call on the Outbox. */

/** Returns SHA-256 in hex of the parts that a repeated request must have in common with the first. */
export async function digestOf(parts: readonly (string | number | null)[]): Promise<string> {
  // As JSON: two different lists of parts are never the same text.
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(JSON.stringify(parts)))));
}

/** Without a timestamp the digest is that of the versions that had none: what they took can be repeated. */
function eventDigest({ type, data, deliverAt, timestamp = null }: NewEvent): Promise<string> {
  return digestOf([type, normalizedData(data), deliverAt, ...(timestamp === null ? [] : [timestamp])]);
}

/** Adds digests to the events that may be repeated: those with an id or a `deliverAt`. */
export function withDigests(events: readonly NewEvent[]): Promise<PublishEvent[]> {
  return Promise.all(
    events.map(async (event) => {
      const repeatable = event.id !== null || event.deliverAt !== null;
      return { ...event, digest: repeatable ? await eventDigest(event) : null };
    }),
  );
}

/**
 * Publishes one call; answers when the log has it durably.
 *
 * @throws Problem with the Outbox's refusal; `storage_unavailable` when its answer was lost. The log may then have the
 * events or not: an `id` or an Idempotency-Key makes it safe to repeat the call.
 */
export async function publishTo(env: Env, call: PublishCall): Promise<Published[]> {
  const result = await outboxOf(env)
    .publish(packCall(call))
    .catch((error: unknown) => {
      throw unavailable(error);
    });
  if (result.ok) return result.events;
  const retry = result.code === "storage_full" || result.code === "storage_unavailable";
  throw new Problem(result.code, result.detail, retry ? { headers: { "retry-after": "10" } } : {});
}

function unavailable(error: unknown): Problem {
  const detail =
    "The log did not answer; it may have the event or not. Repeat the request with the same id to be sure.";
  const problem = new Problem("storage_unavailable", detail, { headers: { "retry-after": "1" } });
  problem.cause = error;
  return problem;
}

import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type Env, TENANT } from "../config.ts";
import type { Endpoint } from "../endpoint/endpoint.ts";
import type { PublishCall, Published } from "../outbox/log-writer.ts";
import type { Outbox } from "../outbox/outbox.ts";

export function outboxOf(env: Env): DurableObjectStub<Outbox> {
  return env.OUTBOX.getByName(TENANT);
}

export function endpointOf(env: Env, id: string): DurableObjectStub<Endpoint> {
  return env.ENDPOINT.getByName(`${TENANT}/${id}`);
}

/**
 * Publishes one call and answers when the log has it durably.
 *
 * @throws Problem with the Outbox's refusal; `storage_unavailable` when its answer was lost, the outcome then
 * being unknown: an `id` or an Idempotency-Key makes the repeat safe.
 */
export async function publishTo(env: Env, call: PublishCall): Promise<Published[]> {
  const result = await outboxOf(env)
    .publish(call)
    .catch((error: unknown) => {
      throw unavailable(error);
    });
  if (result.ok) {
    for (const [index, { id, seq }] of result.events.entries()) {
      logEvent("event.published", { id, seq, type: call.events[index]?.type ?? null });
    }
    return result.events;
  }
  const retry = result.code === "storage_full" || result.code === "storage_unavailable";
  throw new Problem(result.code, result.detail, retry ? { headers: { "retry-after": "10" } } : {});
}

function unavailable(error: unknown): Problem {
  const detail = "The log did not answer; whether it has the event is not known. Repeat with the same id to be sure.";
  const problem = new Problem("storage_unavailable", detail, { headers: { "retry-after": "1" } });
  problem.cause = error;
  return problem;
}

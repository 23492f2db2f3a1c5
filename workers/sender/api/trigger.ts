import { readJson } from "../../../shared/http/body.ts";
import { takes } from "../../../shared/http/parameters.ts";
import { Problem } from "../../../shared/http/problem.ts";
import type { FirstOutcome } from "../model/delivery.ts";
import { dataFault, MAX_EVENT_BYTES, typeFault } from "../model/event.ts";
import { VALUE_TYPE, valueData } from "../model/periodic.ts";
import { createApp, type Env, endpointOf, outboxOf } from "../operations/env.ts";
import { publishTo } from "../operations/publish.ts";

/** `GET` or `POST /trigger`: publishes one event and waits for the first attempt at each endpoint. */

/** Endpoints that a trigger waits for: each is a subrequest of it. */
const MAX_WAITED = 50;

type Waited = { endpointId: string; outcome: FirstOutcome };

export const trigger = createApp().on(["GET", "POST"], "/trigger", takes("type"), async (c) => {
  const type = c.req.query("type") ?? VALUE_TYPE;
  const fault = typeFault(type);
  if (fault !== null) throw new Problem("invalid_event", fault);
  const data = (await bodyText(c.req.raw)) ?? valueData(Date.now(), Math.random());
  const event = { type, data, id: null, deliverAt: null, digest: null };
  const [published] = await publishTo(c.env, { events: [event], request: null });
  if (published === undefined || published.seq === null) throw new Error("the Outbox answered without a seq");
  const { waited, total } = await firstOutcomes(c.env, published.seq);
  const delivered = waited.filter(({ outcome }) => outcome.state === "delivered").length;
  const status = delivered === total && total > 0 ? 200 : 202;
  if (c.req.header("accept")?.includes("application/json")) {
    const endpoints = waited.map(({ endpointId, outcome }) => ({ endpointId, ...outcome }));
    return c.json(
      { ...published, endpoints, ...(total > waited.length ? { more: total - waited.length } : {}) },
      status,
    );
  }
  const outcomes = waited.map(({ outcome }) => outcome);
  return c.text(`${sentence(outcomes, total)}\n`, status);
});

/** Returns the text that a person reads after `curl /trigger`; `total`: endpoints that the event is for. */
export function sentence(outcomes: readonly FirstOutcome[], total: number = outcomes.length): string {
  const [only] = outcomes;
  if (only === undefined) return "Webhook stored, no endpoint wants it";
  if (total > 1) {
    const delivered = outcomes.filter(({ state }) => state === "delivered").length;
    return `Webhook sent to ${delivered} of ${total}`;
  }
  if (only.state === "pending") return "Webhook stored, still sending";
  if (only.code !== null) return `Webhook stored, first attempt failed: ${only.code}`;
  return `Webhook sent, status: ${only.status}`;
}

/** Reads the JSON text of a POST's body, as it was written; null when there is none. */
async function bodyText(request: Request): Promise<string | null> {
  if (request.method === "GET" || request.body === null || request.headers.get("content-length") === "0") return null;
  const data = (await readJson(request, MAX_EVENT_BYTES)).text.trim();
  const fault = dataFault(data);
  if (fault !== null) throw new Problem("invalid_event", fault);
  return data;
}

/** Waits for the first attempts at an event; `total` counts also the endpoints that are not waited for. */
async function firstOutcomes(env: Env, seq: number): Promise<{ waited: Waited[]; total: number }> {
  const query = { after: "", limit: MAX_WAITED, waiting: true };
  const { log, ids, total } = await outboxOf(env).recipients(seq, query);
  const waited = await Promise.all(
    ids.map(async (endpointId) => ({
      endpointId,
      outcome: await endpointOf(env, endpointId)
        .firstOutcome(log, seq)
        // The event is in the log and will be delivered; only this answer is lost.
        .catch((): FirstOutcome => ({ state: "pending", status: 0, code: null })),
    })),
  );
  return { waited, total };
}

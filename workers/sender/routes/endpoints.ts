import { Hono } from "hono";
import { methodNotAllowed } from "../../../shared/http.ts";
import { Problem } from "../../../shared/problem.ts";
import type { Delivery, DeliveryState } from "../endpoint-store.ts";
import { type Env, TENANT } from "../env.ts";
import type { EndpointView } from "../outbox.ts";
import { outboxOf } from "./outbox.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
const STATES = new Set<string>(["delivered", "due", "dead", "expired"] satisfies DeliveryState[]);

/** `GET /endpoints` and each endpoint's deliveries, newest first. */
export const endpoints = new Hono<{ Bindings: Env }>()
  .get("/endpoints", async (c) => {
    const views = await outboxOf(c.env).endpoints();
    return c.json({ endpoints: await Promise.all(views.map((view) => describe(c.env, view))), next: null });
  })
  .all("/endpoints", methodNotAllowed("GET"))
  .get("/endpoints/:id/deliveries", async (c) => {
    const id = c.req.param("id");
    if ((await outboxOf(c.env).endpoint(id)) === null) throw new Problem("not_found", `There is no endpoint ${id}.`);
    const limit = wholeNumber("limit", c.req.query("limit"), { min: 1, max: MAX_LIMIT }) ?? DEFAULT_LIMIT;
    const before = wholeNumber("before", c.req.query("before"), { min: 1, max: Number.MAX_SAFE_INTEGER });
    const state = stateOf(c.req.query("state"));
    const found = await env(c.env, id).deliveries({ before, limit, state });
    return c.json({ deliveries: found.map(present), next: found.length < limit ? null : (found.at(-1)?.seq ?? null) });
  })
  .all("/endpoints/:id/deliveries", methodNotAllowed("GET"));

function env(bindings: Env, id: string) {
  return bindings.ENDPOINT.getByName(`${TENANT}/${id}`);
}

async function describe(bindings: Env, { row, acked, head }: EndpointView) {
  const { url, enabled, disabledReason, types, description } = row.config;
  const { floor, idle, retrying, lastOutcome } = await env(bindings, row.id).status();
  const lag = head - (idle ? Math.max(acked, floor) : floor);
  return { id: row.id, url, enabled, disabledReason, types, description, lag, retrying, lastOutcome };
}

function present({ seq, id, type, state, due, attempts }: Delivery) {
  return {
    ...{ seq, id, type, state, nextAttemptAt: isoTime(due) },
    attempts: attempts.map(({ at, ms, status, code, nextAt, response }) => ({
      ...{ at: isoTime(at), status, ms, code, nextAttemptAt: isoTime(nextAt), response },
    })),
  };
}

function isoTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

function stateOf(text: string | undefined): DeliveryState | null {
  if (text === undefined) return null;
  if (!STATES.has(text))
    throw new Problem("invalid_parameter", `state is one of ${[...STATES].join(", ")}, not ${JSON.stringify(text)}.`);
  return text as DeliveryState;
}

function wholeNumber(
  name: string,
  text: string | undefined,
  { min, max }: { min: number; max: number },
): number | null {
  if (text === undefined) return null;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new Problem(
    "invalid_parameter",
    `${name} is a whole number from ${min} to ${max}, not ${JSON.stringify(text)}.`,
  );
}

import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { TENANT, type Vars } from "../config.ts";
import type { Endpoint } from "../endpoint/endpoint.ts";
import type { Outbox } from "../outbox/outbox.ts";

/** The bindings and variables as wrangler.sender.toml declares them, and the stubs of the objects behind them. */

export type Env = Vars & { OUTBOX: DurableObjectNamespace<Outbox>; ENDPOINT: DurableObjectNamespace<Endpoint> };

export type SenderContext = Context<{ Bindings: Env }>;

/** Makes the apps of the routes, which know the bindings. */
export const createApp = () => new Hono<{ Bindings: Env }>();

export function outboxOf(env: Env): DurableObjectStub<Outbox> {
  return env.OUTBOX.getByName(TENANT);
}

export function endpointOf(env: Env, id: string): DurableObjectStub<Endpoint> {
  return env.ENDPOINT.getByName(`${TENANT}/${id}`);
}

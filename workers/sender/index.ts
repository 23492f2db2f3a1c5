import { app } from "./app.ts";
import { type Env, outboxOf } from "./operations/env.ts";

/** The sender's entry: requests, the cron, the couriers, and the classes of its Durable Objects. */

export { Courier } from "./courier/courier.ts";
export { Endpoint } from "./endpoint/endpoint.ts";
export { Outbox } from "./outbox/outbox.ts";

export default {
  fetch: app.fetch,
  scheduled: async ({ scheduledTime }, env) => outboxOf(env).tick(scheduledTime),
} satisfies ExportedHandler<Env>;

import { app } from "./app.ts";
import type { Env } from "./env.ts";
import { outboxOf } from "./routes/outbox.ts";

export { Endpoint } from "./endpoint.ts";
export { Outbox } from "./outbox.ts";

export default {
  fetch: app.fetch,
  scheduled: async ({ scheduledTime }, env) => outboxOf(env).tick(scheduledTime),
} satisfies ExportedHandler<Env>;

import { app } from "./app.ts";
import type { Env } from "./log/logs.ts";

/** Entry of the receiver: the fetch handler and the Durable Object. */

export { Inbox } from "./inbox/inbox.ts";

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;

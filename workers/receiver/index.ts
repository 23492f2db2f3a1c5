import { app } from "./app.ts";
import type { Env } from "./log/env.ts";

export { Inbox } from "./inbox/inbox.ts";

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;

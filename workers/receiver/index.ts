import { app } from "./app.ts";
import type { Env } from "./env.ts";

export { Inbox } from "./inbox.ts";

export default { fetch: app.fetch } satisfies ExportedHandler<Env>;

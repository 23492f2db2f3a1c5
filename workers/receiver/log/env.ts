import type { Vars } from "../config.ts";
import type { Inbox } from "../inbox/inbox.ts";

/** The bindings and variables as wrangler.receiver.toml declares them. */
export type Env = Vars & { INBOX: DurableObjectNamespace<Inbox>; EVENTS: KVNamespace };

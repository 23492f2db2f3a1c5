import type { Context } from "hono";
import { Problem } from "../../../shared/http/problem.ts";
import { type Config, configOf } from "../config.ts";

import type { Inbox } from "../inbox/inbox.ts";
import { DEFAULT_LOG } from "../verify/source.ts";
import { sourceOf } from "../verify/verify.ts";
import type { Env } from "./env.ts";

const TENANT = "default";

/** The logs that sources write to, the default one first. */
export function logsOf({ sources }: Config): readonly string[] {
  return [...new Set([DEFAULT_LOG, ...[...sources.values()].map(({ log }) => log)])];
}

/** The log that a reader names, the default one without a name. @throws Problem `not_found` */
export function logOf(config: Config, name: string | null): string {
  const log = name ?? DEFAULT_LOG;
  // Only configured logs: any other name would make an empty Inbox that nobody asked for.
  if (!logsOf(config).includes(log)) throw new Problem("not_found", `There is no log ${JSON.stringify(log)}.`);
  return log;
}

/** The log that a reader means who names a log, or only a source, whose own it is then. @throws Problem `not_found` */
export function logMeant(config: Config, { log, source }: { log: string | null; source: string | null }): string {
  return logOf(config, log ?? (source === null ? null : (sourceOf(config.sources, source)?.log ?? null)));
}

/** The name of the Inbox that keeps a log, also the prefix of the log's keys in KV. */
export function inboxNameOf(log: string): string {
  return `${TENANT}/${log}`;
}

export function inboxOf(env: Env, log: string): DurableObjectStub<Inbox> {
  return env.INBOX.getByName(inboxNameOf(log));
}

export type LogReader = { inbox: DurableObjectStub<Inbox>; kv: KVNamespace; log: string };

/** The log that `?log=` names. @throws Problem `not_found` */
export function readerOf(c: Context<{ Bindings: Env }>): LogReader {
  const log = logOf(configOf(c.env), c.req.query("log") ?? null);
  return { inbox: inboxOf(c.env, log), kv: c.env.EVENTS, log: inboxNameOf(log) };
}

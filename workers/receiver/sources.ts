import { ConfigError } from "../../shared/config.ts";
import { Problem } from "../../shared/problem.ts";
import type { Config, Env } from "./env.ts";
import type { Inbox } from "./inbox.ts";
import { schemes } from "./schemes/index.ts";
import type { Scheme, SignedRequest, Verdict } from "./schemes/scheme.ts";

/** Who sends to us: how their requests prove it, and which log they enter. */
export type Source = { name: string; scheme: Scheme; secrets: string[]; log: string };

export const DEFAULT_SOURCE = "default";
export const DEFAULT_LOG = "main";
const TENANT = "default";

/** The source of that name, or null. */
export function sourceOf(config: Config, name: string): Source | null {
  if (name !== DEFAULT_SOURCE) return null;
  return { name, scheme: schemes.standard, secrets: config.webhookSecrets, log: DEFAULT_LOG };
}

/**
 * The verdict of the source's scheme; `now` in unix seconds.
 *
 * @throws ConfigError naming the source, when its secrets are unusable.
 */
export async function verifyFrom(source: Source, request: SignedRequest, now: number): Promise<Verdict> {
  try {
    return await source.scheme.verify(request, source.secrets, now);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`source ${source.name}: ${error.message}`);
    throw error;
  }
}

/** The logs that sources write to, the default one first. */
export function logsOf(_config: Config): readonly string[] {
  return [DEFAULT_LOG];
}

/** The log that a reader names, the default one without a name. @throws Problem `not_found` */
export function logOf(config: Config, name: string | null): string {
  const log = name ?? DEFAULT_LOG;
  // Only configured logs: any other name would make an empty Inbox that nobody asked for.
  if (!logsOf(config).includes(log)) throw new Problem("not_found", `There is no log ${JSON.stringify(log)}.`);
  return log;
}

/** The name of the Inbox that keeps a log, also the prefix of the log's keys in KV. */
export function inboxNameOf(log: string): string {
  return `${TENANT}/${log}`;
}

export function inboxOf(env: Env, log: string): DurableObjectStub<Inbox> {
  return env.INBOX.getByName(inboxNameOf(log));
}

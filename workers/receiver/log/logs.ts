import type { Context } from "hono";
import { Hono } from "hono/tiny";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type Config, configOf, type Vars } from "../config.ts";
import type { Inbox } from "../inbox/inbox.ts";
import { DEFAULT_LOG, type Source } from "../verify/source.ts";

/**
 * The logs of this Worker: the bindings that hold them, their names, and the call to a log's Inbox that survives a
 * restart of it. `read.ts` reads what a log holds.
 */

/** Bindings and variables, as wrangler.receiver.toml declares them. */
export type Env = Vars & { INBOX: DurableObjectNamespace<Inbox>; EVENTS: KVNamespace };

export type ReceiverContext = Context<{ Bindings: Env }>;

/** Makes the apps of the routes, which know the bindings. */
export const createApp = () => new Hono<{ Bindings: Env }>();

const TENANT = "default";

/** Headers of a failure that is likely to pass soon. */
export const RETRY_SOON = { "retry-after": "5" };

/** Returns the logs that sources write to, the default one first. */
export function logsOf({ sources }: Config): readonly string[] {
  return [...new Set([DEFAULT_LOG, ...[...sources.values()].map(({ log }) => log)])];
}

/**
 * Returns the log that a reader asks for: the one it names, else its source's own, else the default one.
 *
 * @throws Problem `not_found`
 */
export function logOf(config: Config, name: string | null, source: string | null = null): string {
  const log = name ?? config.sources.get(source ?? "")?.log ?? DEFAULT_LOG;
  // Only configured logs: any other name would make an empty Inbox that nobody asked for.
  if (!logsOf(config).includes(log)) throw new Problem("not_found", `There is no log ${JSON.stringify(log)}.`);
  return log;
}

/** Returns the sources that write to the log called `name` (null: the default one). */
export function sourcesOf({ sources }: Config, name: string | null): readonly Source[] {
  return [...sources.values()].filter(({ log }) => log === (name ?? DEFAULT_LOG));
}

/** Returns the name of the Inbox that keeps a log, which is also the prefix of the log's keys in KV. */
export function inboxNameOf(log: string): string {
  return `${TENANT}/${log}`;
}

/** Returns a stub of the Inbox that keeps a log. */
export function inboxOf(env: Env, log: string): DurableObjectStub<Inbox> {
  return env.INBOX.getByName(inboxNameOf(log));
}

/** One log as its readers need it: the Inbox, the KV namespace, and the name that both know the log by. */
export type LogReader = { inbox: DurableObjectStub<Inbox>; kv: KVNamespace; log: string };

/**
 * Reads the log called `name` (null: the default one), a second time if its Inbox restarts meanwhile. `read` changes
 * nothing.
 *
 * @throws Problem `not_found`, `log_unavailable`, and whatever `read` throws.
 */
export async function readLog<Result>(
  env: Env,
  name: string | null,
  read: (reader: LogReader) => Promise<Result>,
): Promise<Result> {
  const log = logOf(configOf(env), name);
  // Each time a stub of its own: a stub stays broken once its object was reset.
  return readAgain(() => read({ inbox: inboxOf(env, log), kv: env.EVENTS, log: inboxNameOf(log) }));
}

/**
 * Calls `read`, and once more if the log's object went away meanwhile: a deploy, a move or a crash fails the call that
 * it interrupts, but the restarted object answers at once. An overloaded object is not asked again.
 *
 * @throws Problem `log_unavailable` when the object is overloaded or the second call is interrupted, too; any other
 * error of `read` at once.
 */
export async function readAgain<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (!isInterruption(error)) throw unavailableOr(error);
    logEvent("log.read_again", { error: String(error) });
  }
  return read().catch((error: unknown) => {
    throw unavailableOr(error);
  });
}

type PlatformError = Error & { durableObjectReset?: boolean; retryable?: boolean; overloaded?: boolean };

/** Returns a Problem for an object that cannot answer now, and any other error as it is. */
function unavailableOr(error: unknown): unknown {
  if (isDamage(error)) {
    logEvent("log.unread", { error: String(error) });
    return new Problem("log_unavailable", "The storage of this log could not be read; the Worker's log says why.");
  }
  if (!isInterruption(error) && !isOverload(error)) return error;
  return new Problem("log_unavailable", "The log's object was restarted or is overloaded. Ask again.", {
    headers: RETRY_SOON,
  });
}

/** Tells whether the platform marked a failed call as the failure of its object, not of the object's own code. */
function isInterruption(error: unknown): boolean {
  if (!(error instanceof Error) || isOverload(error)) return false;
  const { durableObjectReset, retryable }: PlatformError = error;
  return durableObjectReset === true || retryable === true;
}

/** Recognises an error of the object's storage, which has kept the object from its start. */
function isDamage(error: unknown): boolean {
  return error instanceof Error && error.message.includes("SQLITE_");
}

function isOverload(error: unknown): boolean {
  return error instanceof Error && (error as PlatformError).overloaded === true;
}

import { Hono } from "hono";
import { Problem, problemOf } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { configOf } from "../config.ts";
import type { Env } from "../log/env.ts";
import { inboxOf, logOf } from "../log/logs.ts";

const PARAMETERS = ["source", "log"];

export const clear = new Hono<{ Bindings: Env }>();

/**
 * Clears what is in the log now: of one source, or all of it. Answers what that hid, and what KV keeps of it for
 * a while; a source that is no longer configured may still have events.
 *
 * @throws Problem `invalid_parameter` or `not_found`: what is misspelt must not clear the whole log.
 */
clear.delete("/", async (c) => {
  const parameters = new URL(c.req.url).searchParams;
  for (const name of parameters.keys()) {
    const known = PARAMETERS.includes(name) && parameters.getAll(name).length === 1 && parameters.get(name) !== "";
    if (!known) throw new Problem("invalid_parameter", `\`${name}\` is unknown, empty or given twice.`);
  }
  const log = logOf(configOf(c.env), parameters.get("log"));
  const source = parameters.get("source");
  const result = await inboxOf(c.env, log).clear(source).catch(refused);
  logEvent("log.cleared", { log, source, ...result });
  return c.json(result);
});

function refused(error: Error): never {
  logEvent("log.not_cleared", { error: String(error) });
  throw problemOf(error) ?? new Problem("log_unavailable", "It is not known whether anything was cleared; try again.");
}

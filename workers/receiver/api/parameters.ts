import type { Context } from "hono";
import { Problem } from "../../../shared/http/problem.ts";
import { configOf, type Env } from "../config.ts";
import type { LogReader } from "../log/read.ts";
import { inboxNameOf, inboxOf, logOf } from "../verify/verify.ts";

/** What the routes that read a log take from a query string. */

// Decimal and exact as a JavaScript number; 0 stands before the first event.
const NUMBER = /^(0|[1-9]\d{0,14})$/;

/** @throws Problem `invalid_parameter`: a parameter that is not understood is not ignored. */
export function checkParameters(parameters: URLSearchParams, known: readonly string[]): void {
  for (const name of parameters.keys()) {
    if (known.includes(name) && parameters.getAll(name).length === 1) continue;
    throw new Problem("invalid_parameter", `\`${name}\` is unknown or given twice; known are ${known.join(", ")}.`);
  }
}

/** A plain decimal number, or null for any other text. */
export function numberOf(text: string): number | null {
  return NUMBER.test(text) ? Number(text) : null;
}

/** @throws Problem `invalid_cursor` */
export function cursorOf(text: string | null): number | null {
  if (text === null) return null;
  const seq = numberOf(text);
  if (seq === null) throw new Problem("invalid_cursor", "A cursor is a `seq` or a page's `next`: a decimal number.");
  return seq;
}

/** The log that `?log=` names. @throws Problem `not_found` */
export function readerOf(c: Context<{ Bindings: Env }>): LogReader {
  const log = logOf(configOf(c.env), c.req.query("log") ?? null);
  return { inbox: inboxOf(c.env, log), kv: c.env.EVENTS, log: inboxNameOf(log) };
}

import type { Context, Env, Hono, MiddlewareHandler } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { ConfigError } from "../config.ts";
import { logEvent } from "../log-event.ts";
import { Problem, problemResponse } from "./problem.ts";

/** Answers that both Workers give when no handler did: failures, unknown paths and methods, and the headers of all. */

/** The one `onError` of a Worker: answers a Problem as it is, and anything else without its message or stack. */
export function answerError(error: Error, c: Context): Response {
  if (error instanceof Problem) {
    const { reason } = error.extra;
    const why = typeof reason === "string" ? { reason } : {};
    logEvent("request.refused", { code: error.code, ...why, method: c.req.method, path: c.req.path });
    return problemResponse(error);
  }
  if (error instanceof ConfigError) {
    logEvent("configuration.error", { detail: error.message });
    return problemResponse(new Problem("configuration_error", "The log of this Worker names what is missing."));
  }
  logEvent("request.failed", { method: c.req.method, path: c.req.path, error: String(error.stack ?? error) });
  return problemResponse(new Problem("internal_error", "Nothing was acknowledged; try again."));
}

/** Codes of answers that no handler gave. */
const UNROUTED: Readonly<Record<number, string>> = { 404: "not_found", 405: "method_not_allowed" };

/**
 * Sets headers of every answer; mounted before all routes of a Worker. Many answers repeat what strangers sent, so no
 * browser may guess another type than they have, and no cache keeps an answer that does not say for how long.
 */
export const plainAnswers: MiddlewareHandler = async (c, next) => {
  await next();
  const { headers, status } = c.res;
  const code = c.error === undefined ? UNROUTED[status] : undefined;
  if (code !== undefined) logEvent("request.refused", { code, method: c.req.method, path: c.req.path });
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
};

/** The one `notFound` of a Worker: answers 404. */
export function answerNotFound(c: Context): Response {
  return problemResponse(new Problem("not_found", `There is no route ${c.req.path}.`));
}

/**
 * Answers 405 for a path of `app` that has other methods, and names them (RFC 9110 section 15.5.6); mounted before all
 * routes.
 */
export function answerMethodNotAllowed<E extends Env>(app: Hono<E>): MiddlewareHandler<E> {
  return methodNotAllowed({
    app,
    onMethodNotAllowed: (c, methods) => {
      const allow = methods
        .filter((method) => method !== "HEAD")
        .sort()
        .join(", ");
      return problemResponse(
        new Problem("method_not_allowed", `${c.req.path} takes ${allow}.`, { headers: { allow } }),
      );
    },
  });
}

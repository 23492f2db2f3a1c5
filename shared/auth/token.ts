import type { Context, MiddlewareHandler } from "hono";
import { Problem } from "../http/problem.ts";
import { RateLimiter } from "../rate-limiter.ts";
import { sameText } from "../same-text.ts";
import { networkOf } from "./client-network.ts";
import { isLocalRequest, isVouchedFor } from "./local-request.ts";
import { hasSession } from "./session.ts";

/**
 * The check that stands before every route but the open ones: a bearer token, a session, or a request from this
 * machine.
 */

/**
 * A Worker as the check needs it: its name, its configuration, a clock (unix ms), and the paths that do something even
 * when they are read.
 */
export type GuardedWorker = {
  worker: "sender" | "receiver";
  configOf: (env: unknown) => AuthConfig;
  now: () => number;
  acts?: ReadonlySet<string>;
};
type AuthConfig = { apiToken: string; localDev: boolean };

const SAFE_METHODS = new Set(["GET", "HEAD"]);
const failures = new RateLimiter(10, 60_000);

/**
 * Requires `Authorization: Bearer <API_TOKEN>`, the page's session cookie, or a request from this machine in local
 * development.
 *
 * @throws Problem `token_required` or `token_wrong`, both 401 with `www-authenticate` (RFC 6750 section 3);
 * `too_many_failures` 429 for any token after ten wrong ones from one address in a minute; `cross_site` 403
 */
export function requireToken(guarded: GuardedWorker): MiddlewareHandler {
  return async (c, next) => {
    const { apiToken, localDev } = guarded.configOf(c.env);
    const authorization = c.req.header("authorization");
    if (authorization !== undefined) {
      const problem = await tokenProblem(c, { given: authorization, right: `Bearer ${apiToken}` }, guarded.now);
      if (problem !== null) throw problem;
    } else if (await hasSession(c, { worker: guarded.worker, apiToken, localDev }, guarded.now())) {
      requireSameOrigin(c.req.raw, guarded.acts?.has(c.req.path));
    } else if (
      !(
        localDev &&
        isLocalRequest(c.req.raw, guarded.acts?.has(c.req.path)) &&
        (await isVouchedFor(c.req.raw, apiToken))
      )
    ) {
      throw refusal("token_required", "Send `Authorization: Bearer <API_TOKEN>`, or sign in on the page.");
    }
    await next();
  };
}

/**
 * Compares a token with the right one. Returns the problem; null when they are the same. After ten wrong ones from a
 * client's address, none from there is evaluated for the rest of the minute, so guessing on cannot succeed.
 */
export async function tokenProblem(
  c: Context,
  { given, right }: { given: string; right: string },
  now: () => number,
): Promise<Problem | null> {
  const network = networkOf(c.req.header("cf-connecting-ip") ?? "local");
  const refused = tooManyFailures(network, now());
  if (refused !== null) return refused;
  const isRight = sameText(given, right);
  // Others that came at the same time may have reached the limit meanwhile.
  const late = tooManyFailures(network, now());
  if (late !== null) return late;
  if (isRight) return null;
  failures.count(network, now());
  return refusal("token_wrong", "The token is not this Worker's API_TOKEN.");
}

function tooManyFailures(network: string, now: number): Problem | null {
  const seconds = failures.wait(network, now);
  if (seconds === null) return null;
  const headers = { "retry-after": String(seconds) };
  return new Problem("too_many_failures", "Too many wrong tokens came from this address.", { headers });
}

/**
 * Requires that a request which changes something comes from our own page. The browser adds the cookie by itself, also
 * to requests of other pages on the same site, where SameSite does not help. `acts` says that reading does something too.
 *
 * @throws Problem `cross_site`
 */
export function requireSameOrigin(request: Request, acts = false): void {
  if (SAFE_METHODS.has(request.method) && !acts) return;
  const origin = request.headers.get("origin");
  if (origin !== null && origin === new URL(request.url).origin) return;
  if (origin === null && request.headers.get("sec-fetch-site") === "same-origin") return;
  throw new Problem("cross_site", "This request does not come from this Worker's own page.");
}

function refusal(code: "token_required" | "token_wrong", detail: string): Problem {
  return new Problem(code, detail, { headers: { "www-authenticate": 'Bearer realm="webhooks"' } });
}

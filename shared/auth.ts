import type { MiddlewareHandler } from "hono";
import { utf8 } from "./bytes.ts";
import { Problem } from "./problem.ts";

/** What the check needs of a Worker's configuration. */
export type AuthConfig = { apiToken: string; localDev: boolean };

const LOOPBACK_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * `Authorization: Bearer <API_TOKEN>` on every route behind it, except from this machine in local development.
 *
 * @throws Problem `token_required` or `token_wrong`, both 401 with `www-authenticate` (RFC 6750 section 3).
 */
export function requireToken(configOf: (env: unknown) => AuthConfig): MiddlewareHandler {
  return async (c, next) => {
    const { apiToken, localDev } = configOf(c.env);
    const authorization = c.req.header("authorization");
    if (authorization === undefined) {
      if (!(localDev && isLocalRequest(c.req.raw))) {
        throw refusal("token_required", "Send `Authorization: Bearer <API_TOKEN>`.");
      }
    } else if (!(await sameText(authorization, `Bearer ${apiToken}`))) {
      throw refusal("token_wrong", "The `Authorization` header is not `Bearer` and this Worker's API_TOKEN.");
    }
    await next();
  };
}

/**
 * Whether the request comes from a program or a page of our own on this machine. A page of another origin, a
 * tunnel or proxy, and a hostname that was rebound to loopback are all told apart by what browsers and
 * proxies must send, so that `LOCAL_DEV` never opens the API to anyone else.
 */
export function isLocalRequest(request: Request): boolean {
  const url = new URL(request.url);
  if (!LOOPBACK_HOSTS.has(url.hostname)) return false;
  for (const name of request.headers.keys()) {
    if (name === "forwarded" || name.startsWith("x-forwarded-")) return false;
  }
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") return false;
  const origin = request.headers.get("origin");
  return origin === null || origin === url.origin;
}

/** Constant-time comparison of two texts: of their digests, so that not even the length shows. */
export async function sameText(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map((text) => crypto.subtle.digest("SHA-256", utf8(text))));
  return left !== undefined && right !== undefined && crypto.subtle.timingSafeEqual(left, right);
}

function refusal(code: "token_required" | "token_wrong", detail: string): Problem {
  return new Problem(code, detail, { headers: { "www-authenticate": 'Bearer realm="webhooks"' } });
}

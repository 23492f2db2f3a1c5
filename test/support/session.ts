import { Hono } from "hono";
import { type SessionScope, startSession } from "../../shared/auth/session.ts";

/** The cookie that signing in at `now` sets, with its attributes. */
export async function sessionCookie(scope: SessionScope, now: number): Promise<string> {
  const app = new Hono().get("/", async (c) => {
    await startSession(c, scope, now);
    return c.body(null);
  });
  return (await app.request("/")).headers.get("set-cookie") ?? "";
}

/** The same as a browser sends it: `<name>=<value>`. */
export async function sentCookie(scope: SessionScope, now: number): Promise<string> {
  return (await sessionCookie(scope, now)).split(";", 1)[0] ?? "";
}

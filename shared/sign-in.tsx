import { Hono } from "hono";
import { type Guarded, requireSameOrigin, sameText, wrongToken } from "./auth.ts";
import { methodNotAllowed } from "./http.ts";
import { htmlPage, Shell } from "./page.tsx";
import { issueSession, sessionCookie } from "./session.ts";

/** The page's door: the token is typed once, and a session cookie stands for it from then on. */
export function signIn(guarded: Guarded) {
  return new Hono()
    .get("/session", (c) =>
      htmlPage(
        <Shell title={`Sign in to the webhook ${guarded.worker}`}>
          <form method="post" action="/session">
            <label>
              API token <input type="password" name="token" required autocomplete="current-password" autofocus />
            </label>{" "}
            <button type="submit">Sign in</button>
          </form>
          {c.req.query("wrong") === undefined ? null : <p role="alert">That token is wrong.</p>}
        </Shell>,
      ),
    )
    .post("/session", async (c) => {
      requireSameOrigin(c.req.raw);
      const { apiToken, localDev } = guarded.configOf(c.env);
      const { token } = await c.req.parseBody();
      if (typeof token !== "string" || !(await sameText(token, apiToken))) {
        const problem = wrongToken(c, guarded.now());
        if (problem.code === "too_many_failures") throw problem;
        return c.redirect("/session?wrong", 303);
      }
      const session = await issueSession({ worker: guarded.worker, apiToken }, guarded.now());
      c.header("set-cookie", sessionCookie(session, { worker: guarded.worker, local: localDev }));
      return c.redirect("/", 303);
    })
    .post("/session/end", (c) => {
      requireSameOrigin(c.req.raw);
      const { localDev } = guarded.configOf(c.env);
      c.header("set-cookie", sessionCookie("", { worker: guarded.worker, local: localDev }));
      return c.redirect("/session", 303);
    })
    .all("/session", methodNotAllowed("GET", "POST"))
    .all("/session/end", methodNotAllowed("POST"));
}

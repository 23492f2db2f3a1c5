import { Hono, type MiddlewareHandler } from "hono";
import { type Guarded, requireSameOrigin, requireToken, sameText, wrongToken } from "./auth.ts";
import { readForm } from "./form.ts";
import { methodNotAllowed } from "./http.ts";
import { htmlPage, Shell } from "./page.tsx";
import { Problem, problems } from "./problem.ts";
import { issueSession, sessionCookie } from "./session.ts";

/** Nobody has shown a token yet: whatever they send is bounded. */
const MAX_FORM_BYTES = 4096;

/** The page's door: the token is typed once, and a session cookie stands for it from then on. */
export function signIn(guarded: Guarded) {
  return new Hono()
    .get("/session", () => htmlPage(<SignIn worker={guarded.worker} />))
    .post("/session", async (c) => {
      requireSameOrigin(c.req.raw);
      const { apiToken, localDev } = guarded.configOf(c.env);
      const token = (await readForm(c.req.raw, MAX_FORM_BYTES)).get("token") ?? "";
      if (!(await sameText(token, apiToken))) {
        const problem = wrongToken(c, guarded.now());
        const fault =
          problem.code === "too_many_failures"
            ? "Too many wrong tokens came from this address. Wait a minute."
            : "That token is wrong.";
        const [status] = problems[problem.code];
        return htmlPage(<SignIn worker={guarded.worker} fault={fault} />, { status, headers: problem.headers });
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

/** As `requireToken`, for pages: a browser that has no session is sent to the form, also from within a page. */
export function requireSignIn(guarded: Guarded): MiddlewareHandler {
  const check = requireToken(guarded);
  return async (c, next) => {
    try {
      // What comes after is not awaited in here: its failures are not about signing in.
      await check(c, async () => {});
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "token_required") throw error;
      // A redirect would put the form where a part of the page was; htmx follows this header instead.
      if (c.req.header("hx-request") !== undefined) return c.body(null, 401, { "hx-redirect": "/session" });
      if (c.req.header("accept")?.includes("text/html")) return c.redirect("/session", 303);
      throw error;
    }
    return next();
  };
}

function SignIn({ worker, fault }: { worker: string; fault?: string }) {
  return (
    <Shell title={`Sign in to the webhook ${worker}`}>
      {fault && (
        <p class="message failed" role="alert" id="fault">
          {fault}
        </p>
      )}
      <form method="post" action="/session" class="fields">
        <label>
          API token
          <input
            type="password"
            name="token"
            required
            autocomplete="current-password"
            {...(fault ? { "aria-invalid": "true", "aria-describedby": "fault" } : {})}
          />
        </label>
        <button type="submit" class="main">
          Sign in
        </button>
      </form>
      <p class="quiet">
        The token is the Worker's secret <code>API_TOKEN</code>. A session lasts twelve hours on this browser.
      </p>
    </Shell>
  );
}

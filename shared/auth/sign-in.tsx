import type { MiddlewareHandler } from "hono";
import { Hono } from "hono/tiny";
import { readForm } from "../http/body.ts";
import { takes } from "../http/parameters.ts";
import { Problem, problems } from "../http/problem.ts";
import { signInScripts } from "../pages/assets.ts";
import { htmlPage, Shell } from "../pages/page.tsx";
import { returnPath, signInAddress } from "./return-path.ts";
import { endSession, hasCookie, startSession } from "./session.ts";
import { type GuardedWorker, requireSameOrigin, requireToken, tokenProblem } from "./token.ts";

/** Signing in to the pages: the reader types the token once, and a session cookie stands for it from then on. */

/** Whoever sends this form has not shown a token yet. */
const MAX_SIGN_IN_BYTES = 4096;

/** Serves the form. It leads back to the page that was asked for, if the page's path is one of `pages`. */
export function signIn(guarded: GuardedWorker, pages: RegExp) {
  const { worker } = guarded;
  return new Hono()
    .get("/session", takes("to", "why"), (c) => {
      const why = c.req.query("why") ?? "";
      const to = returnPath(c.req.query("to") ?? null, pages);
      return htmlPage(
        <SignInPage worker={worker} to={to} why={Object.hasOwn(REASONS, why) ? REASONS[why] : undefined} />,
      );
    })
    .post("/session", async (c) => {
      requireSameOrigin(c.req.raw);
      const { apiToken, localDev } = guarded.configOf(c.env);
      const form = await readForm(c.req.raw, { known: ["to", "token"], maxBytes: MAX_SIGN_IN_BYTES });
      const to = returnPath(form.get("to"), pages);
      const problem = await tokenProblem(c, { given: form.get("token") ?? "", right: apiToken }, guarded.now);
      if (problem !== null) {
        const fault =
          problem.code === "too_many_failures"
            ? "Too many wrong tokens came from this address. Wait a minute."
            : "That token is wrong.";
        const [status] = problems[problem.code];
        return htmlPage(<SignInPage worker={worker} to={to} fault={fault} />, { status, headers: problem.headers });
      }
      await startSession(c, { worker, apiToken, localDev }, guarded.now());
      return c.redirect(to, 303);
    })
    .post("/session/end", (c) => {
      requireSameOrigin(c.req.raw);
      const { localDev } = guarded.configOf(c.env);
      endSession(c, { worker, localDev });
      return c.redirect("/session?why=out", 303);
    });
}

/** Requires a token as `requireToken` does, and sends a browser that has none to the form. */
export function requireSignIn(guarded: GuardedWorker): MiddlewareHandler {
  const check = requireToken(guarded);
  return async (c, next) => {
    try {
      // The next handler runs outside of this `try`: its failures are not about signing in.
      await check(c, async () => {});
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "token_required") throw error;
      if (!c.req.header("accept")?.includes("text/html")) throw error;
      const { localDev } = guarded.configOf(c.env);
      return c.redirect(signInAddress(c.req.raw, hasCookie(c, { worker: guarded.worker, localDev })), 303);
    }
    return next();
  };
}

/** Reasons to show the form, by their name in the address: no link can make the page say anything else. */
const REASONS: Record<string, string> = {
  out: "You are signed out.",
  ended: "Your session has ended. Sign in again, and you are back where you were.",
};

type SignInProps = { worker: GuardedWorker["worker"]; to: string; why?: string | undefined; fault?: string };

/** The form; `to` is the path of this Worker that it leads to. */
function SignInPage({ worker, to, why, fault }: SignInProps) {
  return (
    <Shell
      title="Sign in"
      place={{ worker, other: "" }}
      files={signInScripts}
      notice={why === undefined ? why : { text: why, failed: false }}
    >
      {fault && (
        <p class="message failed" role="alert" id="fault">
          {fault}
        </p>
      )}
      <form method="post" action="/session" class="fields">
        {to !== "/" && <input type="hidden" name="to" value={to} />}
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

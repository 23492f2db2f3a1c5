import { signIn } from "../../shared/auth/sign-in.tsx";
import { type GuardedWorker, requireToken } from "../../shared/auth/token.ts";
import { answerError, answerMethodNotAllowed, answerNotFound, plainAnswers } from "../../shared/http/answers.ts";
import { serveAssets, signInScripts, stylesheet } from "../../shared/pages/assets.ts";
import { alerts } from "./api/alerts.ts";
import { deliveries } from "./api/deliveries.ts";
import { endpoints } from "./api/endpoints.ts";
import { events } from "./api/events.ts";
import { metrics } from "./api/metrics.ts";
import { trigger } from "./api/trigger.ts";
import { configOf } from "./config.ts";
import { dashboardScripts } from "./dashboard/frame.tsx";
import { DASHBOARD_PAGES, dashboardRoutes } from "./dashboard/routes.tsx";
import { createApp, type Env } from "./operations/env.ts";

/** The sender's routes. `/health`, the sign-in form and its files answer anyone; everything else needs the token. */

const guarded: GuardedWorker = {
  worker: "sender",
  configOf: (env) => configOf(env as Env),
  now: Date.now,
  acts: new Set(["/trigger"]),
};

export const app = createApp();

app
  .use(plainAnswers)
  .use(answerMethodNotAllowed(app))
  .get("/health", (c) => {
    // Throws when a variable is wrong.
    configOf(c.env);
    return c.json({ status: "ok" });
  })
  .route("/", serveAssets([stylesheet, ...dashboardScripts, ...signInScripts]))
  .route("/", signIn(guarded, DASHBOARD_PAGES))
  .route("/", dashboardRoutes(guarded))
  .use(requireToken(guarded))
  .route("/", trigger)
  .route("/", events)
  .route("/", endpoints)
  .route("/", deliveries)
  .route("/", metrics)
  .route("/", alerts)
  .onError(answerError)
  .notFound(answerNotFound);

import { Hono } from "hono";
import { serveAssets, stylesheet } from "../../shared/assets.ts";
import { type Guarded, requireToken } from "../../shared/auth.ts";
import { answerError, answerNotFound, methodNotAllowed, plainAnswers } from "../../shared/http.ts";
import { script } from "../../shared/script.ts";
import { signIn } from "../../shared/sign-in.tsx";
import { dashboard, PAGES } from "./dashboard/routes.tsx";
import { configOf, type Env } from "./env.ts";
import { endpoints } from "./routes/endpoints.ts";
import { events } from "./routes/events.ts";
import { trigger } from "./routes/trigger.ts";

const guarded: Guarded = { worker: "sender", configOf: (env) => configOf(env as Env), now: Date.now };

/** The sender's routes. `/health`, the sign-in form and its files answer anyone; everything else needs the token. */
export const app = new Hono<{ Bindings: Env }>()
  .use(plainAnswers)
  .get("/health", (c) => c.json({ status: "ok" }))
  .all("/health", methodNotAllowed("GET"))
  .route("/", serveAssets([stylesheet, script]))
  .route("/", signIn(guarded, PAGES))
  .route("/", dashboard(guarded))
  .use(requireToken(guarded))
  .route("/", trigger)
  .route("/", events)
  .route("/", endpoints)
  .onError(answerError)
  .notFound(answerNotFound);

import { Hono } from "hono";
import { type Guarded, requireToken } from "../../shared/auth.ts";
import { answerError, answerNotFound, methodNotAllowed } from "../../shared/http.ts";
import { signIn } from "../../shared/sign-in.tsx";
import { configOf, type Env } from "./env.ts";
import { endpoints } from "./routes/endpoints.ts";
import { events } from "./routes/events.ts";
import { page } from "./routes/page.tsx";
import { trigger } from "./routes/trigger.ts";

const guarded: Guarded = { worker: "sender", configOf: (env) => configOf(env as Env), now: Date.now };

/** The sender's routes. `/health` answers anyone; everything else needs the token. */
export const app = new Hono<{ Bindings: Env }>()
  .get("/health", (c) => c.json({ status: "ok" }))
  .all("/health", methodNotAllowed("GET"))
  .route("/", signIn(guarded))
  .use(requireToken(guarded))
  .route("/", trigger)
  .route("/", events)
  .route("/", endpoints)
  .route("/", page)
  .onError(answerError)
  .notFound(answerNotFound);

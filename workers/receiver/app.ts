import { Hono } from "hono";
import { requireToken } from "../../shared/auth.ts";
import { answerError, answerNotFound, methodNotAllowed } from "../../shared/http.ts";
import { configOf, type Env } from "./env.ts";
import { events } from "./routes/events.ts";
import { page } from "./routes/page.tsx";
import { webhook } from "./routes/webhook.ts";

export const app = new Hono<{ Bindings: Env }>();

app.onError(answerError);
app.notFound(answerNotFound);

app.route("/webhook", webhook);
app.get("/health", (c) => {
  configOf(c.env);
  return c.json({ status: "ok" });
});
app.all("/health", methodNotAllowed("GET"));

const authenticated = requireToken((env) => configOf(env as Env));
app.use("/", authenticated);
app.use("/events/*", authenticated);
app.route("/", page);
app.route("/events", events);

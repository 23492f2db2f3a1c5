import { Hono } from "hono";
import { serveAssets, stylesheet } from "../../shared/assets.ts";
import { type Guarded, requireToken } from "../../shared/auth.ts";
import { answerError, answerNotFound, methodNotAllowed, plainAnswers } from "../../shared/http.ts";
import { problemOf } from "../../shared/problem.ts";
import { signIn } from "../../shared/sign-in.tsx";
import { configOf, type Env } from "./env.ts";
import { checkForwarding } from "./forward.ts";
import { clear } from "./routes/clear.ts";
import { events } from "./routes/events.ts";
import { forward } from "./routes/forward.ts";
import { live } from "./routes/live.ts";
import { rejections } from "./routes/rejections.ts";
import { sources } from "./routes/sources.ts";
import { webhook } from "./routes/webhook.ts";
import { checkSources } from "./sources.ts";
import { viewerFiles } from "./viewer/files.ts";
import { PAGES, viewer } from "./viewer/routes.tsx";

export const app = new Hono<{ Bindings: Env }>();

// What an Inbox refuses with crosses the call as a plain error.
app.onError((error, c) => answerError(problemOf(error) ?? error, c));
app.notFound(answerNotFound);

app.use(plainAnswers);
app.route("/webhook", webhook);
app.get("/health", async (c) => {
  const config = configOf(c.env);
  await checkSources(config);
  checkForwarding(config.forwarding);
  return c.json({ status: "ok" });
});
app.all("/health", methodNotAllowed("GET"));

const guarded: Guarded = { worker: "receiver", configOf: (env) => configOf(env as Env), now: Date.now };
const authenticated = requireToken(guarded);
app.route("/", serveAssets([stylesheet, ...viewerFiles]));
app.route("/", signIn(guarded, PAGES));
app.use("/events/*", authenticated);
app.use("/rejections/*", authenticated);
app.use("/sources/*", authenticated);
app.route("/", viewer(guarded));
app.route("/events", clear);
app.route("/events", forward);
app.route("/events", live);
app.route("/events", events);
app.route("/rejections", rejections);
app.route("/sources", sources);

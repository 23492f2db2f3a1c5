import { Hono } from "hono";
import { signIn } from "../../shared/auth/sign-in.tsx";
import { type Guarded, requireToken } from "../../shared/auth/token.ts";
import { answerError, answerMethodNotAllowed, answerNotFound, plainAnswers } from "../../shared/http/answers.ts";
import { problemOf } from "../../shared/http/problem.ts";
import { serveAssets, stylesheet } from "../../shared/pages/assets.ts";
import { clear } from "./api/clear.ts";
import { events } from "./api/events.ts";
import { forward } from "./api/forward.ts";
import { live } from "./api/live.ts";
import { rejections } from "./api/rejections.ts";
import { sources } from "./api/sources.ts";
import { webhook } from "./api/webhook.ts";
import { configOf } from "./config.ts";
import type { Env } from "./log/env.ts";
import { checkForwarding } from "./verify/forward-secret.ts";
import { checkSources } from "./verify/verify.ts";
import { viewerFiles } from "./viewer/parts/files.ts";
import { PAGES, viewer } from "./viewer/routes.tsx";

export const app = new Hono<{ Bindings: Env }>();

// What an Inbox refuses with crosses the call as a plain error.
app.onError((error, c) => answerError(problemOf(error) ?? error, c));
app.notFound(answerNotFound);

app.use(plainAnswers);
app.use(answerMethodNotAllowed(app));
app.route("/webhook", webhook);
app.get("/health", async (c) => {
  const config = configOf(c.env);
  await checkSources(config.sources);
  checkForwarding(config.forwarding);
  return c.json({ status: "ok" });
});

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

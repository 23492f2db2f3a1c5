import { signIn } from "../../shared/auth/sign-in.tsx";
import { type GuardedWorker, requireToken } from "../../shared/auth/token.ts";
import { answerError, answerMethodNotAllowed, answerNotFound, plainAnswers } from "../../shared/http/answers.ts";
import { problemOf } from "../../shared/http/problem.ts";
import { serveAssets, signInScripts, stylesheet } from "../../shared/pages/assets.ts";
import { alertRoutes } from "./api/alerts.ts";
import { eventRoutes } from "./api/events.ts";
import { exportRoutes } from "./api/export.ts";
import { healthRoutes } from "./api/health.ts";
import { liveRoutes } from "./api/live.ts";
import { metricsRoutes } from "./api/metrics.ts";
import { rejectionRoutes } from "./api/rejections.ts";
import { sourceRoutes } from "./api/sources.ts";
import { webhookRoutes } from "./api/webhook.ts";
import { configOf } from "./config.ts";
import { createApp, type Env } from "./log/logs.ts";
import { viewerAssets } from "./viewer/parts/frame.tsx";
import { VIEWER_PAGES, viewerRoutes } from "./viewer/routes.tsx";

/** All routes of the receiver: who may call each, and how errors are answered. */

export const app = createApp();

// A Problem that an Inbox throws arrives from the call as a plain error.
app.onError((error, c) => answerError(problemOf(error) ?? error, c));
app.notFound(answerNotFound);

app.use(plainAnswers);
app.use(answerMethodNotAllowed(app));
app.route("/webhook", webhookRoutes);
app.route("/health", healthRoutes);

const guarded: GuardedWorker = { worker: "receiver", configOf: (env) => configOf(env as Env), now: Date.now };
const authenticated = requireToken(guarded);
app.route("/", serveAssets([stylesheet, ...viewerAssets, ...signInScripts]));
app.route("/", signIn(guarded, VIEWER_PAGES));
app.use("/events/*", authenticated);
app.use("/rejections/*", authenticated);
app.use("/sources/*", authenticated);
app.use("/metrics/*", authenticated);
app.use("/alerts/*", authenticated);
app.route("/", viewerRoutes(guarded));
app.route("/events", liveRoutes);
app.route("/events/export", exportRoutes);
app.route("/events", eventRoutes);
app.route("/rejections", rejectionRoutes);
app.route("/sources", sourceRoutes);
app.route("/metrics", metricsRoutes);
app.route("/alerts", alertRoutes);

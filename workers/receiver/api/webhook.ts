import { type Context, Hono } from "hono";
import { ConfigError } from "../../../shared/config.ts";
import { readBody } from "../../../shared/http/body.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type Config, configOf } from "../config.ts";
import { type Arrival, dedupOf } from "../event/arrival.ts";
import { typeIn, typeOf } from "../event/event-type.ts";
import { maskedHeaders } from "../event/headers.ts";
import type { Accepted } from "../inbox/inbox.ts";
import type { Env } from "../log/env.ts";
import { inboxOf } from "../log/logs.ts";
import { fingerprintOf } from "../verify/fingerprint.ts";
import { handshakeOf, methodsOf, questionOf, questionRefusal } from "../verify/handshake.ts";
import type { HandshakeAnswer, SignedRequest } from "../verify/schemes/scheme.ts";
import { DEFAULT_SOURCE, type Source, sourceOf, verifyFrom } from "../verify/verify.ts";
import { type Refused, reportRejection } from "./report-rejection.ts";

/** Long enough for an object to restart, or for a flush to free room; senders have their own schedule besides. */
const RETRY_AFTER_SECONDS = { lost: "5", full: "60" };

type App = { Bindings: Env };

export const webhook = new Hono<App>();

webhook.all("/", (c) => receive(c, DEFAULT_SOURCE));
webhook.all("/:source", (c) => receive(c, c.req.param("source")));

/**
 * Verifies, logs once, and answers `200 Received` when the event is on disk; a repetition says so in a header.
 * A provider's question whether we are there is answered, and is no event.
 *
 * @throws Problem `unknown_source`, `method_not_allowed`, `body_too_large`, `invalid_signature`, `bad_request`,
 * `storage_unavailable` or `storage_full`.
 */
async function receive(c: Context<App>, name: string): Promise<Response> {
  const began = Date.now();
  const config = configOf(c.env);
  const source = sourceOf(config.sources, name);
  if (source === null) throw new Problem("unknown_source", `There is no source ${JSON.stringify(name)}.`);
  const receiving = { config, source, began };
  if (c.req.method === source.scheme.handshake?.method && c.req.method === "GET") return answerQuestion(c, receiving);
  requireMethod(c.req.method, source);
  const { request, id } = await genuine(c, receiving);
  const answer = await handshakeOf(source, request);
  if (answer !== null) return handshakeResponse(source, answer);
  const arrival = await arrivalOf(source, config, { id, headers: request.headers, body: request.body });
  const { seq, duplicate } = await store(c.env, source, arrival);
  const { type } = arrival;
  const [bytes, ms] = [request.body.byteLength, Date.now() - began];
  logEvent("event.received", { seq, id, source: name, type, bytes, duplicate, ms });
  return acknowledgement(source, duplicate);
}

function acknowledgement({ scheme: { answer } }: Source, duplicate: boolean): Response {
  const response = new Response(answer?.body ?? "Received");
  if (answer !== undefined) response.headers.set("content-type", answer.contentType);
  if (duplicate) response.headers.set("webhook-duplicate", "true");
  return response;
}

type Receiving = { config: Config; source: Source; began: number };
type Genuine = { request: SignedRequest & { body: Uint8Array<ArrayBuffer> }; id: string | null };

/** The request once it is proven, and the id it was signed with; what is refused is reported. */
async function genuine(c: Context<App>, receiving: Receiving): Promise<Genuine> {
  const { config, source, began } = receiving;
  const { method, url, headers } = c.req.raw;
  let body: Uint8Array<ArrayBuffer> | null = null;
  const refuse = (reason: Refused["reason"]) => report(c, receiving, reason, body);
  try {
    body = await readBody(c.req.raw, config.maxBodyBytes);
    const request = { method, url, headers, body };
    const verdict = await verifyFrom(source, request, Math.floor(began / 1000));
    if (verdict.ok) return { request, id: verdict.id };
    refuse(verdict.reason);
  } catch (error) {
    if (error instanceof ConfigError) refuse("configuration_error");
    if (error instanceof Problem && error.code === "body_too_large") refuse("body_too_large");
    throw error;
  }
  // What was wrong with it is for the source's owner, at /rejections: to anyone else it is a hint.
  throw new Problem("invalid_signature", "The request was not signed for this source, or not in time.");
}

/** Never awaited: whoever sends forgeries must not make genuine requests wait. `body` null: not read to its end. */
function report(
  c: Context<App>,
  { config, source, began }: Receiving,
  reason: Refused["reason"],
  body: Uint8Array | null,
): void {
  const { method, url, headers } = c.req.raw;
  const request = { method, url, headers, body: body ?? new Uint8Array() };
  const refused = { source, request, reason, bytes: body?.byteLength ?? null };
  c.executionCtx.waitUntil(reportRejection(c.env, config, refused, began));
}

function requireMethod(method: string, source: Source): void {
  const methods = methodsOf(source);
  if (methods.includes(method)) return;
  const allow = methods.join(", ");
  throw new Problem("method_not_allowed", `The source ${source.name} takes ${allow}.`, { headers: { allow } });
}

/** An unsigned question; why one was not answered is for the source's owner alone, like every refusal. */
async function answerQuestion(c: Context<App>, receiving: Receiving): Promise<Response> {
  const { source } = receiving;
  const { method, url, headers } = c.req.raw;
  const request = { method, url, headers, body: new Uint8Array() };
  const answer = questionOf(source) === null ? null : await handshakeOf(source, request);
  if (answer !== null) return handshakeResponse(source, answer);
  report(c, receiving, await questionRefusal(source, request), request.body);
  requireMethod(method, source);
  throw new Problem("bad_request", "This is no question that the source's provider asks.");
}

/** What comes back is the sender's own text: never anything that a browser would render. */
function handshakeResponse({ name }: Source, { contentType, body }: HandshakeAnswer): Response {
  logEvent("handshake.answered", { source: name });
  const headers = { "content-type": contentType, "x-content-type-options": "nosniff" };
  return new Response(body, { status: body === null ? 204 : 200, headers });
}

async function arrivalOf(
  source: Source,
  config: Config,
  { id, headers, body }: { id: string | null; headers: Headers; body: Uint8Array<ArrayBuffer> },
): Promise<Arrival> {
  const { name, scheme } = source;
  return {
    source: name,
    id,
    type: typeOf(body, scheme.typeField) ?? typeIn(headers, scheme.typeHeader),
    verification: scheme.verification,
    headers: JSON.stringify(maskedHeaders(headers, scheme.secretHeaders)),
    body,
    dedup: await dedupOf({ source: name, id, signedId: scheme.signedId, body }, config.retentionMs),
    fingerprint: await fingerprintOf(source),
  };
}

/** @throws Problem `storage_unavailable`: also when it is unknown whether it was stored; then the retry is a duplicate. */
async function store(env: Env, source: Source, arrival: Arrival): Promise<Extract<Accepted, { stored: true }>> {
  let accepted: Accepted;
  try {
    accepted = await inboxOf(env, source.log).accept(arrival);
  } catch (error) {
    accepted = { stored: false, full: false, error: String(error) };
  }
  if (accepted.stored) return accepted;
  logEvent("event.not_stored", { id: arrival.id, source: source.name, error: accepted.error });
  if (accepted.full) {
    throw new Problem("storage_full", "Nothing was stored; send it again later.", {
      headers: { "retry-after": RETRY_AFTER_SECONDS.full },
    });
  }
  throw new Problem("storage_unavailable", "Send it again; what was stored after all is a duplicate then.", {
    headers: { "retry-after": RETRY_AFTER_SECONDS.lost },
  });
}

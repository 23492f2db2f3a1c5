import { ConfigError } from "../../../shared/config.ts";
import { readBody } from "../../../shared/http/body.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { type Config, configOf } from "../config.ts";
import { createApp, type ReceiverContext } from "../log/logs.ts";
import { arrivalOf, storeArrival, type VerifiedRequest } from "../receive/store.ts";
import type { Rejection } from "../rejected/rejection.ts";
import { answerHandshake, handshakeFault, methodsOf } from "../verify/handshake.ts";
import type { HandshakeAnswer } from "../verify/schemes/scheme.ts";
import { DEFAULT_SOURCE, type Source } from "../verify/source.ts";
import { verifyFrom } from "../verify/verify.ts";
import { acknowledgement, testAnswerFor } from "./acknowledgement.ts";
import { reportRejection } from "./report-rejection.ts";

/** Routes of `/webhook`: verifies a request, hands it to the Inbox of its source's log, and answers once it is on disk. */

export const webhookRoutes = createApp()
  .all("/", (c) => receive(c, DEFAULT_SOURCE))
  .all("/:source", (c) => receive(c, c.req.param("source")))
  // A slash at the end is no part of a name; any other path names no source.
  .all("/*", (c) => receive(c, c.req.path.replace(/^\/webhook\/|\/$/g, "") || DEFAULT_SOURCE));

/** A request under way. `began`: when it arrived, in unix milliseconds. */
type Receiving = { config: Config; source: Source; began: number };

/**
 * Verifies, logs once, and answers `200 Received` when the event is on disk; text and header mark a repetition. A
 * provider's handshake is answered, and is no event.
 *
 * @throws Problem `unknown_source`, `method_not_allowed`, `body_too_large`, `invalid_signature`, `bad_request`,
 * `storage_unavailable` or `storage_full`.
 */
async function receive(c: ReceiverContext, name: string): Promise<Response> {
  const began = Date.now();
  const config = configOf(c.env);
  const source = config.sources.get(name);
  if (source === undefined) {
    report(c, { config, source: null, began }, "unknown_source", null);
    throw new Problem("unknown_source", `There is no source ${JSON.stringify(name)}.`);
  }
  const receiving = { config, source, began };
  // Some providers ask so if the URL is there, before they send events.
  const delivers = source.methods.includes(c.req.method);
  if (c.req.method === "HEAD" && !delivers) return new Response(null);
  if (c.req.method === "GET" && !delivers && source.handshakes.some(({ method }) => method === "GET"))
    return answerGet(c, receiving);
  requireMethod(c, receiving);
  const proven = await verified(c, receiving);
  if ("unproven" in proven) return handshakeResponse(source, proven.unproven);
  const { request } = proven;
  const answer = await answerHandshake(source, request, { proven: true });
  if (answer !== null) return handshakeResponse(source, answer);
  const test = testAnswerFor(source);
  const arrival = await arrivalOf(source, proven, test?.status ?? 200);
  const { seq, duplicate, reported } = await storeArrival(c.env, source, arrival);
  const { id, type } = arrival;
  const [bytes, ms] = [request.body.byteLength, Date.now() - began];
  if (!reported) logEvent("event.received", { seq, id, source: name, type, bytes, duplicate, ms });
  return acknowledgement(source, { first: duplicate ? seq : null, test });
}

/**
 * Returns the request once it is proven, or the answer to a handshake that nobody signs; reports any other.
 *
 * @throws Problem `invalid_signature`, `body_too_large`
 */
async function verified(
  c: ReceiverContext,
  receiving: Receiving,
): Promise<VerifiedRequest | { unproven: HandshakeAnswer }> {
  const { config, source, began } = receiving;
  const { method, url, headers } = c.req.raw;
  let body: Uint8Array<ArrayBuffer> | null = null;
  const reject = (reason: Rejection["reason"]) => report(c, receiving, reason, body);
  try {
    body = await readBody(c.req.raw, config.maxBodyBytes);
    const request = { method, url, headers, body };
    const verdict = await verifyFrom(source, request, Math.floor(began / 1000));
    if (verdict.ok) return { request, verdict };
    // A request with a wrong proof is no handshake that nobody signs.
    const answer = verdict.reason.endsWith("_missing")
      ? await answerHandshake(source, request, { proven: false })
      : null;
    if (answer !== null) return { unproven: answer };
    reject(verdict.reason);
  } catch (error) {
    if (error instanceof ConfigError) reject("configuration_error");
    const code = error instanceof Problem ? error.code : null;
    if (code === "body_too_large" || code === "body_timeout") reject(code);
    throw error;
  }
  // The reason is for the source's owner, at /rejections: to anyone else it is a hint.
  throw new Problem("invalid_signature", "The request was not signed for this source, or not in time.");
}

/** Reports a rejection, and lets nobody wait for that: forgeries must not delay genuine requests. `body` null: not read. */
function report(
  c: ReceiverContext,
  { config, source, began }: Omit<Receiving, "source"> & { source: Source | null },
  reason: Rejection["reason"],
  body: Uint8Array | null,
): void {
  const { method, url, headers } = c.req.raw;
  const request = { method, url, headers, body: body ?? new Uint8Array() };
  const rejected = { source, request, reason, bytes: body?.byteLength ?? null };
  c.executionCtx.waitUntil(reportRejection(c.env, config.sources, rejected, began));
}

/** @throws Problem `method_not_allowed`; the request is kept under no source, as it says nothing of this one's sender. */
function requireMethod(c: ReceiverContext, { config, source, began }: Receiving): void {
  const methods = methodsOf(source);
  if (methods.includes(c.req.method)) return;
  report(c, { config, source: null, began }, "method_not_allowed", null);
  throw methodNotAllowed(source);
}

function methodNotAllowed(source: Source): Problem {
  const allow = methodsOf(source).join(", ");
  return new Problem("method_not_allowed", `The source ${source.name} takes ${allow}.`, { headers: { allow } });
}

/** Answers a GET, which can only be a handshake that nobody signs. @throws Problem `bad_request`, `method_not_allowed` */
async function answerGet(c: ReceiverContext, receiving: Receiving): Promise<Response> {
  const { source } = receiving;
  const { method, url, headers } = c.req.raw;
  const request = { method, url, headers, body: new Uint8Array() };
  const answer = await answerHandshake(source, request, { proven: false });
  if (answer !== null) return handshakeResponse(source, answer);
  report(c, receiving, await handshakeFault(source, request), request.body);
  if (!methodsOf(source).includes(method)) throw methodNotAllowed(source);
  throw new Problem("bad_request", "This is no handshake of the source's provider.");
}

/** Returns the answer to a handshake. Its body is the sender's own text, so no browser may render it. */
function handshakeResponse({ name }: Source, { contentType, body }: HandshakeAnswer): Response {
  logEvent("handshake.answered", { source: name });
  const headers = { "content-type": contentType, "x-content-type-options": "nosniff" };
  return new Response(body, { status: body === null ? 204 : 200, headers });
}

import type { Context, Handler, MiddlewareHandler } from "hono";
import { concat, fromUtf8 } from "../bytes.ts";
import { ConfigError } from "../config.ts";
import { logEvent } from "../log-event.ts";
import { Problem, problemResponse } from "./problem.ts";

/** What both Workers do with any request: read its body within a limit, and answer what went wrong. */

/** A length as RFC 9110 section 8.6 has it. */
const LENGTH = /^\d+$/;

/**
 * The exact bytes of the body, as received: nothing is decoded, nothing inflated. No length that was announced is
 * believed further than that: never more than `maxBytes` are held.
 *
 * @throws Problem `body_too_large` as soon as more than `maxBytes` are announced or have arrived; `bad_request`
 * when more arrives than was announced, or the body breaks off.
 */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const body = request.body as ReadableStream<Uint8Array<ArrayBuffer>> | null;
  const length = request.headers.get("content-length") ?? "";
  const announced = LENGTH.test(length) ? Number(length) : null;
  if (announced !== null && announced > maxBytes) throw tooLarge(maxBytes);
  if (body === null) return new Uint8Array();
  const whole = announced === null ? null : byteReader(body);
  try {
    return whole === null || announced === null
      ? await readChunks(body, maxBytes)
      : await readAnnounced(whole, announced);
  } catch (error) {
    throw error instanceof Problem ? error : new Problem("bad_request", "The body broke off before its end.");
  }
}

function tooLarge(maxBytes: number): Problem {
  return new Problem("body_too_large", `At most ${maxBytes} bytes are taken.`);
}

/** Of a body from the network; null of any other, which cannot be read in one piece. */
function byteReader(body: ReadableStream): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}

/** In one read: by chunks, a large body takes several times as long. */
async function readAnnounced(reader: ReadableStreamBYOBReader, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const { value } = await reader.readAtLeast(length + 1, new Uint8Array(length + 1));
  if (value !== undefined && value.byteLength > length) {
    void reader.cancel().catch(() => {});
    throw new Problem("bad_request", "The body is longer than its `content-length`.");
  }
  return value ?? new Uint8Array();
}

async function readChunks(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(...chunks);
    size += value.byteLength;
    if (size > maxBytes) {
      void reader.cancel().catch(() => {});
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
}

/**
 * The body as JSON text and value. The media type is checked because a page of another origin can send
 * `text/plain` without asking first. `parse` may be a parser that keeps more than JSON.parse does.
 *
 * @throws Problem `unsupported_media_type`, `body_too_large` or `invalid_json`.
 */
export async function readJson(
  request: Request,
  maxBytes: number,
  parse: (text: string) => unknown = JSON.parse,
): Promise<{ text: string; value: unknown }> {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new Problem("unsupported_media_type", "Send JSON with `content-type: application/json`.");
  }
  const text = fromUtf8(await readBody(request, maxBytes));
  if (text === null) throw new Problem("invalid_json", "The body is not UTF-8.");
  try {
    return { text, value: parse(text) };
  } catch (error) {
    // A RangeError is JSON nested beyond the stack; both are the sender's to mend.
    throw new Problem("invalid_json", error instanceof SyntaxError ? error.message : "The JSON is nested too deeply.");
  }
}

/** The one `onError` of a Worker: a Problem is answered as it is, anything else without its message or stack. */
export function answerError(error: Error, c: Context): Response {
  if (error instanceof Problem) {
    const { reason } = error.extra;
    const why = typeof reason === "string" ? { reason } : {};
    logEvent("request.refused", { code: error.code, ...why, method: c.req.method, path: c.req.path });
    return problemResponse(error);
  }
  if (error instanceof ConfigError) {
    logEvent("configuration.error", { detail: error.message });
    return problemResponse(new Problem("configuration_error", "The log of this Worker names what is missing."));
  }
  logEvent("request.failed", { method: c.req.method, path: c.req.path, error: String(error.stack ?? error) });
  return problemResponse(new Problem("internal_error", "Nothing was acknowledged; try again."));
}

/**
 * Mounted before all routes of a Worker. Many answers repeat what strangers sent, so no browser may guess another
 * type than they have, and nothing on the way keeps one that does not say how long.
 */
export const plainAnswers: MiddlewareHandler = async (c, next) => {
  await next();
  const { headers } = c.res;
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
};

/** The one `notFound` of a Worker. */
export function answerNotFound(c: Context): Response {
  logEvent("request.refused", { code: "not_found", method: c.req.method, path: c.req.path });
  return problemResponse(new Problem("not_found", `There is no route ${c.req.path}.`));
}

/** Mounted with `all` behind a path's own handlers: RFC 9110 section 15.5.6. */
export function methodNotAllowed(...allowed: string[]): Handler {
  const allow = allowed.join(", ");
  return (c) => {
    throw new Problem("method_not_allowed", `${c.req.path} takes ${allow}.`, { headers: { allow } });
  };
}

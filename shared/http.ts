import type { Context, Handler } from "hono";
import { concat, fromUtf8 } from "./bytes.ts";
import { ConfigError } from "./config.ts";
import { Problem, problemResponse } from "./problem.ts";
import { logEvent } from "./telemetry.ts";

/** What both Workers do with any request: read its body within a limit, and answer what went wrong. */

/**
 * The exact bytes of the body, as received: nothing is decoded, nothing inflated.
 *
 * @throws Problem `body_too_large` as soon as more than `maxBytes` are announced or have arrived.
 */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => new Problem("body_too_large", `At most ${maxBytes} bytes are taken.`);
  // The runtime holds a body to its content-length; without one it has no length until it ends.
  const announced = request.headers.get("content-length");
  if (announced !== null) {
    if (Number(announced) > maxBytes) throw tooLarge();
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.byteLength > maxBytes) throw tooLarge();
    return bytes;
  }
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return concat(...chunks);
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

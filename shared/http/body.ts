import { concat, fromUtf8 } from "../bytes.ts";
import { Problem } from "./problem.ts";

/** Request bodies, read within a limit: exact bytes, forms and JSON. */

/**
 * Reads what a page's form posts.
 *
 * @throws Problem `unsupported_media_type`, `body_too_large`, `bad_request`
 */
export async function readForm(request: Request, maxBytes: number): Promise<URLSearchParams> {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/x-www-form-urlencoded") {
    throw new Problem("unsupported_media_type", "The page's forms send application/x-www-form-urlencoded.");
  }
  const text = fromUtf8(await readBody(request, maxBytes));
  if (text === null) throw new Problem("bad_request", "The form is not UTF-8.");
  return new URLSearchParams(text);
}

/** A length as RFC 9110 section 8.6 defines it. */
const LENGTH = /^\d+$/;

/**
 * Reads the exact bytes of the body: nothing is decoded, nothing inflated. Whatever length was announced, never more
 * than `maxBytes` are held.
 *
 * @throws Problem `body_too_large` as soon as more than `maxBytes` are announced or have arrived; `bad_request` when
 * more arrives than was announced, or the body breaks off.
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

/** Returns a reader that can read a body from the network in one piece; null for any other body. */
function byteReader(body: ReadableStream): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}

/** Reads the body in one piece: chunks take several times as long for a large one. */
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
 * Reads the body as JSON, text and value. The media type is checked because a page of another origin can send
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
    // The other error is a RangeError: JSON nested deeper than the stack. The client must mend both.
    throw new Problem("invalid_json", error instanceof SyntaxError ? error.message : "The JSON is nested too deeply.");
  }
}

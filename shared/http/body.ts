import { concat, fromUtf8 } from "../bytes.ts";
import { withDeadline } from "../deadline.ts";
import { isDeeper, JSON_DEPTH_LIMIT } from "../json-text.ts";
import { checkMembers, checkNames } from "./names.ts";
import { Problem, type ProblemCode } from "./problem.ts";

/** Request bodies, read within a limit: exact bytes, forms and JSON. */

/**
 * Reads what a page's form posts; a button may post nothing.
 *
 * @throws Problem `invalid_input` for a field that is not among `known`, or given twice; `unsupported_media_type`,
 * `body_too_large`, `bad_request`
 */
export async function readForm(
  request: Request,
  { known, maxBytes }: { known: readonly string[]; maxBytes: number },
): Promise<URLSearchParams> {
  const bytes = await readBody(request, maxBytes);
  if (bytes.byteLength > 0 && mediaTypeOf(request) !== "application/x-www-form-urlencoded") {
    throw new Problem("unsupported_media_type", "The page's forms send application/x-www-form-urlencoded.");
  }
  const text = fromUtf8(bytes);
  if (text === null) throw new Problem("bad_request", "The form is not UTF-8.");
  const form = new URLSearchParams(text);
  checkNames(form.keys(), known, "invalid_input");
  return form;
}

function mediaTypeOf(request: Request): string | undefined {
  return request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
}

/** A length as RFC 9110 section 8.6 defines it. */
const LENGTH = /^\d+$/;
/** Time that a body has to arrive in, whatever its length; senders of webhooks give up sooner. */
const BODY_DEADLINE_MS = 20_000;
/** A long body has more time, but must be announced: a batch of 25 MiB on a slow line. */
const SLOWEST_BYTES_PER_MS = 50;
/** Room for the first piece of a body; most bodies need no more. */
const FIRST_PIECE_BYTES = 4096;

/**
 * Reads the exact bytes of the body: nothing is decoded, nothing inflated. Memory grows with the bytes that arrived: an
 * announced length costs nothing by itself, and never more than `maxBytes` are held.
 *
 * @throws Problem `body_too_large` as soon as more than `maxBytes` are announced or have arrived; `bad_request` when
 * more arrives than was announced, or the body breaks off; `body_timeout` when it has not arrived in time.
 */
export async function readBody(
  request: Request,
  maxBytes: number,
  shortestMs = BODY_DEADLINE_MS,
): Promise<Uint8Array<ArrayBuffer>> {
  const body = request.body as ReadableStream<Uint8Array<ArrayBuffer>> | null;
  const length = request.headers.get("content-length") ?? "";
  const announced = LENGTH.test(length) ? Number(length) : null;
  if (announced !== null && announced > maxBytes) throw tooLarge(maxBytes);
  if (body === null) return new Uint8Array();
  const deadlineMs = Math.max(shortestMs, (announced ?? 0) / SLOWEST_BYTES_PER_MS);
  const { reader, bytes } = startReading(body, { announced, maxBytes });
  try {
    return await withDeadline(bytes, deadlineMs, () => tooSlow(deadlineMs));
  } catch (error) {
    // The rest is of no use, and a read may still wait for it.
    void reader.cancel().catch(() => {});
    throw error instanceof Problem ? error : new Problem("bad_request", "The body broke off before its end.");
  }
}

function tooLarge(maxBytes: number): Problem {
  return new Problem("body_too_large", `At most ${maxBytes} bytes are taken.`);
}

function tooSlow(deadlineMs: number): Problem {
  return new Problem(
    "body_timeout",
    `The body did not arrive within ${Math.ceil(deadlineMs / 1000)} s. Send it again.`,
  );
}

type BodyLimits = { announced: number | null; maxBytes: number };

function startReading(body: ReadableStream<Uint8Array<ArrayBuffer>>, limits: BodyLimits) {
  const network = byteReader(body);
  if (network !== null) return { reader: network, bytes: readPieces(network, limits) };
  const reader = body.getReader();
  return { reader, bytes: readChunks(reader, limits.maxBytes) };
}

/** Returns a reader that fills memory of ours with a body from the network; null for any other body. */
function byteReader(body: ReadableStream): ReadableStreamBYOBReader | null {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return null;
  }
}

/** Reads a body in few pieces, each as large as all before it: the room that waits is never more than what arrived. */
async function readPieces(
  reader: ReadableStreamBYOBReader,
  { announced, maxBytes }: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const limit = announced ?? maxBytes;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let size = 0; size <= limit; ) {
    const room = Math.min(Math.max(size, FIRST_PIECE_BYTES), limit + 1 - size);
    const { value = new Uint8Array() } = await reader.readAtLeast(room, new Uint8Array(room));
    pieces.push(value);
    size += value.byteLength;
    if (value.byteLength < room) return pieces.length === 1 ? value : concat(...pieces);
  }
  throw announced === null
    ? tooLarge(maxBytes)
    : new Problem("bad_request", "The body is longer than its `content-length`.");
}

/** Reads a body that the same process makes, whose chunks are there already. */
async function readChunks(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(...chunks);
    size += value.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(value);
  }
}

/** An array of events around the data, which has the whole depth for itself. */
const ENVELOPE_DEPTH = 2;

/**
 * Reads the body as JSON, text and value. The media type is checked because a page of another origin can send
 * `text/plain` without asking first.
 *
 * @throws Problem `unsupported_media_type`, `body_too_large` or `invalid_json`.
 */
export async function readJson(request: Request, maxBytes: number): Promise<JsonBody> {
  requireJson(request);
  return parseJson(await readBody(request, maxBytes));
}

type JsonBody = { text: string; value: unknown };

/** Enough for the members of any request but events. */
const MAX_MEMBERS_BYTES = 64 * 1024;

/**
 * Reads the members of a JSON object; none where there is no body. `parse`: another way to make values of the text, which
 * is valid JSON.
 *
 * @throws Problem `code` for a body that is no object, or has a member that is not among `known` or given twice; what
 * `readJson` throws
 */
export async function readMembers(
  request: Request,
  known: readonly string[],
  code: ProblemCode,
  parse?: (text: string) => unknown,
): Promise<Record<string, unknown>> {
  const bytes = await readBody(request, MAX_MEMBERS_BYTES);
  if (bytes.byteLength === 0) return {};
  requireJson(request);
  const { text, value } = parseJson(bytes);
  checkMembers(text, known, code);
  return (parse?.(text) ?? value) as Record<string, unknown>;
}

function requireJson(request: Request): void {
  if (mediaTypeOf(request) === "application/json") return;
  throw new Problem("unsupported_media_type", "Send JSON with `content-type: application/json`.");
}

function parseJson(bytes: Uint8Array): JsonBody {
  const text = fromUtf8(bytes);
  if (text === null) throw new Problem("invalid_json", "The body is not UTF-8.");
  if (isDeeper(text, JSON_DEPTH_LIMIT + ENVELOPE_DEPTH)) {
    throw new Problem("invalid_json", `The JSON is nested deeper than ${JSON_DEPTH_LIMIT} arrays and objects.`);
  }
  try {
    return { text, value: JSON.parse(text) };
  } catch (error) {
    throw new Problem("invalid_json", error instanceof SyntaxError ? error.message : String(error));
  }
}

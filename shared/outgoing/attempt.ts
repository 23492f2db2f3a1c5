import { fromUtf8, utf8 } from "../bytes.ts";
import type { SigningKey } from "../signing/secret.ts";
import { HEADER, sign } from "../signing/signature.ts";
import { type EdgeCode, edgeCode } from "./edge-status.ts";

/** One HTTP attempt: signs, POSTs, follows no redirect, and reads no more of the answer than is kept. */

/** Request to make. `timestamp`: of this attempt, in unix seconds; `body`: as stored, and sent as it is. */
type AttemptRequest = {
  url: string;
  id: string;
  timestamp: number;
  body: string | Uint8Array<ArrayBuffer>;
  /** Media type, JSON by default; null: the body is sent without one. */
  contentType?: string | null;
  /** Headers of the endpoint; they never replace one that is set here. */
  headers: Readonly<Record<string, string>>;
  keys: readonly SigningKey[];
};

/**
 * Reason that an attempt brought no whole response of the server's own: stable codes for logs and the API. Deployed, the
 * edge tells the reason; the local runtime has one error for a refused connection, a reset, and bytes that are not HTTP.
 */
type AttemptErrorCode = "timeout" | "connection_failed" | "response_incomplete" | "request_failed" | EdgeCode;

/**
 * Result of an attempt. `code` null: an HTTP response was read to its end or to the limit. Else `status` is 0, the status
 * of a response whose body did not end in time, or the one that the edge gave for the server.
 */
export type AttemptResult = {
  status: number;
  code: AttemptErrorCode | null;
  ms: number;
  retryAfter: string | null;
  /** The first bytes of the body as text, so that failures can be read later; null when they are no text. */
  response: string | null;
};

/** Time from the start of the POST to the end of headers and body. */
const ATTEMPT_MS = 20_000;
/** Bytes of a response that are read and kept: a body of any size or speed costs no more memory. */
export const RESPONSE_BYTES = 4096;
export const USER_AGENT = "workers-webhooks/1.0";

/** The parts of the platform that an attempt uses, which a test replaces. `now` in unix milliseconds. */
export type Platform = { fetch: typeof fetch; now: () => number };

/** Makes an attempt. Never throws: every failure is a result with a code. */
export async function attempt(
  request: AttemptRequest,
  platform: Platform,
  deadlineMs = ATTEMPT_MS,
): Promise<AttemptResult> {
  const started = platform.now();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), deadlineMs);
  const result = { status: 0, retryAfter: null as string | null, response: null as string | null };
  let code: AttemptErrorCode | null = null;
  try {
    const response = await platform.fetch(request.url, await signedInit(request, deadline.signal));
    result.status = response.status;
    result.retryAfter = response.headers.get("retry-after");
    result.response = await readStart(response);
    code = edgeCode(result.status, result.response);
  } catch (error) {
    code = deadline.signal.aborted ? "timeout" : errorCodeOf(error, result.status);
  } finally {
    clearTimeout(timer);
  }
  return { ...result, code, ms: platform.now() - started };
}

async function signedInit(
  { id, timestamp, body, contentType = "application/json", keys, headers }: AttemptRequest,
  signal: AbortSignal,
): Promise<RequestInit> {
  const bytes = typeof body === "string" ? utf8(body) : body;
  return {
    method: "POST",
    redirect: "manual",
    signal,
    body: bytes,
    headers: {
      ...headers,
      ...(contentType === null ? {} : { "content-type": contentType }),
      "user-agent": USER_AGENT,
      [HEADER.id]: id,
      [HEADER.timestamp]: String(timestamp),
      [HEADER.signature]: await sign({ id, timestamp, body: bytes }, keys),
    },
  };
}

/** Returns the first RESPONSE_BYTES of the body as text; the rest is cancelled, unread. */
async function readStart(response: Response): Promise<string | null> {
  if (response.body === null) return "";
  const kept = new Uint8Array(RESPONSE_BYTES);
  let size = 0;
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  while (size < RESPONSE_BYTES) {
    const { done, value } = await reader.read();
    if (done) return textOf(kept.subarray(0, size));
    const part = value.subarray(0, RESPONSE_BYTES - size);
    kept.set(part, size);
    size += part.byteLength;
  }
  // Not awaited: the other side may be slow to let go, and nothing here depends on it.
  reader.cancel().catch(() => {});
  return textOf(kept);
}

/** Returns bytes as text; a text that was cut in the middle of a character loses that character only. */
function textOf(bytes: Uint8Array): string | null {
  for (let cut = 0; cut < 4; cut++) {
    const text = fromUtf8(bytes.subarray(0, bytes.byteLength - cut));
    if (text !== null) return text;
    if (bytes.byteLength < RESPONSE_BYTES) return null;
  }
  return null;
}

function errorCodeOf(error: unknown, status: number): AttemptErrorCode {
  if (status !== 0) return "response_incomplete";
  return /network connection lost/i.test(String(error)) ? "connection_failed" : "request_failed";
}

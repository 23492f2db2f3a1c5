import { fromUtf8, utf8 } from "../bytes.ts";
import type { SigningKey } from "../signing/secret.ts";
import { HEADER, sign } from "../signing/signature.ts";
import { type AnswerHeaders, answerHeaders } from "./answer-headers.ts";
import { type EdgeCode, edgeCode } from "./edge-status.ts";
import { letGo } from "./let-go.ts";

/**
 * One HTTP attempt: signs, POSTs, follows no redirect, and reads no more of the answer than is kept. A 2xx counts once its
 * headers are here: the server has taken the event then, whatever becomes of the body.
 */

/** Request to make. `timestamp`: of this attempt, in unix seconds; `body`: as stored, and sent as it is. */
type AttemptRequest = {
  url: string;
  id: string;
  timestamp: number;
  body: string | Uint8Array<ArrayBuffer>;
  /** Media type, JSON by default; null: the body is sent without one. */
  contentType?: string | null;
  /** Names of the signed headers; null for those of the specification. */
  names?: Readonly<Record<keyof typeof HEADER, string>> | null;
  /** Headers of the endpoint; they never replace one that is set here. */
  headers: Readonly<Record<string, string>>;
  keys: readonly SigningKey[];
  /** True: the body of a 2xx is kept as well, as far as it came. Otherwise that body is not read. */
  keepsAll?: boolean;
};

/**
 * Reason that an attempt brought no whole response of the server's own: stable codes for logs and the API. Deployed, the
 * edge tells the reason; the local runtime has one error for a refused connection, a reset, and bytes that are not HTTP.
 */
type AttemptErrorCode = "timeout" | "connection_failed" | "response_incomplete" | "request_failed" | EdgeCode;

/**
 * Result of an attempt. `code` null: the server answered, a 2xx or a failure whose body was read to its end or to the
 * limit. Else `status` is 0, the status of a failure whose body broke off, or the one that the edge gave for the server.
 */
export type AttemptResult = {
  status: number;
  code: AttemptErrorCode | null;
  ms: number;
  retryAfter: string | null;
  /** The first bytes of the body as text, so that failures can be read later; null when not read, or no text. */
  response: string | null;
  /** Headers of a failure; left out where there was no answer, or a 2xx. */
  headers?: AnswerHeaders;
};

/** Time from the start of the POST to the end of the headers, and of the body where it is read. */
const ATTEMPT_MS = 20_000;
/** Bytes of a response that are read and kept: a body of any size or speed costs no more memory. */
export const RESPONSE_BYTES = 4096;
export const USER_AGENT = "workers-webhooks/1.0";

/** The parts of the platform that an attempt uses, which a test replaces. `now` in unix milliseconds. */
export type Platform = { fetch: typeof fetch; now: () => number };

/**
 * Makes an attempt. Never throws: every failure is a result with a code. `deadline`: milliseconds, or a signal that
 * several attempts share, which saves each a timer.
 */
export async function attempt(
  request: AttemptRequest,
  platform: Platform,
  deadline: number | AbortSignal = ATTEMPT_MS,
): Promise<AttemptResult> {
  const started = platform.now();
  const { signal, clear } = typeof deadline === "number" ? deadlineAfter(deadline) : { signal: deadline, clear: null };
  const result: Pick<AttemptResult, "status" | "retryAfter" | "headers"> = { status: 0, retryAfter: null };
  let start = null as BodyStart | null;
  let code: AttemptErrorCode | null = null;
  try {
    const response = await platform.fetch(request.url, await signedInit(request, signal));
    result.status = response.status;
    if (!response.ok) {
      result.retryAfter = response.headers.get("retry-after");
      result.headers = answerHeaders(response.headers);
    }
    if (request.keepsAll || !response.ok) {
      start = new BodyStart();
      await start.read(response);
    } else letGo(response.body);
    code = edgeCode(result.status, start?.text ?? null);
  } catch (error) {
    code = signal.aborted ? "timeout" : errorCodeOf(error, result.status);
  } finally {
    clear?.();
  }
  const taken = result.status >= 200 && result.status < 300;
  return { ...result, code: taken ? null : code, ms: platform.now() - started, response: start?.text ?? null };
}

/** Returns a signal that aborts after `ms`, and a function that ends the wait. */
export function deadlineAfter(ms: number): { signal: AbortSignal; clear: () => void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  return { signal: controller.signal, clear: () => clearTimeout(timer) };
}

async function signedInit(
  { id, timestamp, body, contentType = "application/json", keys, headers, names }: AttemptRequest,
  signal: AbortSignal,
): Promise<RequestInit> {
  const bytes = typeof body === "string" ? utf8(body) : body;
  const name = names ?? HEADER;
  return {
    method: "POST",
    redirect: "manual",
    signal,
    body: bytes,
    headers: {
      ...headers,
      ...(contentType === null ? {} : { "content-type": contentType }),
      "user-agent": USER_AGENT,
      [name.id]: id,
      [name.timestamp]: String(timestamp),
      [name.signature]: await sign({ id, timestamp, body: bytes }, keys),
    },
  };
}

/** The first RESPONSE_BYTES of a body. What has come is kept when the rest fails. */
class BodyStart {
  readonly #kept = new Uint8Array(RESPONSE_BYTES);
  #size = 0;
  #ended = false;

  /** Reads until there is enough, and cancels the rest. @throws what the stream throws */
  async read({ body }: Response): Promise<void> {
    const reader = (body as ReadableStream<Uint8Array> | null)?.getReader();
    while (reader !== undefined && this.#size < RESPONSE_BYTES) {
      const { done, value } = await reader.read();
      if (done) {
        this.#ended = true;
        return;
      }
      const part = value.subarray(0, RESPONSE_BYTES - this.#size);
      this.#kept.set(part, this.#size);
      this.#size += part.byteLength;
    }
    letGo(reader);
  }

  /** The text so far; null when the bytes are no text. A character that the end cuts in two is left out. */
  get text(): string | null {
    for (let cut = 0; cut < (this.#ended ? 1 : 4); cut++) {
      const text = fromUtf8(this.#kept.subarray(0, Math.max(0, this.#size - cut)));
      if (text !== null) return text;
    }
    return null;
  }
}

function errorCodeOf(error: unknown, status: number): AttemptErrorCode {
  if (status !== 0) return "response_incomplete";
  return /network connection lost/i.test(String(error)) ? "connection_failed" : "request_failed";
}

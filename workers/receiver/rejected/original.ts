import { type Bytes, fromBase64, fromUtf8, toBase64, utf8 } from "../../../shared/bytes.ts";
import { DAY_MS } from "../../../shared/time.ts";
import type { SignedRequest } from "../verify/schemes/scheme.ts";
import type { UnacceptedRequest } from "./rejection.ts";

/**
 * A rejected request as it came, so that it can be verified again. Its headers and its URL hold the sender's secrets:
 * it is kept apart from what is shown, and no answer ever holds any of it. Pure.
 */

/** Line and headers as JSON, and the body; both in base64, which no storage has to escape. */
export type OriginalRequest = { head: string; body: string };

type Head = Pick<SignedRequest, "method" | "url"> & { headers: [string, string][] };

/** A rejected request can be taken in for so long. */
export const ORIGINAL_MS = DAY_MS;

/** Longer requests are not kept: a few must not take the place of many. */
const MAX_BODY_BYTES = 192 * 1024;
const MAX_HEAD_BYTES = 16 * 1024;

/** Returns what is kept of a request; null for one that is too long, was not read, or cannot be an event. */
export function originalOf({ source, request, reason, bytes }: UnacceptedRequest): OriginalRequest | null {
  if (source === null || bytes === null || bytes > MAX_BODY_BYTES || reason.startsWith("question_")) return null;
  const { method, url, headers, body } = request;
  const head = utf8(JSON.stringify({ method, url, headers: [...headers] } satisfies Head));
  return head.byteLength > MAX_HEAD_BYTES ? null : { head: toBase64(head), body: toBase64(body) };
}

/** Returns the request of which `originalOf` kept this. @throws Error when it is damaged */
export function requestOf({ head, body }: OriginalRequest): SignedRequest & { body: Bytes } {
  const [text, bytes] = [fromUtf8(fromBase64(head) ?? new Uint8Array()), fromBase64(body)];
  if (text === null || bytes === null) throw new Error("the kept request is damaged");
  const { method, url, headers } = JSON.parse(text) as Head;
  return { method, url, headers: new Headers(headers), body: bytes };
}

/** Returns the place that a kept request takes. */
export function sizeOfOriginal(original: OriginalRequest | null): number {
  return original === null ? 0 : original.head.length + original.body.length;
}

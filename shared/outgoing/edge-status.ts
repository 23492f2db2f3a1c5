/**
 * What Cloudflare's edge answers in place of a server that it could not reach. There a Worker's `fetch` does not
 * throw: it gets one of these statuses, which no server of its own sends (Cloudflare, "5xx errors" and Workers,
 * "Known issues"). A server that itself stands behind Cloudflare gives the same answer for the same reason.
 */
const CODES = {
  520: "invalid_response", // an empty or malformed answer, or a reset after the connection stood
  521: "connection_refused",
  522: "connect_timeout",
  523: "unreachable",
  524: "timeout",
  525: "tls_failed",
  526: "certificate_invalid",
} as const;

/** 530 wraps an error of the edge's own, whose number stands in the body; this is the name that did not resolve. */
const WRAPPED = 530;
const NAME_UNRESOLVED = /\b1016\b/;

export type EdgeCode = (typeof CODES)[keyof typeof CODES] | "dns_failed";

/** Why the edge could not reach the server, or null when the answer is the server's own. */
export function edgeCode(status: number, body: string | null): EdgeCode | null {
  if (status === WRAPPED) return NAME_UNRESOLVED.test(body ?? "") ? "dns_failed" : "unreachable";
  return CODES[status as keyof typeof CODES] ?? null;
}

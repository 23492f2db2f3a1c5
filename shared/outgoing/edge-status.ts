/**
 * Statuses that Cloudflare's edge answers in place of a server that it could not reach. A deployed Worker's `fetch` does
 * not throw then: it gets one of these, which no server sends by itself (Cloudflare, "5xx errors" and Workers, "Known
 * issues"). A server that itself stands behind Cloudflare answers the same for the same reason.
 */

const EDGE_CODES = {
  520: "invalid_response", // an empty or malformed answer, or a reset after the connection stood
  521: "connection_refused",
  522: "connect_timeout",
  523: "unreachable",
  524: "timeout",
  525: "tls_failed",
  526: "certificate_invalid",
} as const;

/** 530 wraps an error of the edge, whose number stands in the body: 1016 is a name that did not resolve. */
const WRAPPED = 530;
const NAME_UNRESOLVED = /\b1016\b/;

export type EdgeCode = (typeof EDGE_CODES)[keyof typeof EDGE_CODES] | "dns_failed";

/** Returns why the edge could not reach the server, or null when the answer is the server's own. */
export function edgeCode(status: number, body: string | null): EdgeCode | null {
  if (status === WRAPPED) return NAME_UNRESOLVED.test(body ?? "") ? "dns_failed" : "unreachable";
  return EDGE_CODES[status as keyof typeof EDGE_CODES] ?? null;
}

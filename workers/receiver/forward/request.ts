import type { AttemptResult } from "../../../shared/outgoing/attempt.ts";
import { CONNECTION_HEADERS } from "../../../shared/outgoing/headers.ts";
import { isSecretName, MASK } from "../../../shared/secret-name.ts";
import { ANSWERED_HEADER, type HeaderList } from "../event/headers.ts";
import type { EventRecord } from "../event/record.ts";
import { schemes } from "../verify/schemes/index.ts";
import { idFault } from "../verify/schemes/rules.ts";
import type { Scheme } from "../verify/schemes/scheme.ts";
import type { Source } from "../verify/source.ts";

/** Id and headers of a logged event that is sent on: the same bytes go out, signed anew. Pure. */

/** Headers that are not sent on; headers with a proof for a source are not, either. */
const DROPPED_HEADERS = new Set<string>([
  ...CONNECTION_HEADERS,
  "accept-encoding",
  "proxy-authenticate",
  ANSWERED_HEADER,
  // the way here, which the target must not take for the way to itself
  ...["forwarded", "via", "x-real-ip", "true-client-ip", "cdn-loop"],
]);
const DROPPED_PREFIXES = ["cf-", "x-forwarded-"];

/**
 * Returns the event's own id if a `webhook-id` may look like it, else an id that is the same each time. The time in it
 * tells this event from others that other receivers, or this log before a rebuild, sent to the same target.
 */
export function forwardId(
  { id, seq, receivedAt }: Pick<EventRecord, "id" | "seq" | "receivedAt">,
  log: string,
): string {
  if (id !== null && idFault(id, { signed: true }) === null) return id;
  return `${log}_${seq}_${Date.parse(receivedAt)}`;
}

/**
 * Returns the headers to send on, without those of a connection, of the way here, of credentials, or of a proof for us. Headers of every
 * scheme count as proofs: a source may have had another scheme when the event came, or be gone.
 */
export function forwardedHeaders(headers: HeaderList, sources: readonly Source[]): Record<string, string> {
  const proofs = new Set([...Object.values(schemes), ...sources.map(({ scheme }) => scheme)].flatMap(proofHeaders));
  const connection = headers.find(([name]) => name === "connection")?.[1] ?? "";
  const named = new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
  const kept = headers.filter(
    ([name, value]) =>
      !DROPPED_HEADERS.has(name) &&
      !DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix)) &&
      !proofs.has(name) &&
      !isSecretName(name) &&
      !named.has(name) &&
      value !== MASK,
  );
  return Object.fromEntries(kept);
}

function proofHeaders({ secretHeaders = [], signatureHeaders = [] }: Scheme): string[] {
  return [...secretHeaders, ...signatureHeaders];
}

/** Outcome of a POST. `code` null: the target answered `status`; else the reason why not, in the sender's words. */
export type Forwarded = Pick<AttemptResult, "status" | "code" | "ms" | "response"> | UnresolvedTarget;

/** Outcome where the hostname could not be resolved. */
type UnresolvedTarget = { status: 0; code: "dns_not_found" | "dns_unavailable"; ms: 0; response: null };

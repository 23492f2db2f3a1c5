import type { AttemptResult } from "../../../shared/outgoing/attempt.ts";
import { type HeaderList, MASK } from "../event/headers.ts";

import type { EventRecord } from "../event/record.ts";
import { schemes } from "../verify/schemes/index.ts";
import { idFault } from "../verify/schemes/rules.ts";
import type { Scheme } from "../verify/schemes/scheme.ts";
import type { Source } from "../verify/source.ts";

/** What is sent when a logged event is sent on: the same bytes, signed anew. Pure. */

/** Headers that are not sent on; those of a source's own proof come besides. */
const DROPPED = new Set([
  // RFC 9110 section 7.6.1, and what the connection to the target sets for itself
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
  ...["host", "content-length", "expect", "accept-encoding"],
  // what authenticates someone to us
  ...["authorization", "proxy-authorization", "proxy-authenticate", "cookie"],
  // the way here, which the target must not take for the way to it
  ...["forwarded", "via", "x-real-ip", "true-client-ip", "cdn-loop"],
]);
const DROPPED_PREFIXES = ["cf-", "x-forwarded-"];

/**
 * The record's own id where a `webhook-id` may be like it, else one that stays the same each time. The time in it
 * tells apart what other receivers, or this log in an earlier life, sent to the same target.
 */
export function forwardId(
  { id, seq, receivedAt }: Pick<EventRecord, "id" | "seq" | "receivedAt">,
  log: string,
): string {
  if (id !== null && idFault(id, { signed: true }) === null) return id;
  return `${log}_${seq}_${Date.parse(receivedAt)}`;
}

/**
 * The headers that go on, without what belongs to one connection, to the way here, or to a proof for us. They are
 * told by every scheme there is: a source may have had another scheme when the event came, or be gone.
 */
export function forwardedHeaders(headers: HeaderList, sources: readonly Source[]): Record<string, string> {
  const proofs = new Set([...Object.values(schemes), ...sources.map(({ scheme }) => scheme)].flatMap(proofHeaders));
  const connection = headers.find(([name]) => name === "connection")?.[1] ?? "";
  const named = new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
  const kept = headers.filter(
    ([name, value]) =>
      !DROPPED.has(name) &&
      !DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix)) &&
      !proofs.has(name) &&
      !named.has(name) &&
      value !== MASK,
  );
  return Object.fromEntries(kept);
}

function proofHeaders({ secretHeaders = [], signatureHeaders = [] }: Scheme): string[] {
  return [...secretHeaders, ...signatureHeaders];
}

/** What became of the POST. `code` null: the target answered `status`; else why it did not, as the sender says it. */
export type Forwarded = Pick<AttemptResult, "status" | "code" | "ms" | "response"> | Unreached;

type Unreached = { status: 0; code: "dns_not_found" | "dns_unavailable"; ms: 0; response: null };

import { ConfigError } from "../../../shared/config.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { formatPublicKey, isPair, parseSecrets, type SigningKey } from "../../../shared/signing/secret.ts";
import { MASK } from "../event/arrival.ts";
import type { EventRecord, HeaderList } from "../event/record.ts";
import { schemes } from "../verify/schemes/index.ts";
import { idFault } from "../verify/schemes/rules.ts";
import type { Scheme } from "../verify/schemes/scheme.ts";
import type { Source } from "../verify/source.ts";

/** What is sent when a logged event is sent on: the same bytes, signed anew. Pure. */

/** FORWARD_SECRET as it was read. A mistake in it stops what it signs, and nothing else. */
export type Forwarding =
  | { state: "ready"; keys: readonly SigningKey[] }
  | { state: "unset" }
  | { state: "faulty"; fault: string };

const NAME = "FORWARD_SECRET";

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

/** FORWARD_SECRET beside the sources whose secrets it must not be: their holder could replay to us as genuine. */
export function readForwarding(text: string, sources: readonly Source[]): Forwarding {
  if (text.trim() === "") return { state: "unset" };
  try {
    const keys = parseSecrets(NAME, text);
    const own = [...text.split(" "), ...keys.flatMap((key) => formatPublicKey(key) ?? [])].map(bare);
    const shared = sources.find(({ secrets }) => secrets.some((secret) => own.includes(bare(secret))));
    if (shared === undefined) return { state: "ready", keys };
    return {
      state: "faulty",
      fault: `${NAME} is also a secret of the source ${shared.name}; it must be one of its own`,
    };
  } catch (error) {
    return { state: "faulty", fault: error instanceof Error ? error.message : `${NAME} is malformed` };
  }
}

/** What signs. @throws Problem `forward_secret_unset`; ConfigError when the secret is unusable. */
export async function forwardKeys(forwarding: Forwarding): Promise<readonly SigningKey[]> {
  if (forwarding.state === "unset") {
    throw new Problem(
      "forward_secret_unset",
      `Set the secret ${NAME}, \`whsec_\` and base64 of 32 random bytes, and name it in \`required\` of wrangler.receiver.toml.`,
    );
  }
  if (forwarding.state === "faulty") throw new ConfigError(forwarding.fault);
  const { keys } = forwarding;
  const pairs = await Promise.all(keys.map(isPair));
  if (pairs.includes(false)) throw new ConfigError(`${NAME} holds a public key that is not its own`);
  return keys;
}

/** @throws ConfigError when the secret is set and unusable. */
export function checkForwarding(forwarding: Forwarding): void {
  if (forwarding.state === "faulty") throw new ConfigError(forwarding.fault);
}

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

/** Dashboards show a secret with its prefix or without. */
function bare(secret: string): string {
  return secret.replace(/^whsec_/, "");
}

import { checkIp, type IpReason } from "./ip.ts";

/** Judges DNS answers in the JSON that Cloudflare and Google serve, which no RFC describes: may a host be called? */

/** An answered question. `ttl`: the shortest of its records, in seconds; null when no record has one. */
export type DnsAnswer = { addresses: string[]; ttl: number | null };
/** Verdict on a host. */
export type DnsVerdict =
  | { ok: true }
  | { ok: false; code: "dns_not_found" | "dns_unavailable" }
  | { ok: false; code: "address_forbidden"; address: string; reason: IpReason };

/** RFC 1035 section 4.1.1: no error, and a name that does not exist. Any other code is a resolver that failed. */
const ANSWERED = new Set([0, 3]);
/** A, RFC 1035 section 3.4.1, and AAAA, RFC 3596 section 2.1. Aliases on the way to them lead nowhere else. */
const ADDRESS_TYPES = new Set([1, 28]);

/**
 * Returns the addresses of an answer, none when the name does not exist. Null when it is no answer: another shape, an
 * error of the resolver, a record that is no address, or a truncated one, which could hide a forbidden address.
 */
export function parseAnswer(json: unknown): DnsAnswer | null {
  if (!isObject(json) || !ANSWERED.has(json.Status as number) || json.TC === true) return null;
  const records = json.Answer ?? [];
  if (!Array.isArray(records) || !records.every(isRecord)) return null;
  const addresses = records.filter(({ type }) => ADDRESS_TYPES.has(type)).map(({ data }) => data);
  if (addresses.some((address) => checkIp(address) === "malformed")) return null;
  return { addresses, ttl: shortestTtl(records.length > 0 ? records : json.Authority) };
}

/** Returns one verdict on the answers to all questions about a host; null stands for no answer. Fails closed. */
export function judgeAnswers(answers: readonly (DnsAnswer | null)[]): DnsVerdict {
  const addresses = answers.flatMap((answer) => answer?.addresses ?? []);
  for (const address of addresses) {
    const reason = checkIp(address);
    if (reason !== null) return { ok: false, code: "address_forbidden", address, reason };
  }
  if (answers.includes(null)) return { ok: false, code: "dns_unavailable" };
  return addresses.length === 0 ? { ok: false, code: "dns_not_found" } : { ok: true };
}

/** Returns the shortest TTL; an answer without records is kept as long as the SOA record beside it, RFC 2308 section 5. */
function shortestTtl(records: unknown): number | null {
  const ttls = Array.isArray(records) ? records.filter(isRecord).map(({ TTL }) => TTL) : [];
  return ttls.length === 0 ? null : Math.min(...ttls);
}

function isRecord(value: unknown): value is { type: number; TTL: number; data: string } {
  if (!isObject(value)) return false;
  const { type, TTL, data } = value;
  return typeof type === "number" && typeof TTL === "number" && typeof data === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

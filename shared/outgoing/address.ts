import { checkIp, type IpReason } from "./ip.ts";

/**
 * URLs that may be called: no URL that a user of the API registers may reach into the network that this runs in. Nothing
 * is looked up here; `dns.ts` judges the addresses that a name stands for.
 */

type AddressReason = IpReason | "forbidden_character" | "scheme" | "credentials" | "local_name";
type CheckedUrl = { ok: true; url: URL } | { ok: false; reason: AddressReason };

/** Explanation for the user, as the rest of a sentence that begins with "The URL". */
export const explainAddress: Record<AddressReason, string> = {
  malformed: "is not a URL with a valid hostname; write it as `https://host/path`",
  forbidden_character: "holds white space, a backslash or an invisible character; percent-encode it",
  scheme: "does not begin with `https://`",
  credentials: "holds a user name or password; send them in a custom header instead",
  local_name: "names a host that exists only inside some network",
  unspecified: "leads to an address that means this host or network",
  loopback: "leads to a loopback address",
  private: "leads to a private address",
  shared: "leads to an address shared behind carrier-grade NAT",
  link_local: "leads to a link-local address",
  unique_local: "leads to a unique local address",
  site_local: "leads to a site-local address",
  documentation: "leads to an address that is reserved for documentation",
  benchmark: "leads to an address that is reserved for benchmarks",
  multicast: "leads to a multicast address",
  broadcast: "leads to the broadcast address",
  reserved: "leads to a reserved address",
};

/** White space, backslash, control, format and surrogate characters: parsers differ in how they drop or turn them. */
const FORBIDDEN = /[\s\\\p{Z}\p{Cc}\p{Cf}\p{Cs}]/u;
/** A URL written out: the parser would also take `https:host` and `https:///host`. */
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]/i;
/** A user name in the text: an empty one leaves no trace in the parsed URL. */
const USERINFO = /^[^:]*:\/\/[^/?#]*@/;

/** RFC 1035 section 2.3.4. */
const MAX_HOSTNAME = 253;
/** RFC 1123 section 2.1, and the underscore that some hosts have. The runtime's URL parser lets more pass. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** A last label that the URL standard takes for part of an IPv4 address. */
const NUMERIC_LABEL = /(^|\.)(\d+|0x[0-9a-f]*)$/;
const LOOPBACK_LITERAL = /^(127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Names that never lead to a public host, with all names below them. */
const LOCAL_NAMES = [
  "localhost", // RFC 6761 section 6.3
  "local", // RFC 6762 section 3
  "internal", // reserved for private use by ICANN, resolution 2024.07.29.06
  "home.arpa", // RFC 8375
];

/**
 * Checks whether `text` may be called. The URL that comes back is the one to keep and to call, without the fragment, which
 * is never sent. Any port may be named. `allowLoopback` adds, for local development, `http:` and `https:` to `localhost`,
 * names below it, 127.0.0.0/8 and ::1. Never throws.
 */
export function checkUrl(text: string, { allowLoopback }: { allowLoopback: boolean }): CheckedUrl {
  if (FORBIDDEN.test(text)) return forbidden("forbidden_character");
  const url = ABSOLUTE.test(text) ? URL.parse(text) : null;
  if (url === null) return forbidden("malformed");
  const local = allowLoopback && isLoopback(url.hostname);
  if (url.protocol !== "https:" && !(local && url.protocol === "http:")) return forbidden("scheme");
  if (USERINFO.test(text) || url.username !== "" || url.password !== "") return forbidden("credentials");
  const reason = local ? null : checkHostname(url.hostname);
  if (reason !== null) return forbidden(reason);
  url.hash = "";
  return { ok: true, url };
}

/** Tells whether a URL's hostname is this machine, by name or by literal. */
export function isLoopback(hostname: string): boolean {
  return isWithin(withoutDot(hostname), "localhost") || LOOPBACK_LITERAL.test(hostname);
}

/** Returns the address of a hostname that is an IP literal, as `checkIp` takes it; null for a name. */
export function ipLiteral(hostname: string): string | null {
  if (hostname.startsWith("[") && hostname.endsWith("]")) return hostname.slice(1, -1);
  // A hostname that still ends in a number must be plain dotted decimal; checkIp sees to that.
  return NUMERIC_LABEL.test(withoutDot(hostname)) ? hostname : null;
}

function checkHostname(hostname: string): AddressReason | null {
  const ip = ipLiteral(hostname);
  if (ip !== null) return checkIp(ip);
  const name = withoutDot(hostname);
  const labels = name.split(".");
  if (name.length > MAX_HOSTNAME || !labels.every((label) => LABEL.test(label))) return "malformed";
  // A single label is found only through a search list or a hosts file; RFC 7085 lists the exceptions.
  if (labels.length === 1) return "local_name";
  return LOCAL_NAMES.some((local) => isWithin(name, local)) ? "local_name" : null;
}

function isWithin(name: string, parent: string): boolean {
  return name === parent || name.endsWith(`.${parent}`);
}

/** Returns the name without the root's dot at its end, which changes nothing. */
function withoutDot(hostname: string): string {
  return hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
}

function forbidden(reason: AddressReason): CheckedUrl {
  return { ok: false, reason };
}

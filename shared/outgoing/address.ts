import { checkIp, type IpReason } from "./ip.ts";

export { checkIp } from "./ip.ts";

/**
 * Which URLs may be called: what a user of the API registers must not reach into the network that this runs
 * in. Nothing is looked up here; the addresses that a name stands for are judged with `checkIp`.
 */

type AddressReason = IpReason | "forbidden_character" | "scheme" | "credentials" | "local_name";
type CheckedUrl = { ok: true; url: URL } | { ok: false; reason: AddressReason };

/** What to tell the user, as the rest of a sentence that begins with "The URL". */
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

/** White space, backslash, control, format and surrogate characters: parsers drop or turn them differently. */
const FORBIDDEN = /[\s\\\p{Z}\p{Cc}\p{Cf}\p{Cs}]/u;
/** Written out: the URL parser also takes `https:host` and `https:///host`. */
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]/i;
/** An empty user name leaves no trace in the parsed URL. */
const USERINFO = /^[^:]*:\/\/[^/?#]*@/;

/** RFC 1035 section 2.3.4. */
const MAX_HOSTNAME = 253;
/** RFC 1123 section 2.1, and the underscore that some hosts have. The runtime's URL parser lets more pass. */
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** A last label that the URL standard takes for part of an IPv4 address. */
const NUMBER = /(^|\.)(\d+|0x[0-9a-f]*)$/;
const LOOPBACK_LITERAL = /^(127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Names that never lead to a public host, with all names below them. */
const LOCAL_NAMES = [
  "localhost", // RFC 6761 section 6.3
  "local", // RFC 6762 section 3
  "internal", // reserved for private use by ICANN, resolution 2024.07.29.06
  "home.arpa", // RFC 8375
];

/**
 * Whether `text` may be called. The URL that comes back is the one to keep and to call, without the fragment,
 * which is never sent. Any port may be named. `allowLoopback`: for local development, `http:` and `https:`
 * to `localhost`, names below it, 127.0.0.0/8 and ::1 besides. Never throws.
 */
export function checkUrl(text: string, { allowLoopback }: { allowLoopback: boolean }): CheckedUrl {
  if (FORBIDDEN.test(text)) return refused("forbidden_character");
  const url = ABSOLUTE.test(text) ? URL.parse(text) : null;
  if (url === null) return refused("malformed");
  const local = allowLoopback && isLoopback(url.hostname);
  if (url.protocol !== "https:" && !(local && url.protocol === "http:")) return refused("scheme");
  if (USERINFO.test(text) || url.username !== "" || url.password !== "") return refused("credentials");
  const reason = local ? null : checkHostname(url.hostname);
  if (reason !== null) return refused(reason);
  url.hash = "";
  return { ok: true, url };
}

/** Whether a URL's hostname is this machine, by name or by literal. */
export function isLoopback(hostname: string): boolean {
  return isWithin(withoutDot(hostname), "localhost") || LOOPBACK_LITERAL.test(hostname);
}

/** The address of a hostname that is an IP literal, as `checkIp` takes it; null for a name. */
export function ipLiteral(hostname: string): string | null {
  if (hostname.startsWith("[") && hostname.endsWith("]")) return hostname.slice(1, -1);
  // Whatever the parser left that ends in a number must be plain dotted decimal by now; checkIp sees to it.
  return NUMBER.test(withoutDot(hostname)) ? hostname : null;
}

function checkHostname(hostname: string): AddressReason | null {
  const ip = ipLiteral(hostname);
  if (ip !== null) return checkIp(ip);
  const name = withoutDot(hostname);
  const labels = name.split(".");
  if (name.length > MAX_HOSTNAME || !labels.every((label) => LABEL.test(label))) return "malformed";
  // One label alone is found only through a search list or a hosts file; RFC 7085 tells of the exceptions.
  if (labels.length === 1) return "local_name";
  return LOCAL_NAMES.some((local) => isWithin(name, local)) ? "local_name" : null;
}

function isWithin(name: string, parent: string): boolean {
  return name === parent || name.endsWith(`.${parent}`);
}

/** The root's dot at the end of a name changes nothing about what it names. */
function withoutDot(hostname: string): string {
  return hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
}

function refused(reason: AddressReason): CheckedUrl {
  return { ok: false, reason };
}

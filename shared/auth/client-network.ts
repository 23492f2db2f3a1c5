/** The network that a client's address belongs to. Pure. */

const GROUPS = 8;
/** Groups of a /64: a customer gets at least one, and may take any address within (RFC 6177). */
const NETWORK_GROUPS = 4;

/**
 * Returns the name that failures of a client are counted under: an IPv4 address, also one within IPv6, stands for itself,
 * an IPv6 address for its /64.
 */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const host = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1);
  if (host === undefined) return address;
  const [left = [], right = []] = host.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const groups = [...left, ...Array<string>(GROUPS - left.length - right.length).fill("0"), ...right];
  const isMapped = groups.slice(0, 5).every((group) => group === "0") && groups[5] === "ffff";
  return isMapped ? dotted(groups.slice(6)) : `${groups.slice(0, NETWORK_GROUPS).join(":")}::/64`;
}

function dotted(groups: readonly string[]): string {
  return groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]).join(".");
}

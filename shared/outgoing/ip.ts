/**
 * IP addresses that may be called, those of the public Internet: the IANA special-purpose address registries for IPv4 and
 * IPv6, and the IPv6 address space registry, as one table. Every block listed there is forbidden, even those marked as
 * globally reachable: they are anycast to the nearest node, which may be one's own.
 */

/** Reason that an address must not be called. `malformed`: the text is no address. */
export type IpReason =
  | "malformed"
  | "unspecified"
  | "loopback"
  | "private"
  | "shared"
  | "link_local"
  | "unique_local"
  | "site_local"
  | "documentation"
  | "benchmark"
  | "multicast"
  | "broadcast"
  | "reserved";

/** Returns the IPv4 addresses that an IPv6 address stands for; each of them is judged in its place. */
type Embedded = (value: bigint) => bigint[];
/** Block of addresses; `verdict` null: public. */
type IpBlock = readonly [cidr: string, verdict: IpReason | Embedded | null, source: string];
type IpRange = { verdict: IpBlock[1]; prefix: bigint; shift: bigint; length: number };

const MASK_32 = 0xffff_ffffn;
const low: Embedded = (value) => [value & MASK_32];
const sixToFour: Embedded = (value) => [(value >> 80n) & MASK_32];
/** Returns the server, and the client with its bits flipped back: packets go through the one to the other. */
const teredo: Embedded = (value) => [(value >> 64n) & MASK_32, ~value & MASK_32];
/** Returns the address within an ISATAP interface (`::0:5efe:a.b.c.d` under any prefix): its router sends there. */
const isatap: Embedded = (value) => (((value >> 32n) & 0xfdff_ffffn) === 0x5efen ? low(value) : []);

/** The blocks; the longest prefix that holds an address decides. */
const IPV4: readonly IpBlock[] = [
  ["0.0.0.0/0", null, "RFC 791"],
  ["0.0.0.0/8", "unspecified", "RFC 791 section 3.2, RFC 1122 section 3.2.1.3"],
  ["10.0.0.0/8", "private", "RFC 1918"],
  ["100.64.0.0/10", "shared", "RFC 6598"],
  ["127.0.0.0/8", "loopback", "RFC 1122 section 3.2.1.3"],
  ["169.254.0.0/16", "link_local", "RFC 3927"],
  ["172.16.0.0/12", "private", "RFC 1918"],
  ["192.0.0.0/24", "reserved", "RFC 6890 section 2.1, RFC 7723, RFC 8155"],
  ["192.0.2.0/24", "documentation", "RFC 5737"],
  ["192.31.196.0/24", "reserved", "RFC 7535"],
  ["192.52.193.0/24", "reserved", "RFC 7450"],
  ["192.88.99.0/24", "reserved", "RFC 7526"],
  ["192.168.0.0/16", "private", "RFC 1918"],
  ["192.175.48.0/24", "reserved", "RFC 7534"],
  ["198.18.0.0/15", "benchmark", "RFC 2544"],
  ["198.51.100.0/24", "documentation", "RFC 5737"],
  ["203.0.113.0/24", "documentation", "RFC 5737"],
  ["224.0.0.0/4", "multicast", "RFC 5771"],
  ["240.0.0.0/4", "reserved", "RFC 1112 section 4"],
  ["255.255.255.255/32", "broadcast", "RFC 919 section 7"],
];

const IPV6: readonly IpBlock[] = [
  ["::/0", "reserved", "IANA IPv6 address space: only 2000::/3 is given out"],
  ["::/128", "unspecified", "RFC 4291 section 2.5.2"],
  ["::1/128", "loopback", "RFC 4291 section 2.5.3"],
  ["::/96", "reserved", "RFC 4291 section 2.5.5.1: IPv4-compatible, deprecated"],
  ["::ffff:0:0/96", low, "RFC 4291 section 2.5.5.2: IPv4-mapped"],
  ["::ffff:0:0:0/96", "reserved", "RFC 2765 section 2.1: IPv4-translated"],
  ["64:ff9b::/96", low, "RFC 6052 section 2.1: NAT64"],
  ["64:ff9b:1::/48", "private", "RFC 8215: NAT64 within one network"],
  ["100::/64", "reserved", "RFC 6666: discard-only"],
  ["100:0:0:1::/64", "reserved", "RFC 9780: dummy"],
  ["2000::/3", isatap, "RFC 4291 section 2.4, RFC 5214 section 6.1"],
  ["2001::/23", "reserved", "RFC 2928, RFC 4843, RFC 7343, RFC 7450, RFC 7535, RFC 9374"],
  ["2001::/32", teredo, "RFC 4380 section 4"],
  ["2001:2::/48", "benchmark", "RFC 5180"],
  ["2001:db8::/32", "documentation", "RFC 3849"],
  ["2002::/16", sixToFour, "RFC 3056 section 2"],
  ["2620:4f:8000::/48", "reserved", "RFC 7534"],
  ["3fff::/20", "documentation", "RFC 9637"],
  ["5f00::/16", "reserved", "RFC 9602: SRv6 segment identifiers"],
  ["fc00::/7", "unique_local", "RFC 4193"],
  ["fe80::/10", "link_local", "RFC 4291 section 2.5.6"],
  ["fec0::/10", "site_local", "RFC 3879"],
  ["ff00::/8", "multicast", "RFC 4291 section 2.7"],
];

const ranges4 = rangesOf(IPV4, 32);
const ranges6 = rangesOf(IPV6, 128);

/**
 * Returns why an address must not be called; null when it may. Takes the text forms of A and AAAA records: dotted decimal,
 * and RFC 4291 section 2.2 without a zone. Any other spelling is `malformed`.
 */
export function checkIp(ip: string): IpReason | null {
  const v4 = parseIpv4(ip);
  if (v4 !== null) return judge(v4, ranges4);
  const v6 = parseIpv6(ip);
  return v6 === null ? "malformed" : judge(v6, ranges6);
}

function judge(value: bigint, ranges: readonly IpRange[]): IpReason | null {
  const verdict = ranges.find(({ prefix, shift }) => value >> shift === prefix)?.verdict ?? null;
  if (typeof verdict !== "function") return verdict;
  for (const embedded of verdict(value)) {
    const reason = judge(embedded, ranges4);
    if (reason !== null) return reason;
  }
  return null;
}

function parseIpv4(text: string): bigint | null {
  // No leading zeros: some read them as octal.
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return null;
  const bytes = text.split(".").map(Number);
  return bytes.some((byte) => byte > 255) ? null : bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function parseIpv6(text: string): bigint | null {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const v4 = parseIpv4(dotted[2] ?? "");
    return v4 === null ? null : parseIpv6(`${dotted[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`);
  }
  const [head = [], tail, ...more] = text.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (more.length > 0 || (tail === undefined ? missing !== 0 : missing < 1)) return null;
  const groups = [...head, ...Array<string>(missing).fill("0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** Returns the blocks as ranges, the longest prefix first. */
function rangesOf(rows: readonly IpBlock[], bits: 32 | 128): IpRange[] {
  const ranges = rows.map(([cidr, verdict]) => {
    const [address = "", length = ""] = cidr.split("/");
    const value = bits === 32 ? parseIpv4(address) : parseIpv6(address);
    if (value === null) throw new Error(`${cidr} in the table of addresses is not a range`);
    const shift = BigInt(bits) - BigInt(length);
    return { verdict, prefix: value >> shift, shift, length: Number(length) };
  });
  return ranges.sort((a, b) => b.length - a.length);
}

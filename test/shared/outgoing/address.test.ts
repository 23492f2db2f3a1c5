import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkUrl, explainAddress, ipLiteral, isLoopback } from "../../../shared/outgoing/address.ts";
import { checkIp } from "../../../shared/outgoing/ip.ts";

const deployed = { allowLoopback: false };
const local = { allowLoopback: true };

/** The reason a URL is refused for, or null. */
function reasonOf(text: string, options = deployed): string | null {
  const checked = checkUrl(text, options);
  return checked.ok ? null : checked.reason;
}

describe("checkIp", () => {
  it.each<[string, string | null, string]>([
    // Both ends of each block, and the neighbours of those that public addresses border on.
    ["0.0.0.0", "unspecified", "RFC 1122 section 3.2.1.3"],
    ["0.255.255.255", "unspecified", "RFC 791 section 3.2"],
    ["1.0.0.0", null, "public"],
    ["9.255.255.255", null, "public"],
    ["10.0.0.0", "private", "RFC 1918"],
    ["10.255.255.255", "private", "RFC 1918"],
    ["11.0.0.0", null, "public"],
    ["100.63.255.255", null, "public"],
    ["100.64.0.0", "shared", "RFC 6598"],
    ["100.127.255.255", "shared", "RFC 6598"],
    ["100.128.0.0", null, "public"],
    ["126.255.255.255", null, "public"],
    ["127.0.0.0", "loopback", "RFC 1122 section 3.2.1.3"],
    ["127.0.0.1", "loopback", "RFC 1122 section 3.2.1.3"],
    ["127.255.255.255", "loopback", "RFC 1122 section 3.2.1.3"],
    ["128.0.0.0", null, "public"],
    ["169.253.255.255", null, "public"],
    ["169.254.0.0", "link_local", "RFC 3927"],
    ["169.254.169.254", "link_local", "RFC 3927: the metadata address of clouds"],
    ["169.254.255.255", "link_local", "RFC 3927"],
    ["169.255.0.0", null, "public"],
    ["172.15.255.255", null, "public"],
    ["172.16.0.0", "private", "RFC 1918"],
    ["172.31.255.255", "private", "RFC 1918"],
    ["172.32.0.0", null, "public"],
    ["191.255.255.255", null, "public"],
    ["192.0.0.0", "reserved", "RFC 6890 section 2.1"],
    ["192.0.0.8", "reserved", "RFC 7600"],
    ["192.0.0.9", "reserved", "RFC 7723: anycast to the nearest PCP server"],
    ["192.0.0.10", "reserved", "RFC 8155: anycast to the nearest TURN server"],
    ["192.0.0.170", "reserved", "RFC 8880"],
    ["192.0.0.255", "reserved", "RFC 6890 section 2.1"],
    ["192.0.1.255", null, "public"],
    ["192.0.2.0", "documentation", "RFC 5737"],
    ["192.0.2.255", "documentation", "RFC 5737"],
    ["192.0.3.0", null, "public"],
    ["192.31.196.1", "reserved", "RFC 7535"],
    ["192.52.193.1", "reserved", "RFC 7450"],
    ["192.88.98.255", null, "public"],
    ["192.88.99.1", "reserved", "RFC 7526"],
    ["192.88.100.0", null, "public"],
    ["192.167.255.255", null, "public"],
    ["192.168.0.0", "private", "RFC 1918"],
    ["192.168.255.255", "private", "RFC 1918"],
    ["192.169.0.0", null, "public"],
    ["192.175.48.1", "reserved", "RFC 7534"],
    ["198.17.255.255", null, "public"],
    ["198.18.0.0", "benchmark", "RFC 2544"],
    ["198.19.255.255", "benchmark", "RFC 2544"],
    ["198.20.0.0", null, "public"],
    ["198.51.99.255", null, "public"],
    ["198.51.100.0", "documentation", "RFC 5737"],
    ["198.51.101.0", null, "public"],
    ["203.0.112.255", null, "public"],
    ["203.0.113.255", "documentation", "RFC 5737"],
    ["203.0.114.0", null, "public"],
    ["223.255.255.255", null, "public"],
    ["224.0.0.0", "multicast", "RFC 5771"],
    ["239.255.255.255", "multicast", "RFC 5771"],
    ["240.0.0.0", "reserved", "RFC 1112 section 4"],
    ["255.255.255.254", "reserved", "RFC 1112 section 4"],
    ["255.255.255.255", "broadcast", "RFC 919 section 7"],
    ["8.8.8.8", null, "public"],
    ["::", "unspecified", "RFC 4291 section 2.5.2"],
    ["0:0:0:0:0:0:0:0", "unspecified", "RFC 4291 section 2.5.2"],
    ["::1", "loopback", "RFC 4291 section 2.5.3"],
    ["0000:0000:0000:0000:0000:0000:0000:0001", "loopback", "RFC 4291 section 2.5.3"],
    ["::2", "reserved", "RFC 4291 section 2.5.5.1"],
    ["::7f00:1", "reserved", "RFC 4291 section 2.5.5.1"],
    ["::10.0.0.1", "reserved", "RFC 4291 section 2.5.5.1"],
    ["::8.8.8.8", "reserved", "RFC 4291 section 2.5.5.1: deprecated, never routed"],
    ["::ffff:127.0.0.1", "loopback", "RFC 4291 section 2.5.5.2"],
    ["::FFFF:7F00:1", "loopback", "RFC 4291 section 2.5.5.2"],
    ["::ffff:10.1.2.3", "private", "RFC 4291 section 2.5.5.2"],
    ["::ffff:a9fe:a9fe", "link_local", "RFC 4291 section 2.5.5.2"],
    ["::ffff:0.0.0.0", "unspecified", "RFC 4291 section 2.5.5.2"],
    ["::ffff:255.255.255.255", "broadcast", "RFC 4291 section 2.5.5.2"],
    ["::ffff:8.8.8.8", null, "RFC 4291 section 2.5.5.2: a public address within"],
    ["::ffff:0:127.0.0.1", "reserved", "RFC 2765 section 2.1"],
    ["::ffff:0:8.8.8.8", "reserved", "RFC 2765 section 2.1"],
    ["64:ff9b::127.0.0.1", "loopback", "RFC 6052 section 2.1"],
    ["64:ff9b::c0a8:1", "private", "RFC 6052 section 2.1"],
    ["64:ff9b::100.64.0.1", "shared", "RFC 6052 section 2.1"],
    ["64:ff9b::808:808", null, "RFC 6052 section 2.1: a public address within"],
    ["64:ff9b::1:808:808", "reserved", "outside RFC 6052's /96"],
    ["64:ff9b:1::", "private", "RFC 8215"],
    ["64:ff9b:1::8.8.8.8", "private", "RFC 8215"],
    ["64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "private", "RFC 8215"],
    ["64:ff9b:2::1", "reserved", "RFC 4291 section 2.4"],
    ["100::", "reserved", "RFC 6666"],
    ["100::ffff:ffff:ffff:ffff", "reserved", "RFC 6666"],
    ["100:0:0:1::1", "reserved", "RFC 9780"],
    ["1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "reserved", "RFC 4291 section 2.4"],
    ["2001::1", "unspecified", "RFC 4380 section 4: the server 0.0.0.0"],
    ["2001:0:7f00:1::f7f7:f7f7", "loopback", "RFC 4380 section 4: the server"],
    ["2001:0:4136:e378:8000:63bf:3fff:fdd2", "documentation", "RFC 4380 section 4: the client 192.0.2.45"],
    ["2001:0:808:808::80ff:fffe", "loopback", "RFC 4380 section 4: the client 127.0.0.1"],
    ["2001:0:808:808::f7f7:f7f7", null, "RFC 4380 section 4: public server and client"],
    ["2001:1::1", "reserved", "RFC 7723"],
    ["2001:1::2", "reserved", "RFC 8155"],
    ["2001:2::1", "benchmark", "RFC 5180"],
    ["2001:2:0:ffff:ffff:ffff:ffff:ffff", "benchmark", "RFC 5180"],
    ["2001:2:1::", "reserved", "RFC 2928"],
    ["2001:3::1", "reserved", "RFC 7450"],
    ["2001:4:112::1", "reserved", "RFC 7535"],
    ["2001:10::1", "reserved", "RFC 4843"],
    ["2001:20::1", "reserved", "RFC 7343"],
    ["2001:30::1", "reserved", "RFC 9374"],
    ["2001:1ff:ffff::", "reserved", "RFC 2928"],
    ["2001:200::", null, "public"],
    ["2001:db7:ffff::1", null, "public"],
    ["2001:db8::1", "documentation", "RFC 3849"],
    ["2001:db8:ffff:ffff::", "documentation", "RFC 3849"],
    ["2001:db9::", null, "public"],
    ["2001:4860:4860::8888", null, "public"],
    ["2002:7f00:1::1", "loopback", "RFC 3056 section 2"],
    ["2002:a00:1::", "private", "RFC 3056 section 2"],
    ["2002:c0a8:101::1", "private", "RFC 3056 section 2"],
    ["2002:a9fe:a9fe::", "link_local", "RFC 3056 section 2"],
    ["2002:808:808::1", null, "RFC 3056 section 2: a public address within"],
    ["2606:4700::5efe:10.0.0.1", "private", "RFC 5214 section 6.1"],
    ["2606:4700::200:5efe:127.0.0.1", "loopback", "RFC 5214 section 6.1"],
    ["2606:4700::5efe:8.8.8.8", null, "RFC 5214 section 6.1: a public address within"],
    ["2606:4700:4700::1111", null, "public"],
    ["2620:4f:8000::1", "reserved", "RFC 7534"],
    ["2a00:1450:4001:80b::200e", null, "public"],
    ["3ffe:ffff::1", null, "public: given back by the 6bone, RFC 3701"],
    ["3fff::", "documentation", "RFC 9637"],
    ["3fff:fff:ffff::", "documentation", "RFC 9637"],
    ["3fff:1000::", null, "public"],
    ["4000::", "reserved", "RFC 4291 section 2.4"],
    ["5f00::1", "reserved", "RFC 9602"],
    ["fbff::1", "reserved", "RFC 4291 section 2.4"],
    ["fc00::", "unique_local", "RFC 4193"],
    ["fd00:ec2::254", "unique_local", "RFC 4193: the metadata address of a cloud"],
    ["fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique_local", "RFC 4193"],
    ["fe00::", "reserved", "RFC 4291 section 2.4"],
    ["fe80::1", "link_local", "RFC 4291 section 2.5.6"],
    ["febf:ffff::1", "link_local", "RFC 4291 section 2.5.6"],
    ["fec0::1", "site_local", "RFC 3879"],
    ["feff:ffff::1", "site_local", "RFC 3879"],
    ["ff00::", "multicast", "RFC 4291 section 2.7"],
    ["ff02::1", "multicast", "RFC 4291 section 2.7"],
  ])("judges %s as %s: %s", (ip, reason) => {
    expect(checkIp(ip)).toBe(reason);
  });

  it.each([
    ...[
      "",
      " ",
      "8.8.8",
      "8.8.8.8.8",
      "8.8.8.256",
      "08.8.8.8",
      "0x8.8.8.8",
      "134744072",
      "8.8.8.8 ",
      "+8.8.8.8",
      "８.8.8.8",
    ],
    ...[":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7::8", "12345::", "g::1", "::-1"],
    ...[
      "fe80::1%eth0",
      "[::1]",
      "::ffff:08.8.8.8",
      "::8.8.8",
      "8.8.8.8::",
      "1:2:3:4:5:6:7:8.8.8.8",
      "example.com",
      "2606:4700::1\n",
    ],
  ])("refuses %j as malformed", (ip) => {
    expect(checkIp(ip)).toBe("malformed");
  });
});

describe("checkUrl", () => {
  it.each([
    ["https://example.com", "https://example.com/"],
    ["https://example.com/hook?a=1&b=%20", "https://example.com/hook?a=1&b=%20"],
    ["HTTPS://EXAMPLE.COM/Hook", "https://example.com/Hook"],
    ["https://example.com:8443/hook", "https://example.com:8443/hook"],
    ["https://example.com:443/hook", "https://example.com/hook"],
    ["https://example.com./hook", "https://example.com./hook"],
    ["https://example.com/hook#part", "https://example.com/hook"],
    ["https://example.com/@me/a:b@c", "https://example.com/@me/a:b@c"],
    ["https://example.com/?to=user@example.com", "https://example.com/?to=user@example.com"],
    ["https://bücher.example/", "https://xn--bcher-kva.example/"],
    ["https://a_b.example.com/", "https://a_b.example.com/"],
    ["https://localhost.example.com/", "https://localhost.example.com/"],
    ["https://notlocalhost.com/", "https://notlocalhost.com/"],
    ["https://internal.example.com/", "https://internal.example.com/"],
    ["https://mylocal.dev/", "https://mylocal.dev/"],
    ["https://8.8.8.8/", "https://8.8.8.8/"],
    ["https://134744072/", "https://8.8.8.8/"],
    ["https://[2606:4700:4700::1111]:8443/", "https://[2606:4700:4700::1111]:8443/"],
  ])("takes %s as %s", (text, href) => {
    const checked = checkUrl(text, deployed);
    expect(checked.ok && checked.url.href).toBe(href);
  });

  it.each([
    ["http://example.com/", "scheme", "https only"],
    ["ftp://example.com/", "scheme", "https only"],
    ["ws://example.com/", "scheme", "https only"],
    ["file://example.com/etc/passwd", "scheme", "https only"],
    ["http://localhost/", "scheme", "https only"],
    ["http://127.0.0.1/", "scheme", "https only"],
    ["https://user:password@example.com/", "credentials", "RFC 3986 section 3.2.1"],
    ["https://user@example.com/", "credentials", "RFC 3986 section 3.2.1"],
    ["https://:password@example.com/", "credentials", "RFC 3986 section 3.2.1"],
    ["https://@example.com/", "credentials", "RFC 3986 section 3.2.1: empty"],
    ["https://:@example.com/", "credentials", "RFC 3986 section 3.2.1: empty"],
    ["https://example.com@127.0.0.1/", "credentials", "RFC 3986 section 3.2.1"],
    ["https://a%40b@example.com/", "credentials", "RFC 3986 section 3.2.1"],
    [" https://example.com/", "forbidden_character", "RFC 3986 appendix C"],
    ["https://example.com/ ", "forbidden_character", "RFC 3986 appendix C"],
    ["https://example.com/a b", "forbidden_character", "RFC 3986 section 2"],
    ["https://exam\nple.com/", "forbidden_character", "RFC 3986 section 2"],
    ["ht\ttps://example.com/", "forbidden_character", "RFC 3986 section 2"],
    ["https://example.com/\r\nhost: x", "forbidden_character", "RFC 3986 section 2"],
    ["https://example.com/\0", "forbidden_character", "RFC 3986 section 2"],
    ["https://example.com/\u007f", "forbidden_character", "RFC 3986 section 2"],
    ["https://example.com/\u0085", "forbidden_character", "RFC 3986 section 2"],
    ["https://example.com/\u00a0", "forbidden_character", "RFC 3986 section 2"],
    ["https://local\u00adhost/", "forbidden_character", "RFC 3986 section 2: soft hyphen"],
    ["https://local\u200bhost/", "forbidden_character", "RFC 3986 section 2: zero width space"],
    ["https://example.com/\u202egpj", "forbidden_character", "RFC 3986 section 2: turns the reading order"],
    ["\ufeffhttps://example.com/", "forbidden_character", "RFC 3986 section 2: byte-order mark"],
    ["https://example.com/\ud800", "forbidden_character", "RFC 3629 section 3: lone surrogate"],
    ["https:\\\\example.com\\", "forbidden_character", "RFC 3986 section 2: backslash"],
    ["https://example.com\\@127.0.0.1/", "forbidden_character", "RFC 3986 section 2: backslash"],
    ["", "malformed", "RFC 3986 section 4.3"],
    ["example.com", "malformed", "RFC 3986 section 4.3"],
    ["//example.com/", "malformed", "RFC 3986 section 4.3"],
    ["/hook", "malformed", "RFC 3986 section 4.3"],
    ["https:", "malformed", "RFC 9110 section 4.2.2"],
    ["https://", "malformed", "RFC 9110 section 4.2.2"],
    ["https:///example.com/", "malformed", "RFC 9110 section 4.2.2: empty host"],
    ["https:example.com", "malformed", "RFC 9110 section 4.2.2"],
    ["https:/example.com", "malformed", "RFC 9110 section 4.2.2"],
    ["https://example.com:65536/", "malformed", "RFC 6335 section 6"],
    ["https://example.com:a/", "malformed", "RFC 3986 section 3.2.3"],
    ["https://256.0.0.1/", "malformed", "RFC 791 section 3.2"],
    ["https://1.2.3.4.5/", "malformed", "RFC 791 section 3.2"],
    ["https://08.8.8.8/", "malformed", "octal has no 8"],
    ["https://example.1/", "malformed", "RFC 3696 section 2: no top level is a number"],
    ["https://a.0x7f/", "malformed", "RFC 3696 section 2"],
    ["https://4294967296/", "malformed", "beyond 32 bits"],
    ["https://٢.0.0.1/", "malformed", "RFC 5893 section 2: Arabic digits do not map"],
    ["https://۱۲۷.0.0.1/", "malformed", "RFC 5893 section 2: Arabic digits do not map"],
    ["https://127.0.0.1%00/", "malformed", "RFC 1123 section 2.1"],
    ["https://[::1/", "malformed", "RFC 3986 section 3.2.2"],
    ["https://[::1]./", "malformed", "RFC 3986 section 3.2.2"],
    ["https://[fe80::1%25eth0]/", "malformed", "RFC 9844: a zone means nothing elsewhere"],
    ["https://[v1.fe80::a]/", "malformed", "RFC 3986 section 3.2.2"],
    ["https://example..com/", "malformed", "RFC 1034 section 3.1"],
    ["https://.example.com/", "malformed", "RFC 1034 section 3.1"],
    ["https://localhost../", "malformed", "RFC 1034 section 3.1"],
    ["https://-a.example.com/", "malformed", "RFC 1123 section 2.1"],
    ["https://a*b.example.com/", "malformed", "RFC 1123 section 2.1"],
    ["https://xn--localhost-.com/", "malformed", "RFC 5891 section 4.2.3.1"],
    ["https://xn--.com/", "malformed", "RFC 5891 section 4.2.3.1"],
    [`https://${"a".repeat(64)}.com/`, "malformed", "RFC 1035 section 2.3.4"],
    [`https://${"a.".repeat(126)}com/`, "malformed", "RFC 1035 section 2.3.4"],
    ["https://localhost/", "local_name", "RFC 6761 section 6.3"],
    ["https://LOCALHOST/", "local_name", "RFC 6761 section 6.3"],
    ["https://localhost./", "local_name", "RFC 6761 section 6.3"],
    ["https://a.b.localhost/", "local_name", "RFC 6761 section 6.3"],
    ["https://a.localhost./", "local_name", "RFC 6761 section 6.3"],
    ["https://%6c%6fcalhost/", "local_name", "RFC 6761 section 6.3, percent-encoded"],
    ["https://ｌocalhost/", "local_name", "RFC 6761 section 6.3, full width"],
    ["https://ℓocalhost/", "local_name", "RFC 6761 section 6.3, script letter"],
    ["https://printer.local/", "local_name", "RFC 6762 section 3"],
    ["https://printer.local./", "local_name", "RFC 6762 section 3"],
    ["https://metadata.google.internal/", "local_name", "ICANN resolution 2024.07.29.06"],
    ["https://METADATA.INTERNAL/", "local_name", "ICANN resolution 2024.07.29.06"],
    ["https://nas.home.arpa/", "local_name", "RFC 8375"],
    ["https://intranet/", "local_name", "RFC 7085"],
    ["https://intranet./", "local_name", "RFC 7085"],
    ["https://xn--lcalhost-pfg/", "local_name", "RFC 7085"],
    ["https://0/", "unspecified", "decimal"],
    ["https://0.0.0.0/", "unspecified", "RFC 1122 section 3.2.1.3"],
    ["https://0x/", "unspecified", "hexadecimal without a digit"],
    ["https://127.0.0.1/", "loopback", "dotted decimal"],
    ["https://127.0.0.1:8443/", "loopback", "with a port"],
    ["https://127.0.0.1./", "loopback", "trailing dot"],
    ["https://127.1/", "loopback", "short"],
    ["https://127.0.1/", "loopback", "short"],
    ["https://2130706433/", "loopback", "decimal"],
    ["https://017700000001/", "loopback", "octal"],
    ["https://0177.0.0.01/", "loopback", "octal"],
    ["https://00000177.0.0.1/", "loopback", "octal, more zeros"],
    ["https://0x7f000001/", "loopback", "hexadecimal"],
    ["https://0X7F000001/", "loopback", "hexadecimal, capitals"],
    ["https://0x7f.0x0.0x0.0x1/", "loopback", "hexadecimal"],
    ["https://0x7f.1/", "loopback", "hexadecimal and short"],
    ["https://0177.0x0.1/", "loopback", "mixed"],
    ["https://0x7f000001./", "loopback", "hexadecimal, trailing dot"],
    ["https://１２７.0.0.1/", "loopback", "full-width digits"],
    ["https://①②⑦.0.0.1/", "loopback", "circled digits"],
    ["https://𝟏𝟐𝟕.0.0.1/", "loopback", "mathematical digits"],
    ["https://127。0。0。1/", "loopback", "ideographic full stops"],
    ["https://%31%32%37.0.0.1/", "loopback", "percent-encoded"],
    ["https://127%2e0%2e0%2e1/", "loopback", "percent-encoded dots"],
    ["https://10.0.0.1/", "private", "RFC 1918"],
    ["https://192.168.1.1/", "private", "RFC 1918"],
    ["https://3232235777/", "private", "decimal"],
    ["https://0xa9fea9fe/", "link_local", "hexadecimal"],
    ["https://100.100.100.200/", "shared", "RFC 6598: the metadata address of a cloud"],
    ["https://[::]/", "unspecified", "RFC 4291 section 2.5.2"],
    ["https://[::1]/", "loopback", "RFC 4291 section 2.5.3"],
    ["https://[0:0:0:0:0:0:0:1]/", "loopback", "RFC 4291 section 2.2"],
    ["https://[::127.0.0.1]/", "reserved", "RFC 4291 section 2.5.5.1"],
    ["https://[::ffff:127.0.0.1]/", "loopback", "RFC 4291 section 2.5.5.2"],
    ["https://[::ffff:7f00:1]/", "loopback", "RFC 4291 section 2.5.5.2"],
    ["https://[64:ff9b::10.0.0.1]/", "private", "RFC 6052 section 2.1"],
    ["https://[2002:7f00:1::]/", "loopback", "RFC 3056 section 2"],
    ["https://[fe80::1]/", "link_local", "RFC 4291 section 2.5.6"],
    ["https://[fd12:3456:789a::1]/", "unique_local", "RFC 4193"],
    ["https://[2001:db8::1]/", "documentation", "RFC 3849"],
    ["https://[ff02::1]/", "multicast", "RFC 4291 section 2.7"],
  ])("refuses %j as %s: %s", (text, reason) => {
    expect(reasonOf(text)).toBe(reason);
  });

  it.each([
    ["http://localhost:8080/webhook", null],
    ["https://localhost:8080/webhook", null],
    ["http://localhost./", null],
    ["http://api.localhost:8080/", null],
    ["http://127.0.0.1:8080/", null],
    ["http://127.1/", null],
    ["http://127.255.255.254/", null],
    ["http://[::1]:8080/", null],
    ["https://example.com/", null],
    ["http://example.com/", "scheme"],
    ["http://localhost.example.com/", "scheme"],
    ["http://notlocalhost/", "scheme"],
    ["ws://localhost/", "scheme"],
    ["http://user@localhost/", "credentials"],
    ["http://localhost\\@example.com/", "forbidden_character"],
    ["http://0.0.0.0/", "scheme"],
    ["https://0.0.0.0/", "unspecified"],
    ["https://10.0.0.1/", "private"],
    ["http://192.168.1.1/", "scheme"],
    ["https://intranet/", "local_name"],
    ["https://[::ffff:127.0.0.1]/", "loopback"],
    ["https://[64:ff9b::7f00:1]/", "loopback"],
  ])("in local development judges %s as %s", (text, reason) => {
    expect(reasonOf(text, local)).toBe(reason);
  });

  it("never throws, and says why in words", () => {
    const near = fc.tuple(
      fc.constantFrom("https://", "http://", "https:", "HTTPS://[", ""),
      fc.string({ unit: "binary" }),
      fc.constantFrom("", "]", "/", "@", ".", ":1"),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.webUrl(),
          near.map((parts) => parts.join("")),
        ),
        (text) => {
          for (const options of [deployed, local]) {
            const checked = checkUrl(text, options);
            expect(checked.ok ? checked.url.href : explainAddress[checked.reason]).toMatch(/./);
          }
          expect(() => checkIp(text)).not.toThrow();
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("gives back only URLs that it would take again", () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ["https"] }), (text) => {
        const checked = checkUrl(text, deployed);
        if (checked.ok) expect(checkUrl(checked.url.href, deployed)).toEqual(checked);
      }),
    );
  });

  it("refuses a private IPv4 address however it is spelled", () => {
    fc.assert(
      fc.property(privateAddress, spelling, dot, (address, spell, end) => {
        expect(reasonOf(`https://${spell(address)}${end}/`)).not.toBeNull();
      }),
      { numRuns: 3000 },
    );
  });
});

/** The first address and the size of a block that nobody may call. */
const privateAddress = fc
  .constantFrom(
    [0x0a000000, 24],
    [0x7f000000, 24],
    [0xa9fe0000, 16],
    [0xac100000, 20],
    [0xc0a80000, 16],
    [0x64400000, 22],
  )
  .chain(([first = 0, bits = 0]) => fc.integer({ min: 0, max: 2 ** bits - 1 }).map((host) => first + host));

const dot = fc.constantFrom("", ".");
const bytes = (address: number) => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);
const groups = (address: number) => `${(address >>> 16).toString(16)}:${(address & 0xffff).toString(16)}`;
/** One number in decimal, octal or hexadecimal. */
const radix = fc.constantFrom(
  (value: number) => String(value),
  (value: number) => `0${value.toString(8)}`,
  (value: number) => `000${value.toString(8)}`,
  (value: number) => `0x${value.toString(16)}`,
  (value: number) => `0X${value.toString(16).toUpperCase()}`,
);
/** Other digits and dots that the URL standard maps to ASCII. */
const disguise = fc.constantFrom(
  (text: string) => text,
  (text: string) => text.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  (text: string) => text.replace(/\d/g, (digit) => String.fromCodePoint(0x1d7ce + Number(digit))),
  (text: string) => text.replace(/\d/g, (digit) => `%3${digit}`),
  (text: string) => text.replaceAll(".", "。"),
  (text: string) => text.replaceAll(".", "%2E"),
);
/** All of the address in `parts` numbers, the last of which takes the bytes that remain. */
const ipv4Spelling = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.array(radix, { minLength: 4, maxLength: 4 }), disguise)
  .map(([parts, radixes, mask]) => (address: number) => {
    const head = bytes(address).slice(0, parts - 1);
    const tail = bytes(address)
      .slice(parts - 1)
      .reduce((value, byte) => value * 256 + byte, 0);
    return mask([...head, tail].map((value, index) => radixes[index]?.(value)).join("."));
  });
const ipv6Spelling = fc.constantFrom(
  (address: number) => `[::ffff:${groups(address)}]`,
  (address: number) => `[::FFFF:${bytes(address).join(".")}]`,
  (address: number) => `[0:0:0:0:0:ffff:${groups(address)}]`,
  (address: number) => `[::${groups(address)}]`,
  (address: number) => `[64:ff9b::${groups(address)}]`,
  (address: number) => `[64:ff9b:1::${groups(address)}]`,
  (address: number) => `[2002:${groups(address)}::1]`,
  (address: number) => `[2001:0:${groups(address)}::f7f7:f7f7]`,
  (address: number) => `[2001:0:808:808::${groups(~address)}]`,
  (address: number) => `[2606:4700::5efe:${groups(address)}]`,
);
const spelling = fc.oneof(ipv4Spelling, ipv6Spelling);

describe("ipLiteral and isLoopback", () => {
  it.each([
    ["example.com", null, false],
    ["localhost", null, true],
    ["a.localhost.", null, true],
    ["localhost.example.com", null, false],
    ["8.8.8.8", "8.8.8.8", false],
    ["127.0.0.2", "127.0.0.2", true],
    ["[::1]", "::1", true],
    ["[2606:4700::1]", "2606:4700::1", false],
  ])("read %s as the address %s, loopback %s", (hostname, ip, loopback) => {
    expect(ipLiteral(hostname)).toBe(ip);
    expect(isLoopback(hostname)).toBe(loopback);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { networkOf } from "../../../shared/auth/client-network.ts";

describe("networkOf", () => {
  it.each([
    ["203.0.113.9", "203.0.113.9"],
    ["local", "local"],
    ["2001:db8:1:2::1", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002:0:0:0:1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["1::", "1:0:0:0::/64"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["::ffff:cb00:7109", "203.0.113.9"],
    ["::ffff:0:0", "0.0.0.0"],
    ["fe80::1%eth0", "fe80::1%eth0"],
    [":::", ":::"],
  ])("of %s is %s", (address, network) => expect(networkOf(address)).toBe(network));

  it("is the same for all addresses of a /64, and another for any other", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const written = (groups: number[]) => groups.map((value) => value.toString(16)).join(":");
    const quad = fc.tuple(fc.integer({ min: 0x2000, max: 0x3fff }), group, group, group);
    fc.assert(
      fc.property(quad, quad, fc.array(group, { minLength: 8, maxLength: 8 }), (net, other, hosts) => {
        const [one, two] = [hosts.slice(0, 4), hosts.slice(4)];
        expect(networkOf(written([...net, ...one]))).toBe(networkOf(written([...net, ...two])));
        const isSame = networkOf(written([...net, ...one])) === networkOf(written([...other, ...one]));
        expect(isSame).toBe(String(net) === String(other));
      }),
    );
  });
});

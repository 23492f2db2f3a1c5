import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EndpointSecret } from "../../../workers/sender/model/endpoint.ts";
import { liveSecrets, rotatedSecrets, secretsFor, versionOf } from "../../../workers/sender/model/endpoint-secrets.ts";

/** The secrets of an endpoint through rotations and changes of its signing. */

const NOW = 1_000_000;
const HOUR = 3_600_000;
const fresh = (name: string) => ({ v1: `whsec_${name}`, v1a: `whsk_${name}` });
const secret = (key: string, expiresAt: number | null = null): EndpointSecret => ({ key, expiresAt });

describe("rotatedSecrets", () => {
  it.each<[name: string, before: EndpointSecret[], overlap: number, after: EndpointSecret[]]>([
    ["puts the new one first", [secret("whsec_a")], HOUR, [secret("whsec_n"), secret("whsec_a", NOW + HOUR)]],
    ["ends the old one at once", [secret("whsec_a")], 0, [secret("whsec_n")]],
    [
      "keeps an end that was promised, an earlier and a later one",
      [secret("whsec_a"), secret("whsec_b", NOW + 2 * HOUR), secret("whsec_c", NOW + 1)],
      HOUR,
      [
        ...[secret("whsec_n"), secret("whsec_a", NOW + HOUR)],
        ...[secret("whsec_b", NOW + 2 * HOUR), secret("whsec_c", NOW + 1)],
      ],
    ],
    [
      "keeps an end that was promised, though the present one goes at once",
      [secret("whsec_a"), secret("whsec_b", NOW + HOUR)],
      0,
      [secret("whsec_n"), secret("whsec_b", NOW + HOUR)],
    ],
    ["drops what has ended", [secret("whsec_a"), secret("whsec_b", NOW)], 0, [secret("whsec_n")]],
    ["leaves a version that does not sign", [secret("whsk_a")], 0, [secret("whsec_n"), secret("whsk_a")]],
  ])("%s", (_name, secrets, overlap, after) => {
    const times = { now: NOW, expiresAt: NOW + overlap };
    expect(rotatedSecrets({ secrets, signing: ["v1"] }, fresh("n"), times)).toEqual(after);
  });

  it("refuses an eleventh secret and says when the first ends, and replaces the present one even then", () => {
    const secrets = [
      secret("whsec_a"),
      ...Array.from({ length: 9 }, (_, n) => secret(`whsec_${n}`, NOW + (n + 1) * HOUR)),
    ];
    const config = { secrets, signing: ["v1"] as const };
    expect(rotatedSecrets(config, fresh("n"), { now: NOW, expiresAt: NOW + 20 * HOUR })).toEqual({
      firstEnd: NOW + HOUR,
    });
    expect(rotatedSecrets(config, fresh("n"), { now: NOW, expiresAt: NOW })).toHaveLength(10);
    expect(rotatedSecrets(config, fresh("n"), { now: NOW + HOUR, expiresAt: NOW + 20 * HOUR })).toHaveLength(10);
  });
});

describe("secretsFor", () => {
  it.each<[name: string, secrets: EndpointSecret[], added: string[]]>([
    ["both are there", [secret("whsec_a"), secret("whsk_a")], []],
    ["one is missing", [secret("whsec_a")], ["whsk_n"]],
    ["one ends", [secret("whsec_a"), secret("whsk_a", NOW + HOUR)], ["whsk_n"]],
    ["there is none", [], ["whsec_n", "whsk_n"]],
  ])("adds what has no lasting secret: %s", (_name, secrets, added) => {
    const after = secretsFor(["v1", "v1a"], secrets, fresh("n"));
    expect(after.slice(0, secrets.length)).toEqual(secrets);
    expect(after.slice(secrets.length).map(({ key }) => key)).toEqual(added);
  });
});

describe("any sequence of rotations and changes of signing", () => {
  const step = fc.oneof(
    fc.record({ rotate: fc.constantFrom(0, 1, 60_000, HOUR, 24 * HOUR, 168 * HOUR) }),
    fc.record({ signing: fc.constantFrom(["v1"] as const, ["v1a"] as const, ["v1", "v1a"] as const) }),
    fc.record({ wait: fc.integer({ min: 0, max: 200 * HOUR }) }),
  );

  it("loses no secret before the moment promised for it, and always has one to sign with", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let now = NOW;
        let signing: readonly ("v1" | "v1a")[] = ["v1"];
        let secrets: readonly EndpointSecret[] = [secret("whsec_first")];
        const promised = new Map<string, number | null>([["whsec_first", null]]);
        for (const [index, each] of steps.entries()) {
          if ("wait" in each) now += each.wait;
          else if ("signing" in each) {
            signing = each.signing;
            secrets = secretsFor(signing, secrets, fresh(String(index)));
          } else {
            const rotated = rotatedSecrets({ secrets, signing }, fresh(String(index)), {
              now,
              expiresAt: now + each.rotate,
            });
            if ("firstEnd" in rotated) {
              expect(each.rotate).toBeGreaterThan(0);
              expect(rotated.firstEnd).toBeGreaterThan(now);
              continue;
            }
            for (const [key, end] of promised) {
              if (end === null && signing.includes(versionOf(key))) promised.set(key, now + each.rotate);
            }
            secrets = rotated;
          }
          for (const { key, expiresAt } of secrets) if (!promised.has(key)) promised.set(key, expiresAt);
          const live = liveSecrets(secrets, now);
          for (const [key, end] of promised) {
            expect(live.some((each) => each.key === key)).toBe(end === null || end > now);
          }
          for (const version of signing) expect(live.some(({ key }) => versionOf(key) === version)).toBe(true);
        }
      }),
    );
  });
});

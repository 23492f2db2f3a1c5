import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, utf8 } from "../../../shared/bytes.ts";
import { schemes } from "../../../workers/receiver/verify/schemes/index.ts";
import type { SignedRequest, Verdict } from "../../../workers/receiver/verify/schemes/scheme.ts";
import providers from "../../vectors/providers.json";
import verification from "../../vectors/verification.json";
import { edited, edits, headerValues, provesAlso } from "../support/near-misses.ts";
import { requestOf, schemeOf, type Vector, withHeader } from "../support/vectors.ts";

/** Returns the verdict on a vector. Headers that no `Headers` can carry are rejected before any scheme sees them. */
async function verdictOf(vector: Vector, change: (request: SignedRequest) => SignedRequest = (same) => same) {
  let request: SignedRequest;
  try {
    request = requestOf(vector);
  } catch {
    return { ok: false, reason: "signature_malformed" } satisfies Verdict;
  }
  return schemeOf(vector.scheme).verify(change(request), vector.secrets, vector.now);
}

const genuine: Vector[] = [...providers, ...verification].filter((vector) => vector.expect === "accept");
const proven = genuine.filter(({ scheme }) => schemeOf(scheme).verification === "verified");
/** Vectors whose signature stands in one header: DocuSign has a numbered header for each key. */
const oneHeader = proven.filter(({ scheme }) => scheme !== "docusign");
/** Returns the header of a vector that holds the signature: without it, the signature is said to be missing. */
async function signatureHeader(vector: Vector): Promise<string> {
  for (const [name = ""] of vector.headers) {
    const verdict = await verdictOf(vector, (request) => withHeader(request, name, null));
    if (!verdict.ok && verdict.reason === "signature_missing") return name;
  }
  throw new Error(`${vector.name} has no header without which the signature is missing`);
}

describe("schemes", () => {
  it.each<Vector>([...verification, ...providers])("$scheme: $name: $expect", async (vector) => {
    const attempt = verdictOf(vector);
    if (vector.expect === "config-error") return expect(attempt).rejects.toMatchObject({ name: "ConfigError" });
    const verdict = await attempt;
    expect(vector.expect === "either" ? [true, false] : [vector.expect === "accept"]).toContain(verdict.ok);
    if (verdict.ok && vector.id !== undefined) expect(verdict.id).toBe(vector.id);
  });

  it("has a vector for every scheme", () => {
    const covered = new Set(genuine.map(({ scheme }) => scheme));
    expect(Object.keys(schemes).filter((name) => !covered.has(name))).toEqual([]);
  });

  const bodies: [name: string, change: (body: Uint8Array) => Uint8Array][] = [
    [
      "a bit",
      (body) => (body.length === 0 ? utf8("x") : body.with(body.length >> 1, (body[body.length >> 1] ?? 0) ^ 1)),
    ],
    ["a byte more", (body) => concat(body, utf8(" "))],
    ["a byte less", (body) => (body.length === 0 ? utf8("x") : body.subarray(0, -1))],
    ["a NUL more", (body) => concat(body, new Uint8Array(1))],
    ["a byte order mark", (body) => concat(new Uint8Array([0xef, 0xbb, 0xbf]), body)],
    ["all of it", () => utf8("something else")],
  ];
  describe.each(bodies)("with %s of the body changed", (_name, change) => {
    it.each(proven)("$scheme: $name is rejected", async (vector) => {
      const verdict = await verdictOf(vector, (request) => ({ ...request, body: change(request.body) }));
      expect(verdict).toEqual({ ok: false, reason: "signature_mismatch" });
    });
  });

  /** Changes of the signature's header. A list and pairs are changed at their end, where the signature stands. */
  const signatures: [name: string, change: (value: string) => string | null][] = [
    ["left out", () => null],
    ["empty", () => ""],
    ["twice", (value) => `${value}, ${value}`],
    ["cut short", (value) => value.slice(0, -5)],
    ["lengthened", (value) => `${value}AA==`],
    ["with a space in it", (value) => `${value.slice(0, -3)} ${value.slice(-3)}`],
    ["with garbage between its digits", (value) => `${value.slice(0, -4)}zz${value.slice(-4)}`],
    ["a number", () => "0"],
    ["a name alone", () => "sha256="],
    ["separators alone", () => ",=,;= ,"],
    ["a control character", () => "\u0001"],
    ["very long", (value) => value + "A".repeat(100_000)],
  ];
  describe.each(signatures)("with the signature %s", (way, change) => {
    // Pairs and lists may hold more than one signature; tests of their own change each of them.
    const single = oneHeader.filter(
      ({ headers }) => !headers.some(([, value = ""]) => /v\d=.*,v\d=|h1=.*;h1=|v1\S* v1/.test(value)),
    );
    const listed = new Set(["standard", "svix", "gitlab_signed"]);
    const cases = way === "twice" ? single.filter(({ scheme }) => !listed.has(scheme)) : single;
    it.each(cases)("$scheme: $name is rejected", async (vector) => {
      const name = await signatureHeader(vector);
      const value = new Headers(vector.headers as [string, string][]).get(name) ?? "";
      const verdict = await verdictOf(vector, (request) => withHeader(request, name, change(value)));
      expect(verdict.ok).toBe(false);
    });
  });

  it.each(genuine.filter(({ scheme }) => scheme !== "none"))(
    "$scheme: $name is a configuration error without a usable secret",
    async (vector) => {
      const scheme = schemeOf(vector.scheme);
      for (const secrets of [[], [""], [...vector.secrets, ""]]) {
        const attempt = scheme.verify(requestOf(vector), secrets, vector.now);
        await expect(attempt).rejects.toMatchObject({ name: "ConfigError" });
      }
    },
  );

  const otherKeys = ["none", "standard", "svix", "gitlab_signed", "discord", "sendgrid"];
  const keyed = genuine.filter(({ scheme }) => !otherKeys.includes(scheme));
  it.each(keyed)("$scheme: $name is rejected under another secret, and accepted under either", async (vector) => {
    const scheme = schemeOf(vector.scheme);
    expect((await scheme.verify(requestOf(vector), ["another secret"], vector.now)).ok).toBe(false);
    expect((await scheme.verify(requestOf(vector), ["another secret", ...vector.secrets], vector.now)).ok).toBe(true);
  });

  /** Returns the headers of a vector, and those that its scheme may look at besides. */
  const namesOf = ({ scheme, headers }: Vector) => {
    const { signatureHeaders = [], secretHeaders = [] } = schemeOf(scheme);
    return [
      ...new Set([
        ...headers.map(([name = ""]) => name.toLowerCase()),
        ...signatureHeaders.slice(0, 3),
        ...secretHeaders,
      ]),
    ];
  };
  const methods = fc.constantFrom("POST", "GET", "PUT", "post", "");

  it.each(genuine)(
    "$scheme: $name never throws on any request, nor accepts what is none of its own",
    async (vector) => {
      const scheme = schemeOf(vector.scheme);
      const names = namesOf(vector);
      const request = requestOf(vector);
      // Any bytes, nothing, two headers of a name, and the right value of every other place.
      const value = (name: string) =>
        fc.oneof(
          headerValues,
          fc.constantFrom("", ", ", "0", "v1,", "t=1,v1="),
          fc.tuple(headerValues, headerValues).map((both) => both.join(", ")),
          fc.constant(signing.has(name) ? "" : (request.headers.get(name) ?? "")),
        );
      const { signatureHeaders = [], secretHeaders = [] } = scheme;
      const signing = new Set([...signatureHeaders, ...secretHeaders]);
      const property = fc.asyncProperty(
        fc.tuple(...names.map(value)),
        fc.oneof(fc.uint8Array(), fc.constant(request.body)),
        fc.oneof(fc.webUrl({ withQueryParameters: true }), fc.string(), fc.constant(request.url)),
        methods,
        fc.oneof(fc.integer({ min: 0, max: 2 ** 33 }), fc.constant(vector.now)),
        async (values, body, url, method, now) => {
          const headers = new Headers(names.map((name, index) => [name, values[index] ?? ""] as [string, string]));
          const strange = { method, url, headers, body: new Uint8Array(body) };
          scheme.timestampOf?.(strange);
          expect((await scheme.verify(strange, vector.secrets, now)).ok).toBe(vector.scheme === "none");
        },
      );
      await fc.assert(property, { numRuns: 100 });
    },
  );

  it.each(genuine)("$scheme: $name proves no request that differs in a byte of what it covers", async (vector) => {
    const scheme = schemeOf(vector.scheme);
    const request = requestOf(vector);
    const names = vector.headers.map(([name = ""]) => name);
    expect(provesAlso(vector, request, request)).toBe(true);
    const property = fc.asyncProperty(edits, async (edit) => {
      const other = edited(request, names, edit);
      const { ok } = await scheme.verify(other, vector.secrets, vector.now);
      if (ok) expect(provesAlso(vector, request, other)).toBe(true);
    });
    await fc.assert(property, { numRuns: 300 });
  });

  /** Seconds that a clock may be wrong by, where they are not 300. */
  const windows: Record<string, number> = { linear: 60, twitch: 600 };
  const dated = [
    "standard",
    "svix",
    "gitlab_signed",
    "stripe",
    "slack",
    "zoom",
    "linear",
    "hubspot",
    "zendesk",
    "calendly",
    "paddle",
    "twitch",
  ];
  it.each(genuine.filter(({ scheme }) => dated.includes(scheme)))(
    "$scheme: $name is accepted within its window, both ends included, and not beyond",
    async (vector) => {
      const scheme = schemeOf(vector.scheme);
      const verdict = await scheme.verify(requestOf(vector), vector.secrets, vector.now);
      const at = verdict.ok ? verdict.timestamp : null;
      if (at === null) throw new Error("a dated scheme gave no time");
      const window = windows[vector.scheme] ?? 300;
      const when = async (now: number) => {
        const then = await scheme.verify(requestOf(vector), vector.secrets, now);
        return then.ok ? "accepted" : then.reason;
      };
      expect(await when(at + window)).toBe("accepted");
      expect(await when(at - window)).toBe("accepted");
      expect(await when(at + window + 1)).toBe("timestamp_too_old");
      expect(await when(at - window - 1)).toBe("timestamp_too_new");
    },
  );
});

import { describe, expect, it } from "vitest";
import { fromBase64 } from "../../shared/bytes.ts";
import { schemes } from "../../workers/receiver/schemes/index.ts";
import type { SignedRequest, Verdict } from "../../workers/receiver/schemes/scheme.ts";
import providers from "../vectors/providers.json";
import verification from "../vectors/verification.json";

type Vector = {
  name: string;
  scheme: string;
  secrets: string[];
  now: number;
  method?: string;
  url?: string;
  headers: string[][];
  body_base64: string;
  expect: string;
  id?: string | null;
};

function schemeOf(name: string) {
  const scheme = schemes[name];
  if (scheme === undefined) throw new Error(`there is no scheme ${name}`);
  return scheme;
}

function requestOf({ method = "POST", url = "https://hooks.example.com/in", headers, body_base64 }: Vector) {
  const body = fromBase64(body_base64);
  if (body === null) throw new Error("a vector's body is not base64");
  return { method, url, headers: new Headers(headers as [string, string][]), body };
}

/** The verdict on a vector; headers that no `Headers` can carry are refused before any scheme sees them. */
async function verdictOf(vector: Vector, change: (request: SignedRequest) => SignedRequest = (same) => same) {
  let request: SignedRequest;
  try {
    request = requestOf(vector);
  } catch {
    return { ok: false, reason: "signature_malformed" } satisfies Verdict;
  }
  return schemeOf(vector.scheme).verify(change(request), vector.secrets, vector.now);
}

describe("schemes", () => {
  it.each<Vector>([...verification, ...providers])("$scheme: $name: $expect", async (vector) => {
    const attempt = verdictOf(vector);
    if (vector.expect === "config-error") return expect(attempt).rejects.toMatchObject({ name: "ConfigError" });
    const verdict = await attempt;
    expect(vector.expect === "either" ? [true, false] : [vector.expect === "accept"]).toContain(verdict.ok);
    if (verdict.ok && vector.id !== undefined) expect(verdict.id).toBe(vector.id);
  });
});

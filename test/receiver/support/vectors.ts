import { fromBase64 } from "../../../shared/bytes.ts";
import { schemes } from "../../../workers/receiver/verify/schemes/index.ts";
import type { Scheme, SignedRequest } from "../../../workers/receiver/verify/schemes/scheme.ts";

/**
 * A request as it stands in `test/vectors`: made elsewhere, to be judged by a scheme. Those of the providers are
 * published where `from` says, or computed with Python's `hmac` and `cryptography`.
 */
export type Vector = {
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
  type?: string | null;
};

export function schemeOf(name: string): Scheme {
  const scheme = schemes[name];
  if (scheme === undefined) throw new Error(`there is no scheme ${name}`);
  return scheme;
}

/** @throws TypeError when no `Headers` can carry the vector's. */
export function requestOf({ method = "POST", url = "https://hooks.example.com/in", headers, body_base64 }: Vector) {
  const body = fromBase64(body_base64);
  if (body === null) throw new Error("a vector's body is not base64");
  return { method, url, headers: new Headers(headers as [string, string][]), body };
}

/** Returns a request with one header replaced, or left out. */
export function withHeader(request: SignedRequest, name: string, value: string | null): SignedRequest {
  const headers = new Headers(request.headers);
  if (value === null) headers.delete(name);
  else headers.set(name, value);
  return { ...request, headers };
}

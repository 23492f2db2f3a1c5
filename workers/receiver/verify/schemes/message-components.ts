import { queryOf } from "../../event/masking.ts";
import { queryValues } from "./fields.ts";
import type { SignedRequest } from "./scheme.ts";

/** Components of HTTP Message Signatures, RFC 9421 section 2: only those that a request shows as its sender wrote it. Pure. */

/** One entry of `signature-input` with its signature in base64. `params` is the text that was signed. */
export type SignatureInput = {
  components: string;
  params: string;
  signature: string;
  keyId: string | null;
  algorithm: string | null;
  created: string | null;
  expires: string | null;
};

type CoveredComponent = { name: string; parameter: string | null; text: string };

const SIGNATURE_LABEL = "([a-z*][a-z0-9_.*-]*)";
const SIGNATURE_INPUTS = new RegExp(
  `${SIGNATURE_LABEL}=(\\(([^()]*)\\)((?:;[a-z*][a-z0-9_.*-]*=(?:"[^"\\\\]*"|\\d{1,15}))*))(?: *, *|$)`,
  "y",
);
const SIGNATURES = new RegExp(`${SIGNATURE_LABEL}=:([A-Za-z0-9+/=]*):(?: *, *|$)`, "y");
/** A header in lower case or a derived component; of the parameters only the name of a query parameter. */
const COMPONENT = /("([a-z0-9!#$%&'*+.^_`|~-]+|@[a-z-]+)"(?:;name="([^"\\]*)")?)(?: +|$)/y;

/** Returns the signatures that both headers name; none where either is malformed. */
export function signatureInputs(inputs: string, signatures: string): SignatureInput[] {
  const [entries, values] = [allMatches(SIGNATURE_INPUTS, inputs), allMatches(SIGNATURES, signatures)];
  return (entries ?? []).flatMap(([, label, params = "", components = "", parameters = ""]) => {
    const signed = (values ?? []).filter(([, each]) => each === label);
    const [, , signature] = signed[0] ?? [];
    if (signed.length !== 1 || signature === undefined) return [];
    const parameter = (name: string) =>
      new RegExp(`;${name}=(?:"([^"]*)"|(\\d+))`).exec(parameters)?.slice(1).find(Boolean) ?? null;
    const [keyId, algorithm] = [parameter("keyid"), parameter("alg")];
    return [
      { components, params, signature, keyId, algorithm, created: parameter("created"), expires: parameter("expires") },
    ];
  });
}

/** Returns the matches that together are all of the text; null where something is left. */
function allMatches(form: RegExp, text: string): RegExpExecArray[] | null {
  const found: RegExpExecArray[] = [];
  for (let at = 0; at < text.length; ) {
    form.lastIndex = at;
    const match = form.exec(text);
    if (match === null) return null;
    found.push(match);
    at = form.lastIndex;
  }
  return found;
}

/** Returns the components of an entry; null where one is unknown, or named twice. */
export function coveredComponents(list: string): CoveredComponent[] | null {
  const found = allMatches(COMPONENT, list);
  if (found === null) return null;
  const components = found.map(([, text = "", name = "", parameter = null]) => ({
    text,
    name,
    parameter: parameter ?? null,
  }));
  const isQuery = ({ name, parameter }: CoveredComponent) => (name === "@query-param") === (parameter !== null);
  const once = new Set(components.map(({ text }) => text)).size === components.length;
  return once && components.every(isQuery) ? components : null;
}

/** Returns the text that is signed, RFC 9421 section 2.5; null where a component is not there. */
export function signatureBase(
  components: readonly CoveredComponent[],
  params: string,
  request: SignedRequest,
): string | null {
  const lines = components.map((component) => {
    const value = componentValue(component, request);
    return value === null ? null : `${component.text}: ${value}`;
  });
  return lines.includes(null) ? null : [...lines, `"@signature-params": ${params}`].join("\n");
}

function componentValue({ name, parameter }: CoveredComponent, { method, url, headers }: SignedRequest): string | null {
  if (!name.startsWith("@")) return headers.get(name);
  const parsed = URL.parse(url);
  if (parsed === null) return null;
  const query = queryOf(url);
  switch (name) {
    case "@method":
      return method;
    case "@target-uri":
      return url;
    case "@authority":
      return parsed.host;
    case "@scheme":
      return parsed.protocol.slice(0, -1);
    case "@request-target":
      return parsed.pathname + query;
    case "@path":
      return parsed.pathname;
    case "@query":
      return query === "" ? "?" : query;
    case "@query-param": {
      const values = queryValues(url, decodedName(parameter ?? ""));
      return values.length === 1 && values[0]?.isWellFormed() ? percentEncoded(values[0]) : null;
    }
    default:
      return null;
  }
}

function decodedName(text: string): string {
  return new URLSearchParams(`v=${text.replaceAll("&", "%26")}`).get("v") ?? "";
}

/** Returns a text as RFC 9421 section 2.2.8 encodes the value of a parameter. */
function percentEncoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

import { isTypePattern } from "../../../shared/event-type.ts";
import { checkUrl, explainAddress } from "../../../shared/outgoing/address.ts";
import { ATTEMPT_HEADERS, CONNECTION_HEADERS } from "../../../shared/outgoing/headers.ts";
import { parseSigningKey } from "../../../shared/signing/secret.ts";

/** What `POST /endpoints` and `PATCH /endpoints/:id` take, checked. Pure. */

export type Signing = readonly ("v1" | "v1a")[];

/** Only members that were given are there; `secret` and `startFrom` on creation alone. */
export type EndpointInput = {
  url?: string;
  enabled?: boolean;
  types?: readonly string[] | null;
  description?: string;
  headers?: Record<string, string>;
  ordered?: boolean;
  rateLimit?: { perSecond: number } | null;
  signing?: Signing;
  secret?: string;
  startFrom?: string;
};

export type ParsedInput = { ok: true; input: EndpointInput } | { ok: false; reason: string };

const MAX_TYPES = 100;
const MAX_DESCRIPTION = 500;
const MAX_URL = 2048;
const MAX_HEADERS = 20;
const MAX_HEADER_VALUE = 1024;
const MAX_PER_SECOND = 1000;

/** RFC 9110 section 5.6.2 and 5.5: a token; visible ASCII and inner spaces. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const HEADER_VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
/** Headers that an endpoint may not set. */
const RESERVED_HEADERS = new Set<string>([
  ...ATTEMPT_HEADERS,
  ...CONNECTION_HEADERS,
  ...["content-encoding", "proxy-authorization"],
]);

type Options = { localDev: boolean; creating: boolean };
type Check = (value: unknown, options: Options) => string | null;

/** One row a member: what is wrong with a value, or null. */
const CHECKS: Record<keyof EndpointInput, Check> = {
  url: checkUrlMember,
  enabled: (value) => (typeof value === "boolean" ? null : "must be true or false"),
  types: checkTypes,
  description: (value) =>
    isText(value, MAX_DESCRIPTION) ? null : `must be a text of at most ${MAX_DESCRIPTION} characters`,
  headers: checkHeaders,
  ordered: (value) => (typeof value === "boolean" ? null : "must be true or false"),
  rateLimit: checkRateLimit,
  signing: (value) => (signingOf(value) === null ? 'must be "v1", "v1a" or ["v1", "v1a"]' : null),
  secret: (value, { creating }) => (creating ? checkSecret(value) : "is changed by POST /endpoints/:id/rotate"),
  startFrom: (value, { creating }) =>
    creating && isText(value, 256) ? null : 'is "now", an event id or a time, on creation alone',
};

/** @returns the members that were given; the first fault otherwise, naming its member */
export function parseEndpointInput(value: unknown, options: Options): ParsedInput {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { ok: false, reason: "send a JSON object" };
  for (const [name, member] of Object.entries(value)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof EndpointInput] : null;
    if (check === null) return { ok: false, reason: `${JSON.stringify(name)} is not a member of an endpoint` };
    const fault = check(member, options);
    if (fault !== null) return { ok: false, reason: `${name} ${fault}` };
  }
  if (options.creating && !("url" in value)) return { ok: false, reason: "url is missing" };
  const input = value as EndpointInput;
  const signing = "signing" in value ? signingOf(value.signing) : null;
  return { ok: true, input: signing === null ? input : { ...input, signing } };
}

function checkUrlMember(value: unknown, { localDev }: Options): string | null {
  if (!isText(value, MAX_URL)) return `must be a text of at most ${MAX_URL} characters`;
  const checked = checkUrl(String(value), { allowLoopback: localDev });
  return checked.ok ? null : `may not be called: the URL ${explainAddress[checked.reason]}`;
}

function checkTypes(value: unknown): string | null {
  if (value === null) return null;
  const fits = (type: unknown) => typeof type === "string" && isTypePattern(type);
  const valid = Array.isArray(value) && value.length > 0 && value.length <= MAX_TYPES && value.every(fits);
  return valid ? null : `must be null for all, or 1 to ${MAX_TYPES} exact names or \`prefix.*\``;
}

function checkHeaders(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return "must be an object of names and values";
  const entries = Object.entries(value);
  if (entries.length > MAX_HEADERS) return `must be at most ${MAX_HEADERS}`;
  for (const [name, text] of entries) {
    if (!HEADER_NAME.test(name)) return `holds ${JSON.stringify(name)}, which is no header name`;
    if (RESERVED_HEADERS.has(name.toLowerCase())) return `may not set ${name.toLowerCase()}`;
    if (!isText(text, MAX_HEADER_VALUE) || !HEADER_VALUE.test(String(text))) return `has no valid value for ${name}`;
  }
  const names = entries.map(([name]) => name.toLowerCase());
  return new Set(names).size === names.length ? null : "names one header twice";
}

function checkRateLimit(value: unknown): string | null {
  if (value === null) return null;
  const { perSecond } = typeof value === "object" ? (value as { perSecond?: unknown }) : {};
  const valid = Number.isInteger(perSecond) && Number(perSecond) >= 1 && Number(perSecond) <= MAX_PER_SECOND;
  return valid ? null : `must be null or {"perSecond": 1 to ${MAX_PER_SECOND}}`;
}

function checkSecret(value: unknown): string | null {
  const usable = typeof value === "string" && value.startsWith("whs") && parseSigningKey(value).ok;
  return usable ? null : "must be `whsec_` and base64 of 24 to 64 bytes, or `whsk_` and an Ed25519 key";
}

function signingOf(value: unknown): Signing | null {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const known = list.every((version) => version === "v1" || version === "v1a");
  return known && list.length > 0 && new Set(list).size === list.length ? (list as Signing) : null;
}

function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.length <= max;
}

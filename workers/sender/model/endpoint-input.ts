import * as v from "valibot";
import { isTypePattern } from "../../../shared/event-type.ts";
import { checkUrl, explainAddress } from "../../../shared/outgoing/address.ts";
import { ATTEMPT_HEADERS, CONNECTION_HEADERS } from "../../../shared/outgoing/headers.ts";
import { parseSigningKey } from "../../../shared/signing/secret.ts";
import type { ContentFilter } from "./content-filter.ts";
import { parseContentFilter } from "./content-filter-input.ts";
import { MAX_CONCURRENCY, MAX_TIMEOUT_SECONDS } from "./endpoint.ts";

/** The endpoint as `POST /endpoints` and `PATCH /endpoints/:id` take it, checked. Pure. */

/** Only members that were given are there; `secret` and `startFrom` on creation alone. */
export type EndpointInput = v.InferOutput<ReturnType<typeof inputSchema>>;

/** The versions of signatures that an endpoint gets. */
export type Signing = NonNullable<EndpointInput["signing"]>;

type ParsedInput = { ok: true; input: EndpointInput } | { ok: false; reason: string };
type InputOptions = { localDev: boolean; creating: boolean };

const MAX_TYPES = 100;
const MAX_DESCRIPTION = 500;
const MAX_URL = 2048;
const MAX_START = 256;
const MAX_HEADERS = 20;
const MAX_HEADER_VALUE = 1024;
const MAX_PER_SECOND = 1000;
const MAX_PER_MINUTE = 10_000;
const MAX_PER_HOUR = 100_000;
const MAX_RETRIES = 20;
const MAX_RETRY_SECONDS = 2_592_000;

/** A token, and visible ASCII with spaces only inside: RFC 9110 sections 5.6.2 and 5.5. */
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
const HEADER_VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
const OTHER_HEADERS = [...CONNECTION_HEADERS, "content-encoding", "proxy-authorization"] as const;
/** Headers that an endpoint may not set. */
const RESERVED_HEADERS = new Set<string>([...ATTEMPT_HEADERS, ...OTHER_HEADERS]);
/** Names that the signed headers may not have. */
const TAKEN_HEADERS = new Set<string>([...OTHER_HEADERS, "content-type", "user-agent", "authorization", "cookie"]);

const VERSION = v.picklist(["v1", "v1a"]);
const TYPES = v.pipe(v.array(v.pipe(v.string(), v.check(isTypePattern))), v.minLength(1), v.maxLength(MAX_TYPES));
const RATE = v.union([
  v.strictObject({ perSecond: whole(1, MAX_PER_SECOND) }),
  v.strictObject({ perMinute: whole(1, MAX_PER_MINUTE) }),
  v.strictObject({ perHour: whole(1, MAX_PER_HOUR) }),
]);
const RETRIES = v.pipe(v.array(whole(0, MAX_RETRY_SECONDS)), v.maxLength(MAX_RETRIES));
const OWN_NAME = v.pipe(
  v.string(),
  v.check((name) => HEADER_NAME.test(name) && !TAKEN_HEADERS.has(name.toLowerCase())),
);
const SIGNATURE_HEADERS = v.pipe(
  v.strictObject({ id: OWN_NAME, timestamp: OWN_NAME, signature: OWN_NAME }),
  v.check((names) => new Set(Object.values(names).map((name) => name.toLowerCase())).size === 3),
);
const VERSIONS = v.pipe(
  v.array(VERSION),
  v.minLength(1),
  v.check((list) => new Set(list).size === list.length),
);
const ONE_VERSION = v.pipe(
  VERSION,
  v.transform((version) => [version]),
);
const HEADERS = v.custom<Record<string, string>>(isPlainObject, "must be an object of names and values");

/** A message begins with the place in the filter. */
const FILTER = v.pipe(
  v.unknown(),
  v.rawTransform<unknown, ContentFilter>(({ dataset, addIssue, NEVER }) => {
    const parsed = parseContentFilter(dataset.value);
    if (parsed.ok) return parsed.filter;
    addIssue({ message: parsed.reason });
    return NEVER;
  }),
);

const UNKNOWN = "is not a member of an endpoint";

/** Makes the schema. A message continues the name of its member. */
function inputSchema({ localDev, creating }: InputOptions) {
  const flag = member(v.boolean(), "must be true or false");
  const secret = v.pipe(
    v.string(),
    v.check((text) => creating && isSecret(text)),
  );
  const startFrom = v.pipe(
    v.string(),
    v.maxLength(MAX_START),
    v.check(() => creating),
  );
  return v.strictObject({
    url: v.exactOptional(
      v.pipe(
        text(MAX_URL),
        without((url) => addressFault(url, localDev)),
      ),
    ),
    enabled: flag,
    types: member(
      v.nullable(TYPES),
      `must be null for all, or 1 to ${MAX_TYPES} names or patterns as order.* and order.*.paid`,
    ),
    filter: v.exactOptional(v.nullable(FILTER)),
    description: v.exactOptional(text(MAX_DESCRIPTION)),
    headers: v.exactOptional(v.pipe(HEADERS, without(headersFault))),
    ordered: flag,
    rateLimit: member(
      v.nullable(RATE),
      `must be null or one of {"perSecond": 1 to ${MAX_PER_SECOND}}, {"perMinute": 1 to ${MAX_PER_MINUTE}}, {"perHour": 1 to ${MAX_PER_HOUR}}`,
    ),
    concurrency: member(whole(1, MAX_CONCURRENCY), `must be a whole number from 1 to ${MAX_CONCURRENCY}`),
    timeoutSeconds: member(whole(1, MAX_TIMEOUT_SECONDS), `must be a whole number from 1 to ${MAX_TIMEOUT_SECONDS}`),
    retrySeconds: member(
      v.nullable(RETRIES),
      `must be null for RETRY_SECONDS, or at most ${MAX_RETRIES} whole numbers of seconds up to ${MAX_RETRY_SECONDS}`,
    ),
    payload: member(v.picklist(["standard", "data", "cloudevents"]), 'must be "standard", "data" or "cloudevents"'),
    signatureHeaders: member(
      v.nullable(SIGNATURE_HEADERS),
      'must be null or {"id": …, "timestamp": …, "signature": …}: three header names that are free to set',
    ),
    signing: member(v.union([ONE_VERSION, VERSIONS]), 'must be "v1", "v1a" or ["v1", "v1a"]'),
    secret: member(
      secret,
      creating
        ? "must be `whsec_` and base64 of 24 to 64 bytes, or `whsk_` and an Ed25519 key"
        : "is changed by POST /endpoints/:id/rotate",
    ),
    startFrom: member(startFrom, 'is "now", an event id or a time, on creation alone'),
  });
}

/** Names of the members that an endpoint may be created or changed with. */
export const ENDPOINT_MEMBERS = Object.keys(inputSchema({ localDev: false, creating: true }).entries);

/** Returns the members that were given; otherwise the first fault, which names its member. */
export function parseEndpointInput(value: unknown, options: InputOptions): ParsedInput {
  if (!isPlainObject(value)) return refusedInput("send a JSON object");
  const parsed = v.safeParse(inputSchema(options), value, { abortEarly: true });
  if (!parsed.success) {
    const [{ path, message, expected }] = parsed.issues;
    // The library expects `never` of a member that no schema has.
    if (expected === "never") return refusedInput(`${JSON.stringify(v.getDotPath(parsed.issues[0]))} ${UNKNOWN}`);
    return refusedInput(path?.[0].key === "filter" ? message : `${path?.[0].key} ${message}`);
  }
  if (options.creating && !("url" in parsed.output)) return refusedInput("url is missing");
  return { ok: true, input: parsed.output };
}

function whole(min: number, max: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
}

/** Makes a member that may be left out, with one message for anything that is wrong with it. */
function member<Schema extends v.GenericSchema>(schema: Schema, message: string) {
  return v.exactOptional(v.message(schema, message));
}

function text(max: number) {
  return v.message(v.pipe(v.string(), v.maxLength(max)), `must be a text of at most ${max} characters`);
}

/** Makes a check of a function that returns what is wrong with a value, or null. */
function without<Value>(faultOf: (value: Value) => string | null) {
  return v.check<Value, (issue: v.CheckIssue<Value>) => string>(
    (value) => faultOf(value) === null,
    ({ input }) => faultOf(input) ?? "",
  );
}

function addressFault(url: string, localDev: boolean): string | null {
  const checked = checkUrl(url, { allowLoopback: localDev });
  return checked.ok ? null : `may not be called: the URL ${explainAddress[checked.reason]}`;
}

function headersFault(headers: Record<string, string>): string | null {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) return `must be at most ${MAX_HEADERS}`;
  for (const [name, value] of entries) {
    const lower = name.toLowerCase();
    if (!HEADER_NAME.test(name)) return `holds ${JSON.stringify(name)}, which is no header name`;
    if (RESERVED_HEADERS.has(lower)) return `may not set ${lower}`;
    const fits = typeof value === "string" && value.length <= MAX_HEADER_VALUE && HEADER_VALUE.test(value);
    if (!fits) return `has no valid value for ${name}`;
  }
  const names = entries.map(([name]) => name.toLowerCase());
  return new Set(names).size === names.length ? null : "names one header twice";
}

function isSecret(text: string): boolean {
  return text.startsWith("whs") && parseSigningKey(text).ok;
}

function isPlainObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refusedInput(reason: string): ParsedInput {
  return { ok: false, reason };
}

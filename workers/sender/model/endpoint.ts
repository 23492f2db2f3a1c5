import { HOUR_MS, MINUTE_MS } from "../../../shared/time.ts";
import type { ContentFilter } from "./content-filter.ts";
import type { EarlierChoice, Types } from "./subscription.ts";

/** The endpoint as the registry knows it. No I/O. */

/** Attempts that may start in one second, minute or hour. */
export type EndpointRate = { perSecond: number } | { perMinute: number } | { perHour: number };

/** `standard`: type, timestamp and data. `data`: the data alone. `cloudevents`: CloudEvents 1.0, structured. */
export type PayloadForm = "standard" | "data" | "cloudevents";

export type SignatureHeaders = { id: string; timestamp: string; signature: string };

/**
 * Everything an Endpoint needs to deliver. Members that may be absent are those that the first version did not have. `secrets`: newest first.
 */
export type EndpointConfig = {
  url: string;
  enabled: boolean;
  disabledReason: string | null;
  types: Types;
  /** Conditions on the data of the events that the endpoint gets; null for none. */
  filter?: ContentFilter | null;
  /** The types and filters before they were changed, while the log holds events of that time. */
  earlierTypes?: readonly EarlierChoice[];
  description: string;
  /** Sent with every attempt; signed headers and those of the connection are never among them. */
  headers: Readonly<Record<string, string>>;
  /** True: strictly one event after the other, in the log's order. */
  ordered: boolean;
  rateLimit: EndpointRate | null;
  /** Attempts at once, at most. */
  concurrency?: number;
  /** Seconds that an attempt may take. */
  timeoutSeconds?: number;
  /** Seconds to wait after each failed attempt; null for those of RETRY_SECONDS. */
  retrySeconds?: readonly number[] | null;
  payload?: PayloadForm;
  /** Names of the signed headers, for a receiver that knows those of another sender; null for the standard ones. */
  signatureHeaders?: SignatureHeaders | null;
  signing: readonly ("v1" | "v1a")[];
  secrets: readonly EndpointSecret[];
  createdAt: number;
};

/**
 * `expiresAt`: until when the secret signs (unix ms), null for no end. `added`: made for a change of `signing`, so that no
 * variable defines it.
 */
export type EndpointSecret = { key: string; expiresAt: number | null; added?: true };

/** Attempts at once when a configuration names no number, and the most that it may name. */
const DEFAULT_CONCURRENCY = 48;
export const MAX_CONCURRENCY = 192;

/** Returns how many attempts an endpoint takes at once, at most. */
export function concurrencyOf({ concurrency }: { concurrency?: number | undefined }): number {
  return concurrency ?? DEFAULT_CONCURRENCY;
}

const DEFAULT_TIMEOUT_SECONDS = 20;
export const MAX_TIMEOUT_SECONDS = 30;

/** The members that a configuration may leave out, with the values that stand for none. */
export function settingsOf(config: Partial<EndpointConfig>) {
  return {
    filter: config.filter ?? null,
    concurrency: concurrencyOf(config),
    timeoutSeconds: config.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
    retrySeconds: config.retrySeconds ?? null,
    payload: config.payload ?? "standard",
    signatureHeaders: config.signatureHeaders ?? null,
  };
}

/** Starts in any span of `windowMs`, at most. */
export type Rate = { count: number; windowMs: number };

/** Returns a rate limit as a rate. Those of minutes and hours are spread evenly: a server would rather not have bursts. */
export function rateOf({ rateLimit }: Pick<EndpointConfig, "rateLimit">): Rate | null {
  if (rateLimit === null) return null;
  if ("perSecond" in rateLimit) return { count: rateLimit.perSecond, windowMs: 1000 };
  if ("perMinute" in rateLimit) return { count: 1, windowMs: Math.ceil(MINUTE_MS / rateLimit.perMinute) };
  return { count: 1, windowMs: Math.ceil(HOUR_MS / rateLimit.perHour) };
}

/** In place of the value of a custom header, which may be a credential. Sent back, it keeps the value. */
export const MASKED = "(masked)";

/** Returns headers with the values that are kept; `unknown` names one that is to be kept and is not there. */
export function unmaskedHeaders(given: EndpointConfig["headers"], known: EndpointConfig["headers"]) {
  const values = new Map(Object.entries(known).map(([name, value]) => [name.toLowerCase(), value]));
  const headers = Object.entries(given).map(([name, value]) =>
    value === MASKED ? ([name, values.get(name.toLowerCase())] as const) : ([name, value] as const),
  );
  return {
    headers: Object.fromEntries(headers.filter((entry): entry is [string, string] => entry[1] !== undefined)),
    unknown: headers.find(([, value]) => value === undefined)?.[0] ?? null,
  };
}

/** `deleting`: until the Endpoint has confirmed that it is gone. */
export type RowState = "live" | "deleting";

/**
 * A row of the registry. `pushed`: the last revision that the Endpoint confirmed. `from`: the seq that a new endpoint
 * starts after.
 */
export type EndpointRow = {
  id: string;
  config: EndpointConfig;
  revision: number;
  pushed: number;
  from: number | null;
  state: RowState;
};

/** The reason of an endpoint that was disabled because the log had no room for all that it lacked. */
export const BACKLOG = "backlog";

/** The endpoint that WEBHOOK_URL defines. */
export const DEFAULT_ENDPOINT = "ep_default";

/** Returns what `ep_default` must be under the present WEBHOOK_URL (`url`) and WEBHOOK_SECRET; null for no endpoint. */
export function defaultConfig(
  url: string | null,
  secrets: readonly string[],
  { known, now }: { known: EndpointConfig | undefined; now: number },
): EndpointConfig | null {
  if (url === null && known === undefined) return null;
  // A person or a 410 may have disabled the endpoint: only another URL, or one after none, enables it again.
  const unchanged = known !== undefined && known.url === url && known.disabledReason !== UNSET;
  return {
    types: null,
    headers: {},
    ordered: false,
    rateLimit: null,
    signing: ["v1"],
    createdAt: now,
    ...known,
    description: "defined by WEBHOOK_URL",
    url: url ?? known?.url ?? "",
    enabled: url !== null && (unchanged ? known.enabled : true),
    disabledReason: url === null ? UNSET : unchanged ? known.disabledReason : null,
    secrets: [
      ...secrets.map((key) => ({ key, expiresAt: null })),
      ...(known?.secrets.filter(({ added }) => added === true) ?? []),
    ],
  };
}

const UNSET = "WEBHOOK_URL is not set";

import type { EarlierTypes, Subscription, Types } from "./subscription.ts";

/** What an Endpoint needs to deliver. `secrets` newest first; those with an end sign until then (unix ms). */
export type EndpointConfig = {
  url: string;
  enabled: boolean;
  disabledReason: string | null;
  types: Types;
  /** Before they were changed, while the log holds events of that time. */
  earlierTypes?: readonly EarlierTypes[];
  description: string;
  /** Sent with every attempt; never those that are signed or that belong to the connection. */
  headers: Readonly<Record<string, string>>;
  /** Strictly one event after the other, in the log's order. */
  ordered: boolean;
  rateLimit: { perSecond: number } | null;
  signing: readonly ("v1" | "v1a")[];
  secrets: readonly EndpointSecret[];
  createdAt: number;
};

export type EndpointSecret = { key: string; expiresAt: number | null };

export type RowState = "live" | "deleting";

/** `pushed` is the last revision the Endpoint confirmed; `from` the seq it starts after, null for its own floor. */
export type EndpointRow = {
  id: string;
  config: EndpointConfig;
  revision: number;
  pushed: number;
  from: number | null;
  state: RowState;
};

/** The endpoint that WEBHOOK_URL defines. */
export const DEFAULT_ENDPOINT = "ep_default";

/** Which events are an endpoint's. */
export function subscriptionOf({ id, config: { types, earlierTypes = [] } }: EndpointRow): Subscription {
  return { endpointId: id, types, earlier: earlierTypes };
}

/** What `ep_default` must look like, WEBHOOK_URL and WEBHOOK_SECRET being what they are now; null for nothing. */
export function defaultConfig(
  url: string | null,
  secrets: readonly string[],
  { known, now }: { known: EndpointConfig | undefined; now: number },
): EndpointConfig | null {
  if (url === null && known === undefined) return null;
  // A person or a 410 may have disabled it: only another URL, or one after none, enables it again.
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
    secrets: secrets.map((key) => ({ key, expiresAt: null })),
  };
}

const UNSET = "WEBHOOK_URL is not set";

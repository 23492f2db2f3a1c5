import { checkUrl } from "../outgoing/address.ts";
import { attempt, type Platform } from "../outgoing/attempt.ts";
import { createResolver } from "../outgoing/dns.ts";
import type { SigningKey } from "../signing/secret.ts";
import type { AlertSent } from "./alerts.ts";
import type { AlertFormat, AlertMessage } from "./message.ts";

/** Posts alerts: by the same rules for addresses as everything that leaves a Worker, signed where events are asked for. */

/** `keys` are asked for a signed event alone. `dohUrl`: the resolver that looks the host up; empty for none. */
export type AlertTarget = {
  url: string | null;
  format: AlertFormat;
  localDev: boolean;
  dohUrl: string;
  keys: () => Promise<readonly SigningKey[]>;
};

const ALERT_TIMEOUT_MS = 10_000;

/** Makes the POSTs of one turn at the same time; returns the end of each. Never rejects. */
export async function postAlerts(
  messages: readonly AlertMessage[],
  target: AlertTarget,
  platform: Platform,
): Promise<AlertSent[]> {
  const { format, localDev, dohUrl } = target;
  const refuse = (code: string, response: string | null): AlertSent[] =>
    messages.map(() => ({ status: 0, code, ms: 0, response }));
  const address = checkUrl(target.url ?? "", { allowLoopback: localDev });
  if (!address.ok) return refuse("address_forbidden", address.reason);
  const found = await createResolver({ dohUrl, ...platform })(address.url.hostname);
  if (!found.ok) return refuse(found.code, null);
  try {
    // A chat takes its own form of a body, and cannot verify a signature.
    const keys = format === "standard" ? await target.keys() : [];
    const [now, url] = [platform.now(), address.url.href];
    const timestamp = Math.floor(now / 1000);
    return await Promise.all(
      messages.map(({ id, type, data }) => {
        const event = { type, timestamp: new Date(now).toISOString(), data };
        const body = JSON.stringify(format === "standard" ? event : data);
        return attempt({ url, id, timestamp, body, headers: {}, keys, keepsAll: true }, platform, ALERT_TIMEOUT_MS);
      }),
    );
  } catch (error) {
    return refuse("secret_unusable", error instanceof Error ? error.message : String(error));
  }
}

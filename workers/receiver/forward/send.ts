import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { checkUrl, explainAddress } from "../../../shared/outgoing/address.ts";
import { attempt } from "../../../shared/outgoing/attempt.ts";
import { createResolver } from "../../../shared/outgoing/dns.ts";
import type { SigningKey } from "../../../shared/signing/secret.ts";
import type { Config } from "../config.ts";
import { bodyBytes, type EventRecord } from "../event/record.ts";
import { forwardKeys } from "../verify/forward-secret.ts";
import { type Forwarded, forwardedHeaders, forwardId } from "./request.ts";

/** Sends a logged event on to another URL. */

const MAX_URL_LENGTH = 2048;

/** An event to send on. `input`, `{url}`, is read once there is a key to sign with, and the event after that. */
type ForwardCall = { log: string; input: () => Promise<{ url?: unknown }>; record: () => Promise<EventRecord> };

/**
 * Sends the exact bytes of an event on, signed anew, and returns the target's answer, whatever it is.
 *
 * @throws Problem `forward_secret_unset`, `invalid_forward`, and what `record` throws.
 */
export async function forwardEvent(call: ForwardCall, config: Config): Promise<Forwarded> {
  const { log } = call;
  const keys = await forwardKeys(config.forwardSecret, [...config.sources.values()]);
  const url = targetOf(await call.input(), config);
  const record = await call.record();
  const { status, code, ms, response } = await postEvent(record, { url, log, keys, config });
  logEvent("event.forwarded", { log, seq: record.seq, host: url.hostname, status, code, ms });
  return { status, code, ms, response } as Forwarded;
}

/** Returns the URL to send to, checked. @throws Problem `invalid_forward` */
function targetOf({ url }: { url?: unknown }, { localDev }: Config): URL {
  if (typeof url !== "string" || url.length > MAX_URL_LENGTH) {
    throw new Problem("invalid_forward", `Send \`{"url": "https://…"}\`, of at most ${MAX_URL_LENGTH} characters.`);
  }
  const checked = checkUrl(url, { allowLoopback: localDev });
  if (checked.ok) return checked.url;
  const { reason } = checked;
  throw new Problem("invalid_forward", `The URL ${explainAddress[reason]}.`, { extra: { reason } });
}

type ForwardPost = { url: URL; log: string; keys: readonly SigningKey[]; config: Config };

/** POSTs the event. @throws Problem `invalid_forward` when the hostname has an address that may not be called. */
async function postEvent(record: EventRecord, { url, log, keys, config }: ForwardPost): Promise<Forwarded> {
  const platform = { fetch: (...call: Parameters<typeof fetch>) => fetch(...call), now: () => Date.now() };
  // A resolver for each request: one request cannot wait for another's look-up.
  const found = await createResolver({ dohUrl: config.dohUrl, ...platform })(url.hostname);
  if (!found.ok && found.code === "address_forbidden") {
    const { address, reason } = found;
    throw new Problem("invalid_forward", `The URL's host has the address ${address}: it ${explainAddress[reason]}.`, {
      extra: { reason },
    });
  }
  if (!found.ok) return { status: 0, code: found.code, ms: 0, response: null };
  const { "content-type": contentType = null, ...headers } = forwardedHeaders(record.headers, [
    ...config.sources.values(),
  ]);
  const [id, timestamp] = [forwardId(record, log), Math.floor(platform.now() / 1000)];
  const request = { url: url.href, id, timestamp, body: bodyBytes(record), contentType, headers, keys };
  // A person waits for this answer and wants to read it, a 2xx too.
  return attempt({ ...request, keepsAll: true }, platform);
}

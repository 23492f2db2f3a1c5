import { type Context, Hono } from "hono";
import { methodNotAllowed, readJson } from "../../../shared/http/answers.ts";
import { Problem } from "../../../shared/http/problem.ts";
import { logEvent } from "../../../shared/log-event.ts";
import { checkUrl, explainAddress } from "../../../shared/outgoing/address.ts";
import { type AttemptResult, attempt } from "../../../shared/outgoing/attempt.ts";
import { createResolver } from "../../../shared/outgoing/dns.ts";
import type { SigningKey } from "../../../shared/signing/secret.ts";
import { type Config, configOf, type Env } from "../config.ts";
import { bodyOf, type EventRecord } from "../event/record.ts";
import { forwardedHeaders, forwardId, forwardKeys } from "../forward/request.ts";
import { DEFAULT_LOG } from "../verify/verify.ts";
import { recordOf } from "./events.ts";
import { checkParameters } from "./parameters.ts";

const MAX_INPUT_BYTES = 16_384;
const MAX_URL = 2048;

export const forward = new Hono<{ Bindings: Env }>();

/** What became of the POST. `code` null: the target answered `status`; else why it did not, as the sender says it. */
export type Forwarded = Pick<AttemptResult, "status" | "code" | "ms" | "response"> | Unreached;
type Unreached = { status: 0; code: "dns_not_found" | "dns_unavailable"; ms: 0; response: null };

forward.post("/:seq{[1-9][0-9]{0,14}}/forward", async (c) => {
  checkParameters(new URL(c.req.url).searchParams, ["log"]);
  const input = async () => (await readJson(c.req.raw, MAX_INPUT_BYTES)).value;
  return c.json(await forwardEvent(c, input));
});
forward.all("/:seq{[1-9][0-9]{0,14}}/forward", methodNotAllowed("POST"));

/**
 * Sends the exact bytes of the event that the path and `log` name on, signed anew, to `{url}`; what the target said,
 * whatever it was. `input` is read once there is something to sign with.
 *
 * @throws Problem `forward_secret_unset`, `invalid_forward` or `not_found`.
 */
export async function forwardEvent(c: Context<{ Bindings: Env }>, input: () => Promise<unknown>): Promise<Forwarded> {
  const config = configOf(c.env);
  const keys = await forwardKeys(config.forwarding);
  const url = targetOf(await input(), config);
  const log = c.req.query("log") ?? DEFAULT_LOG;
  const record = await recordOf(c);
  const { status, code, ms, response } = await sendOn(record, { url, log, keys, config });
  logEvent("event.forwarded", { log, seq: record.seq, host: url.hostname, status, code, ms });
  return { status, code, ms, response } as Forwarded;
}

/** @throws Problem `invalid_forward` */
function targetOf(value: unknown, { localDev }: Config): URL {
  const { url, ...more } = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  if (typeof url !== "string" || url.length > MAX_URL || Object.keys(more).length > 0) {
    throw new Problem(
      "invalid_forward",
      `Send \`{"url": "https://…"}\`, of at most ${MAX_URL} characters, and nothing else.`,
    );
  }
  const checked = checkUrl(url, { allowLoopback: localDev });
  if (checked.ok) return checked.url;
  const { reason } = checked;
  throw new Problem("invalid_forward", `The URL ${explainAddress[reason]}.`, { extra: { reason } });
}

type Sending = { url: URL; log: string; keys: readonly SigningKey[]; config: Config };

/** @throws Problem `invalid_forward` when the name leads to an address that may not be called. */
async function sendOn(record: EventRecord, { url, log, keys, config }: Sending): Promise<Forwarded> {
  const platform = { fetch: (...call: Parameters<typeof fetch>) => fetch(...call), now: () => Date.now() };
  // One for each request, which could not wait for another's look-up.
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
  return attempt({ url: url.href, id, timestamp, body: bodyOf(record), contentType, headers, keys }, platform);
}

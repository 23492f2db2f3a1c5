import { Hono } from "hono";
import { methodNotAllowed, readJson } from "../../../shared/http.ts";
import { Problem } from "../../../shared/problem.ts";
import { configOf, type Env } from "../env.ts";
import { MAX_REQUEST_BYTES, parseEvents, parseExact } from "../event.ts";
import type { PublishEvent } from "../publish.ts";
import { digestOf, eventDigest } from "./digest.ts";
import { publishTo } from "./outbox.ts";

/** The draft's structured string or a bare token: draft-ietf-httpapi-idempotency-key-header, section 2.1. */
const IDEMPOTENCY_KEY = /^("[\x20-\x21\x23-\x5b\x5d-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255})$/;

/** `POST /events`: one event or an array of up to 100, answered 202 when the log has them durably. */
export const events = new Hono<{ Bindings: Env }>()
  .post("/events", async (c) => {
    const { text, value } = await readJson(c.req.raw, MAX_REQUEST_BYTES, parseExact);
    const horizonMs = configOf(c.env).retentionMs;
    const parsed = parseEvents(value, { now: Date.now(), horizonMs });
    if (!parsed.ok) throw new Problem("invalid_event", parsed.reason);
    const publishable: PublishEvent[] = await Promise.all(
      parsed.events.map(async (event) => {
        const repeatable = event.id !== null || event.deliverAt !== null;
        return { ...event, digest: repeatable ? await eventDigest(event) : null };
      }),
    );
    const request = await idempotencyOf(c.req.header("idempotency-key"), text);
    const published = await publishTo(c.env, { events: publishable, request });
    return c.json(parsed.single ? published[0] : { events: published }, 202);
  })
  .all("/events", methodNotAllowed("POST"));

async function idempotencyOf(
  header: string | undefined,
  text: string,
): Promise<{ key: string; digest: string } | null> {
  if (header === undefined) return null;
  if (!IDEMPOTENCY_KEY.test(header)) {
    throw new Problem("invalid_parameter", "Idempotency-Key must be 1 to 255 printable ASCII characters.");
  }
  return { key: header.replace(/^"(.*)"$/, "$1"), digest: await digestOf([text]) };
}
